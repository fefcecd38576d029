/** Laws about what a guest finds: nothing of the host, its own language unharmed, and the same in every run. */
import { expect } from "vitest";
import { fails, type Law, patient, returns, returnsOrThrows } from "./law.ts";

const HOST_NAMES =
  "process require module exports Buffer fetch XMLHttpRequest WebSocket Worker WebAssembly navigator Deno Bun setImmediate global window self importScripts scriptArgs std os";

export const surface: readonly Law[] = [
  {
    law: "no name of the host is there",
    javascript: `return ${JSON.stringify(HOST_NAMES.split(" "))}.filter((name) => typeof globalThis[name] !== "undefined");`,
    options: patient,
    expects: returns([]),
  },
  {
    law: "the Function constructor reaches the guest's own globals at most",
    javascript: "return (() => {}).constructor.constructor('return typeof process + typeof require')();",
    options: patient,
    expects: returnsOrThrows("undefinedundefined"),
  },
  {
    law: "constructors of asynchronous functions and generators reach no further",
    javascript: `
      const AsyncFunction = (async () => {}).constructor;
      const Generator = function* () {}.constructor;
      return [await new AsyncFunction("return typeof process")(), new Generator("yield typeof process")().next().value];`,
    options: patient,
    expects: returnsOrThrows(["undefined", "undefined"]),
  },
  {
    law: "what the host hands in leads nowhere",
    javascript: `
      const found = [];
      const seen = new Set();
      const walk = (value, depth) => {
        if ((typeof value !== "object" && typeof value !== "function") || value === null) return;
        if (seen.has(value) || depth > 6) return;
        seen.add(value);
        for (const key of Reflect.ownKeys(value)) {
          const name = String(key);
          if (/^(process|env|require|mainModule|binding|fs|child_process|constructor_host)$/.test(name)) found.push(name);
          let next;
          try { next = value[key]; } catch { continue; }
          walk(next, depth + 1);
        }
        walk(Object.getPrototypeOf(value), depth + 1);
      };
      for (const start of [globalThis, console, print, input, new Error("x"), (function () { return this; })()]) walk(start, 0);
      return found;`,
    options: { ...patient, input: { some: [1, 2] } },
    expects: returns([]),
  },
  {
    law: "a thrown stack names no file of the host",
    javascript: "const error = new Error('x'); return /file:|node:|node_modules|[/]guest[/]/.test(error.stack);",
    options: patient,
    expects: returns(false),
  },
  {
    law: "modules cannot be loaded",
    javascript:
      "const tried = ['fs', 'node:fs', 'file:///etc/passwd', './x.js', 'https://example.com/x.js', 'data:text/javascript,1']; let loaded = 0; for (const name of tried) { try { await import(name); loaded++; } catch {} } return loaded;",
    options: patient,
    expects: returns(0),
  },
  {
    law: "an import statement is no program",
    javascript: "import fs from 'node:fs'; return 1;",
    options: patient,
    expects: fails("LOAD_FAILED"),
  },
  {
    law: "files, processes, sockets and the environment are out of reach",
    python: `
import sys
os = sys.modules["os"]
def socket():
  import _socket
  return _socket.socket()
tries = [
  lambda: open(input["file"]).read(), lambda: os.open(input["file"], 0), lambda: os.listdir("/"),
  lambda: 1 / (os.system("env") - 32512), lambda: os.fork(), lambda: os.execv("/bin/sh", ["sh"]), lambda: os.kill(os.getppid(), 9),
  lambda: __import__("subprocess").run(["env"]), socket, lambda: __import__("ctypes").CDLL(None).fork(),
  lambda: open("/proc/self/environ").read(), lambda: open("/tmp/x", "w"), lambda: os.dup(1), lambda: os.pipe(),
  lambda: sys.modules["resource"].setrlimit(7, (100, 100)), lambda: os.environ["CAMBIUM_CANARY"],
]
done = []
for i, attempt in enumerate(tries):
  try: done.append([i, repr(attempt())])
  except BaseException: pass
result = [entry for entry in done if entry[1] != "-1"]`,
    options: patient,
    expects: returns([]),
  },
  {
    law: "every system call that is not for computing is refused, whoever makes it",
    python: `
import sys
libc = sys.modules["ctypes"].CDLL(None, use_errno=True)
names = ["open", "openat", "socket", "fork", "vfork", "execve", "kill", "ptrace", "mount", "unshare", "chroot", "setuid", "prctl", "dup", "dup2", "pipe", "mkdir", "unlink", "getppid", "getuid"]
result = [name for name in names if getattr(libc, name)(0, 0, 0, 0) != -1]`,
    options: patient,
    expects: returns([]),
  },
];

export const language: readonly Law[] = [
  {
    law: "a custom toString is used",
    javascript: `
      function Fraction(n, d) { this.n = n; this.d = d; }
      Fraction.prototype.toString = function () { return this.n + "/" + this.d; };
      console.log(new Fraction(1, 2));
      return String(new Fraction(3, 4));`,
    python: "class Fraction:\n  def __str__(self): return '3/4'\nprint('1/2')\nresult = str(Fraction())",
    options: patient,
    expects(outcome) {
      returns("3/4")(outcome);
      expect(outcome.stdout).toBe("1/2\n");
    },
  },
  {
    law: "a built-in prototype can be extended and changed",
    javascript: `
      Array.prototype.last = function () { return this[this.length - 1]; };
      Array.prototype.toString = function () { return "list"; };
      return [[1, 2, 3].last(), String([1])];`,
    options: patient,
    expects: returns([3, "list"]),
  },
  {
    law: "a program that breaks built-ins breaks only itself",
    javascript: `
      JSON.stringify = () => "broken"; JSON.parse = () => "broken"; Array.prototype.push = () => "broken";
      String.prototype.slice = () => "broken"; Object.defineProperty = () => "broken"; Map.prototype.get = () => "broken";
      Reflect.apply = () => "broken"; Promise.prototype.then = undefined;
      print("printed");
      return { a: [1, "x"] };`,
    options: patient,
    expects(outcome) {
      returns({ a: [1, "x"] })(outcome);
      expect(outcome.stdout).toBe("printed\n");
    },
  },
  {
    law: "nothing of a program is left for the next",
    javascript: "globalThis.kept = (globalThis.kept ?? 0) + 1; Object.prototype.kept ??= 0; return [globalThis.kept];",
    python: "import sys\nsys.kept = getattr(sys, 'kept', 0) + 1\nresult = [sys.kept]",
    options: patient,
    expects: returns([1]),
  },
  {
    law: "lines of console.log and print come in order, values readable",
    javascript: `
      console.log("a", 1, true, null, undefined, [1, { b: 2 }], 12n, Number.NaN);
      console.error(new RangeError("bad")); print(new Map([[1, 2]]), new Set([3]), Symbol("s"));
      const circle = {}; circle.circle = circle; print(circle);`,
    options: patient,
    expects(outcome) {
      expect(outcome.stdout).toBe(
        'a 1 true null undefined [1,{"b":2}] 12 NaN\nRangeError: bad\n[[1,2]] [3] Symbol(s)\n[object]\n',
      );
    },
  },
  {
    law: "await and return work at the top",
    javascript: "const x = await Promise.resolve(20); return x + 22;",
    options: patient,
    expects: returns(42),
  },
  {
    law: "a program without a result has none",
    javascript: "const x = 1;",
    python: "x = 1",
    options: patient,
    expects: returns(undefined),
  },
  {
    law: "input is a variable like any other",
    javascript: "const input = globalThis.input.list.map((x) => 2 * x); return input;",
    python: "result = [2 * x for x in input['list']]",
    options: { ...patient, input: { list: [1, 2, 3] } },
    expects: returns([2, 4, 6]),
  },
  {
    law: "text outside of ASCII survives both ways",
    javascript: "print(input); return input + '\\u0000';",
    python: "print(input)\nresult = input + '\\x00'",
    options: { ...patient, input: "é €, 😀" },
    expects(outcome) {
      returns("é €, 😀\u0000")(outcome);
      expect(outcome.stdout).toBe("é €, 😀\n");
    },
  },
  {
    law: "the maths kit is there when it is asked for",
    javascript: `
      const m = matrix([[2, 1], [1, 3]]);
      return [
        String(rational(1, 3).add("1/6")), integers.factor(360), String(polynomial([2, -3, 1])),
        m.determinant().toNumber(), m.inverse().rows, statistics.mean([0.1, 0.2, 0.3]),
      ];`,
    options: { ...patient, kit: true },
    expects: returns([
      "1/2",
      [
        [2, 3],
        [3, 2],
        [5, 1],
      ],
      "x^2 - 3x + 2",
      5,
      [
        ["3/5", "-1/5"],
        ["-1/5", "2/5"],
      ],
      0.2,
    ]),
  },
];

export const determinism: readonly Law[] = [
  {
    law: "the clock starts where it is told and moves with each reading",
    javascript: "return [Date.now(), Date.now() > 1e12, new Date().getTime() - Date.now()];",
    options: { ...patient, clockMs: 1_700_000_000_000 },
    expects: returns([1_700_000_000_000, true, -1]),
  },
  {
    law: "the time zone is UTC",
    javascript: "return [new Date(0).getTimezoneOffset(), new Date(2020, 5, 1).toISOString(), new Date(0).getHours()];",
    options: patient,
    expects: returns([0, "2020-06-01T00:00:00.000Z", 0]),
  },
  {
    law: "the clock of time.time starts where it is told",
    python: "import time\nresult = [time.time(), time.time() > 1e9]",
    options: { ...patient, clockMs: 1_700_000_000_000 },
    expects: returns([1_700_000_000, true]),
  },
];
