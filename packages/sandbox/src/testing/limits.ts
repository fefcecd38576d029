/** Laws about limits: time, memory, stack, output, source, results and calls. */
import { expect } from "vitest";
import { memoryBombs } from "./bombs.ts";
import { brief, fails, type Law, patient, returns } from "./law.ts";

const endless = (law: string, javascript: string, python?: string): Law => ({
  law: `${law} ends at the time limit`,
  javascript,
  ...(python === undefined ? {} : { python }),
  options: brief,
  expects: fails("GUEST_TIMEOUT"),
});

export const loops: readonly Law[] = [
  endless("a loop", "for (;;);", "while True: pass"),
  endless(
    "a loop in finally",
    "try { for (;;); } finally { for (;;); }",
    "try:\n  while True: pass\nfinally:\n  while True: pass",
  ),
  endless(
    "a loop that catches everything",
    "for (;;) { try { throw 1; } catch { continue; } finally { continue; } }",
    "while True:\n  try: raise KeyboardInterrupt\n  except BaseException: pass",
  ),
  endless("a loop of promise callbacks", "const again = () => Promise.resolve().then(again); await again();"),
  endless("a loop of awaits", "for (;;) await null;"),
  endless("a loop behind the result", "(async () => { for (;;); })(); return 1;"),
  endless(
    "a regular expression that backtracks",
    "return /^(a+)+$/.test('a'.repeat(40) + 'b');",
    "import re\nre.match('^(a+)+$', 'a' * 40 + 'b')",
  ),
  endless(
    "a comparator",
    "[3, 1, 2].sort(() => { for (;;); });",
    "def key(x):\n  while True: pass\nsorted([3, 1, 2], key=key)",
  ),
  endless(
    "a getter",
    "const trap = { get x() { for (;;); } }; return trap.x;",
    "class Trap:\n  @property\n  def x(self):\n    while True: pass\nTrap().x",
  ),
  endless(
    "a Proxy",
    "return JSON.stringify(new Proxy({}, { ownKeys() { for (;;); } }));",
    "class Trap:\n  def __getattr__(self, name):\n    while True: pass\nTrap().x",
  ),
  endless(
    "a generator",
    "function* count() { for (let i = 0; ; i++) yield i; } for (const i of count()); ",
    "def count():\n  while True: yield 1\nfor i in count(): pass",
  ),
  endless(
    "a conversion",
    "return String({ toString() { for (;;); } });",
    "class T:\n  def __str__(self):\n    while True: pass\nprint(T())",
  ),
  endless(
    "one long operation of the engine",
    "const list = []; list.length = 1e9; return JSON.stringify(list).length;",
    "10 ** (10 ** 8)",
  ),
];

const bomb = (what: string, javascript: string, python?: string): Law => ({
  law: `${what} end at the memory limit`,
  javascript,
  ...(python === undefined ? {} : { python }),
  options: patient,
  expects: fails("GUEST_MEMORY"),
});

export const memory: readonly Law[] = [
  bomb("arrays", memoryBombs.arrays, "kept = []\nwhile True: kept.append([1.5] * 1000)"),
  bomb("strings", memoryBombs.strings, "kept = []\nwhile True: kept.append('x' * len(kept) + str(len(kept)))"),
  bomb("typed arrays", memoryBombs["typed arrays"], "kept = []\nwhile True: kept.append(bytearray(100000))"),
  bomb("maps", memoryBombs.maps, "kept = {}\nwhile True: kept[len(kept)] = {}"),
  bomb("closures", memoryBombs.closures, "kept = []\nwhile True: kept.append(lambda big=list(range(100)): big)"),
  bomb(
    "large integers",
    memoryBombs["large integers"],
    "kept = []\nwhile True: kept.append((1 << 100000) + len(kept))",
  ),
  bomb("objects in objects", memoryBombs["objects in objects"], "chain = {}\nwhile True: chain = {'chain': chain}"),
  {
    law: "one allocation past the limit fails at once",
    javascript: "return new Uint8Array(2 ** 30).length;",
    python: "result = len(bytearray(2 ** 30))",
    options: patient,
    expects: fails("GUEST_MEMORY", "GUEST_ERROR"),
  },
  {
    law: "a program may recover from running out of memory",
    javascript: `
      let kept = [];
      try { for (;;) kept.push(new Array(1000).fill(1.5)); } catch { kept = undefined; }
      return "recovered";`,
    python:
      "kept = []\ntry:\n  while True: kept.append([1.5] * 1000)\nexcept MemoryError:\n  kept = None\nresult = 'recovered'",
    options: patient,
    expects: returns("recovered"),
  },
];

const deep = (what: string, javascript: string, python?: string): Law => ({
  law: `${what} ends at the stack limit`,
  javascript,
  ...(python === undefined ? {} : { python }),
  options: patient,
  expects: fails("GUEST_STACK"),
});

export const recursion: readonly Law[] = [
  deep("a function that calls itself", "function f() { return f() + 1; } return f();", "def f(): return f() + 1\nf()"),
  deep(
    "a getter that reads itself",
    "const o = { get x() { return this.x + 1; } }; return o.x;",
    "class O:\n  @property\n  def x(self): return self.x\nO().x",
  ),
  deep(
    "a conversion that converts itself",
    "const o = { toString() { return String(this) + 1; } }; return String(o);",
    "class O:\n  def __str__(self): return str(self)\nstr(O())",
  ),
  deep("a Proxy that asks itself", "const p = new Proxy({}, { get(_, key, self) { return self[key]; } }); return p.x;"),
  deep(
    "toJSON that stringifies itself",
    "const o = { toJSON() { return JSON.stringify(this); } }; return JSON.stringify(o);",
    "import json\njson.dumps(1, default=None)\ndef f(o): return json.dumps(o, default=f)\nf(object())",
  ),
  {
    law: "deep JSON text is refused or read, and harms nobody",
    javascript: "return JSON.parse('['.repeat(50_000) + ']'.repeat(50_000)).length;",
    python: "import json\nresult = len(json.loads('[' * 50000 + ']' * 50000))",
    options: patient,
    expects: (outcome) => (outcome.ok ? returns(1)(outcome) : fails("GUEST_STACK", "GUEST_ERROR")(outcome)),
  },
  {
    law: "a deep regular expression is refused or read, and harms nobody",
    javascript: "return new RegExp('('.repeat(20_000) + ')'.repeat(20_000)).test('');",
    python: "import re\nre.compile('(' * 20000 + ')' * 20000)\nresult = True",
    options: patient,
    expects: (outcome) => (outcome.ok ? returns(true)(outcome) : fails("GUEST_STACK", "GUEST_ERROR")(outcome)),
  },
  {
    law: "deeply nested source is refused, and harms nobody",
    javascript: `return ${"[".repeat(20_000)}${"]".repeat(20_000)};`,
    python: `result = ${"(".repeat(20_000)}${")".repeat(20_000)}`,
    options: patient,
    expects: fails("LOAD_FAILED", "GUEST_STACK", "GUEST_MEMORY"),
  },
];

export const floods: readonly Law[] = [
  {
    law: "output past its limit ends the program and is kept up to there",
    javascript: "for (;;) console.log('x'.repeat(1000));",
    python: "while True: print('x' * 1000)",
    options: { limits: { wallMs: 60_000, stdoutBytes: 10_000 } },
    expects(outcome) {
      fails("GUEST_OUTPUT_LIMIT")(outcome);
      expect(outcome.stdout.length).toBe(10_000);
    },
  },
  {
    law: "one line past the limit is cut between characters",
    javascript: "console.log('a' + 'é'.repeat(1e6));",
    python: "print('a' + 'é' * 1000000)",
    options: { limits: { wallMs: 60_000, stdoutBytes: 1000 } },
    expects(outcome) {
      fails("GUEST_OUTPUT_LIMIT")(outcome);
      expect(outcome.stdout.replace("\ufffd", "")).toBe(`a${"é".repeat(499)}`);
    },
  },
  {
    law: "an error text of 20 MB is cut",
    javascript: "throw new Error('x'.repeat(2e7));",
    python: "raise ValueError('x' * 20000000)",
    options: patient,
    expects(outcome) {
      fails("GUEST_ERROR")(outcome);
      expect(JSON.stringify(outcome).length).toBeLessThan(5000);
    },
  },
  {
    law: "what was printed before a failure is kept",
    javascript: "console.log('before'); for (;;);",
    python: "print('before')\nwhile True: pass",
    options: { limits: { wallMs: 400 } },
    expects(outcome) {
      fails("GUEST_TIMEOUT")(outcome);
      expect(outcome.stdout).toBe("before\n");
    },
  },
  {
    law: "a result past its limit is not read",
    javascript: "return 'x'.repeat(1e6);",
    python: "result = 'x' * 1000000",
    options: patient,
    expects: fails("RESULT_TOO_LARGE"),
  },
  {
    law: "the limit of a result counts bytes, not characters",
    javascript: "return 'é'.repeat(600);",
    python: "result = 'é' * 600",
    options: { limits: { resultBytes: 1000, wallMs: 60_000 } },
    expects: fails("RESULT_TOO_LARGE"),
  },
  {
    law: "a source past its limit does not run",
    javascript: `console.log("ran"); // ${"x".repeat(70_000)}`,
    python: `print("ran") # ${"x".repeat(70_000)}`,
    expects(outcome) {
      fails("LOAD_FAILED")(outcome);
      expect(outcome.stdout).toBe("");
    },
  },
];
