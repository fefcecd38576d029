/** Laws about what crosses the border: results, thenables, errors, and calls of host functions. */
import { expect } from "vitest";
import type { HostFunction, SandboxOutcome, Schema } from "../sandbox.ts";
import { brief, fails, type Law, patient, returns } from "./law.ts";

export const results: readonly Law[] = [
  {
    law: "JSON values come out as they are",
    javascript: 'return { a: [1, -0.5, 1e300, "x\\n\\u2028"], b: { c: null, d: true }, "": [[]] };',
    python: 'result = {"a": [1, -0.5, 1e300, "x\\n\\u2028"], "b": {"c": None, "d": True}, "": [[]]}',
    options: patient,
    expects: returns({ a: [1, -0.5, 1e300, "x\n\u2028"], b: { c: null, d: true }, "": [[]] }),
  },
  {
    law: "a getter's value is read in the guest",
    javascript: "return { get x() { return 1; }, toString() { throw 1; } }.x;",
    options: patient,
    expects: returns(1),
  },
  {
    law: "a getter on the result runs in the guest and ends there",
    javascript: "return Object.defineProperty({}, 'x', { enumerable: true, get() { throw new RangeError('trap'); } });",
    options: patient,
    expects(outcome) {
      fails("GUEST_ERROR")(outcome);
      expect(outcome).toMatchObject({ failure: { name: "RangeError" } });
    },
  },
  {
    law: "a getter on the result that loops ends at the time limit",
    javascript: "return { get x() { for (;;); } };",
    options: brief,
    expects: fails("GUEST_TIMEOUT"),
  },
  {
    law: "an array of 100 million holes never reaches the host",
    javascript: "const list = []; list.length = 1e8; return list;",
    python: "result = [None] * 100000000",
    options: { limits: { wallMs: 500 } },
    expects: fails("GUEST_TIMEOUT", "GUEST_MEMORY", "RESULT_TOO_LARGE", "RESULT_INVALID"),
  },
  {
    law: "26 pairs in pairs never reach the host",
    javascript: "let o = { x: 1 }; for (let i = 0; i < 26; i++) o = [o, o]; return o;",
    python: "o = {'x': 1}\nfor i in range(26): o = [o, o]\nresult = o",
    options: { limits: { wallMs: 500 } },
    expects: fails("GUEST_TIMEOUT", "GUEST_MEMORY", "RESULT_TOO_LARGE", "GUEST_ERROR"),
  },
  {
    law: "nesting that overflows the host's stack is refused",
    javascript: "let o = 1; for (let i = 0; i < 500; i++) o = [o]; return o;",
    python: "o = 1\nfor i in range(500): o = [o]\nresult = o",
    options: patient,
    expects: fails("RESULT_INVALID"),
  },
  {
    law: "a key that sets a prototype is refused",
    javascript: 'return { a: JSON.parse(\'{"__proto__": { "isAdmin": true }}\') };',
    python: "result = {'a': {'__proto__': {'isAdmin': True}}}",
    options: patient,
    expects: fails("RESULT_INVALID"),
  },
  {
    law: "a number that JSON lacks is refused, not turned into null",
    javascript: "return [1, { x: Number.NaN }];",
    python: "result = [1, {'x': float('nan')}]",
    options: patient,
    expects: fails("RESULT_INVALID"),
  },
  {
    law: "a large integer is refused, not rounded",
    javascript: "return { x: 2n ** 70n };",
    python: "result = {'x': 2 ** 70}",
    options: patient,
    expects: fails("RESULT_INVALID"),
  },
  {
    law: "a function, a map or an object that is no data is refused",
    javascript: "return [() => 1, new Map()];",
    python: "result = [lambda: 1, {1}]",
    options: patient,
    expects: fails("RESULT_INVALID"),
  },
  ...(
    [
      ["{ x: (async () => 1)() }", 'a Promise at "x"'],
      ["{ list: [{ y: /a/ }] }", 'a RegExp at "list[0].y"'],
      ["[1, undefined]", 'undefined at "[1]"'],
      ["[, 1]", 'undefined at "[0]"'],
      ["[new Error('x')]", 'a Error at "[0]"'],
      ["new Uint8Array(2)", "a Uint8Array"],
      ["new WeakMap()", "a WeakMap"],
      ["{ a: new (class Hidden { #x = 1; })() }", 'a Hidden at "a"'],
      ["{ a: [1, { b: 5n }] }", 'a BigInt at "a[1].b"'],
    ] as const
  ).map(([value, place]) => ({
    law: `a result that JSON would change is refused, with its place: ${value}`,
    javascript: `return ${value};`,
    options: patient,
    expects(outcome: SandboxOutcome) {
      fails("RESULT_INVALID")(outcome);
      expect(!outcome.ok && outcome.failure.message).toContain(place);
    },
  })),
  ...(
    [
      ["[1, {'x': {1}}]", 'a set at "[1].x"'],
      ["{'a': [float('nan')]}", 'nan at "a[0]"'],
      ["(x for x in [1])", "a generator"],
    ] as const
  ).map(([value, place]) => ({
    law: `a result that JSON would change is refused, with its place: ${value}`,
    python: `result = ${value}`,
    options: patient,
    expects(outcome: SandboxOutcome) {
      fails("RESULT_INVALID")(outcome);
      expect(!outcome.ok && outcome.failure.message).toContain(place);
    },
  })),
  {
    law: "a field that is undefined counts as absent, and an object of a class keeps its fields",
    javascript: "class P { x = 1; } return { a: undefined, p: new P() };",
    options: patient,
    expects: returns({ p: { x: 1 } }),
  },
  {
    law: "a value that contains itself is refused",
    javascript: "const o = {}; o.o = [o]; return o;",
    python: "o = {}\no['o'] = [o]\nresult = o",
    options: patient,
    expects: fails("RESULT_INVALID"),
  },
  {
    law: "toJSON of the program's own decides",
    javascript: "return { a: 1, toJSON: () => 'mine' };",
    options: patient,
    expects: returns("mine"),
  },
];

export const thenables: readonly Law[] = [
  {
    law: "a thenable result is awaited",
    javascript: "return { then(resolve) { resolve(42); } };",
    options: patient,
    expects: returns(42),
  },
  {
    law: "a thenable in a thenable is awaited",
    javascript: "return { then(a) { a({ then(b) { b('deep'); } }); } };",
    options: patient,
    expects: returns("deep"),
  },
  {
    law: "a thenable that never settles ends as an error, at once",
    javascript: "return { then() {} };",
    options: { limits: { wallMs: 4000 } },
    expects: fails("GUEST_ERROR"),
  },
  {
    law: "a promise that nothing settles ends as an error, at once",
    javascript: "await new Promise(() => {});",
    options: { limits: { wallMs: 4000 } },
    expects: fails("GUEST_ERROR"),
  },
  {
    law: "a then that throws is the program's error",
    javascript: "return { get then() { throw new RangeError('then'); } };",
    options: patient,
    expects(outcome) {
      fails("GUEST_ERROR")(outcome);
      expect(outcome).toMatchObject({ failure: { name: "RangeError", message: "RangeError: then" } });
    },
  },
  {
    law: "a then that loops ends at the time limit",
    javascript: "return { then() { for (;;); } };",
    options: brief,
    expects: fails("GUEST_TIMEOUT"),
  },
  {
    law: "a thenable that resolves to itself for ever ends at a limit",
    javascript: "const o = { then(resolve) { resolve(o); } }; return o;",
    options: brief,
    expects: fails("GUEST_TIMEOUT", "GUEST_MEMORY"),
  },
];

export const errors: readonly Law[] = [
  {
    law: "an error tells its part and line",
    javascript: [
      { name: "tool", source: "function half(x) {\n  if (x % 2) throw new RangeError('odd');\n  return x / 2;\n}" },
      { name: "call", source: "const x = 3;\nreturn half(x);" },
    ],
    python: [
      { name: "tool", source: "def half(x):\n  if x % 2: raise ValueError('odd')\n  return x // 2\n" },
      { name: "call", source: "x = 3\nresult = half(x)" },
    ],
    options: patient,
    expects(outcome) {
      fails("GUEST_ERROR")(outcome);
      if (outcome.ok || outcome.failure.code !== "GUEST_ERROR") return;
      expect(outcome.failure.message).toMatch(/^(RangeError|ValueError): odd$/);
      expect(outcome.failure.at).toMatchObject({ part: "tool", line: 2 });
      expect(outcome.failure.stack).toMatch(/^ +at half \(tool:2.*\n +at .*call:2/m);
    },
  },
  {
    law: "a program that cannot be read does not run, and says where",
    javascript: [
      { name: "tool", source: "console.log('ran');" },
      { name: "call", source: "\nlet = = 3;" },
    ],
    python: [
      { name: "tool", source: "print('ran')" },
      { name: "call", source: "\nlet = = 3" },
    ],
    options: patient,
    expects(outcome) {
      fails("LOAD_FAILED")(outcome);
      expect(outcome.stdout).toBe("");
      expect(outcome).toMatchObject({ failure: { message: expect.stringMatching(/^SyntaxError: /) } });
    },
  },
  { law: "null can be thrown", javascript: "throw null;", options: patient, expects: fails("GUEST_ERROR") },
  { law: "a symbol can be thrown", javascript: "throw Symbol('s');", options: patient, expects: fails("GUEST_ERROR") },
  {
    law: "an object that is no error can be thrown, and is shown",
    javascript: "throw { code: 5 };",
    options: patient,
    expects(outcome) {
      expect(outcome).toMatchObject({ failure: { code: "GUEST_ERROR", message: 'the program threw {"code":5}' } });
    },
  },
  {
    law: "a stack that throws, lies or is no text does no harm",
    javascript: `
      const error = new Error("x");
      Object.defineProperty(error, "stack", { get() { throw error; } });
      Object.defineProperty(error, "message", { value: { toString() { throw error; } } });
      Object.defineProperty(error, "name", { get() { return { toString: () => "N".repeat(1e6) }; } });
      throw error;`,
    python: "class Liar(Exception):\n  def __str__(self): raise self\n  __repr__ = __str__\nraise Liar()",
    options: patient,
    expects(outcome) {
      fails("GUEST_ERROR")(outcome);
      expect(JSON.stringify(outcome).length).toBeLessThan(5000);
    },
  },
  {
    law: "an error is reported though the program broke toJSON of everything",
    javascript: "Object.prototype.toJSON = () => { throw 1; }; throw new RangeError('told');",
    options: patient,
    expects(outcome) {
      expect(outcome).toMatchObject({ failure: { code: "GUEST_ERROR", message: "RangeError: told" } });
    },
  },
  {
    law: "a stack that loops ends at the time limit",
    javascript: "throw Object.defineProperty(new Error('x'), 'stack', { get() { for (;;); } });",
    python: "class Liar(Exception):\n  def __str__(self):\n    while True: pass\nraise Liar()",
    options: brief,
    expects: fails("GUEST_TIMEOUT"),
  },
  {
    law: "a Proxy can be thrown",
    javascript: "throw new Proxy(new Error('x'), { get() { throw 1; }, getPrototypeOf() { throw 2; } });",
    options: patient,
    expects: fails("GUEST_ERROR"),
  },
  ...[
    "throw Object.assign(() => 1, { toString() { throw 1; } });",
    "throw Object.assign(() => 1, { toString: null, valueOf: null });",
    "throw new Proxy(function () {}, { get() { throw 1; } });",
    "throw Object.create(null);",
    "throw { get name() { throw this; }, get message() { throw this; }, get stack() { throw this; } };",
    "Object.defineProperty(Promise.prototype, 'constructor', { get() { throw () => 1; } }); throw 1;",
    "Object.defineProperty(Map, Symbol.hasInstance, { value() { throw () => 1; } }); return { a: 1 };",
  ].map((javascript) => ({
    law: `what cannot be printed is the program's error: ${javascript}`,
    javascript,
    options: patient,
    expects: fails("GUEST_ERROR"),
  })),
  ...[
    "class M(type):\n  __name__ = property(lambda c: 1/0)\nclass E(Exception, metaclass=M): pass\nraise E()",
    "class E(Exception):\n  __traceback__ = property(lambda s: 1/0)\nraise E()",
    "class E(BaseException):\n  def __str__(self): raise BaseException()\nraise E()",
    "class S(str):\n  def __getitem__(self, i): raise KeyboardInterrupt\nclass E(Exception):\n  def __str__(self): return S('x')\nraise E()",
    "class E(Exception):\n  def __getattribute__(self, name): raise BaseException()\nraise E()",
  ].map((python) => ({
    law: `what cannot be printed is the program's error: ${JSON.stringify(python)}`,
    python,
    options: patient,
    expects: fails("GUEST_ERROR"),
  })),
  ...[
    "import sys\nsys.modules['os']._exit(0)",
    "import sys\nsys.modules['os'].abort()",
    "import sys\nsys.modules['json'].dumps = None\nraise ValueError",
    "import sys\nsys.modules['os'].write = None\nresult = 1",
    "import sys\nsys.modules['os'].close(3)\nresult = 1",
    "import sys\nsys.modules['ctypes'].string_at(0)",
    "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
  ].map((python) => ({
    law: `what ends or breaks the interpreter is the program's failure: ${JSON.stringify(python)}`,
    python,
    options: patient,
    expects: fails("GUEST_CRASH", "GUEST_STACK", "GUEST_ERROR", "RESULT_INVALID"),
  })),
  {
    law: "a program without standard output has a result",
    python: "import sys\nsys.stdout = None\nresult = 1",
    options: patient,
    expects: returns(1),
  },
  {
    law: "a stack made up by the program cannot name lines that are not its own",
    javascript:
      "const e = new Error('x'); e.stack = '    at secret (program.js:999:1)\\n    at x (/etc/passwd:1:1)'; throw e;",
    options: patient,
    expects(outcome) {
      fails("GUEST_ERROR")(outcome);
      expect(!outcome.ok && JSON.stringify(outcome.failure)).not.toMatch(/999|passwd/);
    },
  },
];

/** Python that writes where the sandbox's own messages go. */
const SAY = `
import sys, json
os = sys.modules['os']
def say(message): os.write(3, (json.dumps(message) + chr(10)).encode())
`;

const anything: Schema = { "~standard": { validate: (value) => ({ value }) } };
const pair: Schema<readonly [number, number]> = {
  "~standard": {
    validate: (value) =>
      Array.isArray(value) && value.length === 2 && value.every((entry) => typeof entry === "number")
        ? { value: value as unknown as readonly [number, number] }
        : { issues: [{ message: "expected two numbers" }] },
  },
};
const add: HostFunction<readonly [number, number]> = { input: pair, run: async ([a, b]) => a + b };
const fail: HostFunction = {
  input: anything,
  run() {
    throw new TypeError("the service is closed");
  },
};
const echo: HostFunction = { input: anything, run: (value) => value };
const huge: HostFunction = { input: anything, run: () => "x".repeat(1_000_000) };
const nothing: HostFunction = { input: anything, run: () => undefined };

/** Host functions that throw, or answer by, what does harm at every touch. */
const throws = (error: unknown): HostFunction => ({
  input: anything,
  run() {
    throw error;
  },
});
const trap = (): never => {
  throw trap;
};
const evil = new Proxy(() => {}, { get: trap, getPrototypeOf: trap, has: trap, ownKeys: trap });
const hostile: Readonly<Record<string, HostFunction>> = {
  nullMessage: throws(Object.assign(new Error("x"), { message: null })),
  bare: throws(Object.create(null)),
  getter: throws(Object.defineProperty({}, "message", { get: trap })),
  proxy: throws(evil),
  symbol: throws(Symbol("s")),
  nothingThrown: throws(undefined),
  rejects: { input: anything, run: () => Promise.reject(Object.create(null)) },
  // biome-ignore lint/suspicious/noThenProperty: a then that throws is what this is for
  thenable: { input: anything, run: () => Object.defineProperty({}, "then", { get: trap }) },
  answersEvil: { input: anything, run: () => ({ toJSON: trap }) },
  answersPromise: { input: anything, run: () => ({ x: Promise.resolve(1) }) },
  badIssues: { input: { "~standard": { validate: () => ({ issues: null as never }) } }, run: () => 1 },
  evilIssues: { input: { "~standard": { validate: trap } }, run: () => 1 },
};

let wasTold = false;
/** Never answers by itself; hears that its time is over. */
const slow: HostFunction = {
  input: anything,
  run: (_, { signal }) =>
    new Promise(() => {
      signal.addEventListener("abort", () => {
        wasTold = true;
      });
    }),
};
const functions = { add: add as HostFunction, fail, echo, huge, nothing };

export const calls: readonly Law[] = [
  {
    law: "a host function is called with a checked value and its answer comes back",
    javascript: "return [await add([1, 2]), (await nothing()) ?? null, await echo({ a: ['é'] })];",
    python: "result = [add([1, 2]), nothing(), echo({'a': ['é']})]",
    options: { ...patient, functions },
    expects(outcome) {
      returns([3, null, { a: ["é"] }])(outcome);
      expect(outcome.usage.bridgeCalls).toBe(3);
    },
  },
  {
    law: "several calls may be under way",
    javascript: "return (await Promise.all([1, 2, 3, 4, 5].map((x) => add([x, 10])))).join();",
    options: { ...patient, functions },
    expects: returns("11,12,13,14,15"),
  },
  {
    law: "an argument that fails the check does not reach the function, and the program may catch it",
    javascript: "try { await add('1 + 1'); } catch (error) { return error.message; }",
    python: "try: add('1 + 1')\nexcept Exception as error: result = str(error)",
    options: { ...patient, functions },
    expects: returns("add: the argument is not valid: expected two numbers"),
  },
  {
    law: "an error of the function comes as a message without its stack",
    javascript:
      "try { await fail(1); } catch (error) { return [error.message, /bridge|node:|file:/.test(error.stack)]; }",
    python: "try: fail(1)\nexcept Exception as error: result = [str(error), False]",
    options: { ...patient, functions },
    expects: returns(["the service is closed", false]),
  },
  {
    law: "arguments that are no JSON, too long or dangerous are refused",
    javascript: `
      const circle = {}; circle.circle = circle;
      let deep = 1; for (let i = 0; i < 200; i++) deep = [deep];
      const tries = [circle, () => 1, Number.NaN, 5n, "x".repeat(1e6), deep, JSON.parse('{"__proto__": 1}'), new Map()];
      let refused = 0;
      for (const argument of tries) { try { await echo(argument); } catch { refused++; } }
      return refused;`,
    python: `
circle = {}
circle["circle"] = circle
deep = 1
for i in range(200): deep = [deep]
refused = 0
for argument in [circle, lambda: 1, float("nan"), 2 ** 70, "x" * 1000000, deep, {"__proto__": 1}, {1}]:
  try: echo(argument)
  except Exception: refused += 1
result = refused`,
    options: { ...patient, functions },
    expects: returns(8),
  },
  ...Object.keys(hostile).map((name) => ({
    law: `a host function that throws or answers a hostile value (${name}) is an error of the call, no more`,
    javascript: `try { await ${name}(1); } catch (error) { return typeof error.message; }`,
    python: `try: ${name}(1)\nexcept Exception as error: result = "string"`,
    options: { ...patient, functions: hostile },
    expects: returns("string"),
  })),
  {
    law: "an answer that JSON would change is refused, with its place",
    javascript: "try { await answersPromise(1); } catch (error) { return error.message; }",
    python: "try: answersPromise(1)\nexcept Exception as error: result = str(error)",
    options: { ...patient, functions: hostile },
    expects: returns('answersPromise: the answer is no JSON: a Promise at "x"'),
  },
  {
    law: "a call that takes longer than it may is an error of the call, and its function hears it",
    javascript: "try { await slow(1); } catch (error) { return error.message; }",
    python: "try: slow(1)\nexcept Exception as error: result = str(error)",
    options: { functions: { slow }, limits: { wallMs: 60_000, callMs: 20 } },
    expects(outcome) {
      returns("slow: no answer within 20 ms")(outcome);
      expect(wasTold).toBe(true);
    },
  },
  {
    law: "an answer that is too long is refused",
    javascript: "try { await huge(1); } catch (error) { return error.message; }",
    python: "try: huge(1)\nexcept Exception as error: result = str(error)",
    options: { ...patient, functions },
    expects: returns("huge: the answer is too long"),
  },
  {
    law: "too many calls end the program",
    javascript: "for (;;) { try { await echo(1); } catch {} }",
    python: "while True:\n  try: echo(1)\n  except BaseException: pass",
    options: { functions, limits: { wallMs: 60_000, bridgeCalls: 10 } },
    expects(outcome) {
      fails("CALL_LIMIT")(outcome);
      expect(outcome.usage.bridgeCalls).toBe(10);
    },
  },
  {
    law: "a flood of calls at once ends the program",
    javascript: "await Promise.all(Array.from({ length: 1e5 }, () => echo(1)));",
    options: { functions, limits: { wallMs: 115_000 } }, // all calls are made before the first is answered
    expects: fails("CALL_LIMIT"),
  },
  ...[
    "for _ in range(100000): say({'type': 'ready', 'obstacle': None})",
    "say({'type': 'ready', 'obstacle': None})",
    "for _ in range(100000): say(None)",
    "for _ in range(100000): say({'type': 'nonsense'})",
    "say({'type': 'call'})",
    "say({'type': 'end'})",
    "say({'type': 'end', 'text': 'e' + json.dumps({'name': 'E' * 100000, 'message': 'x' * 100000, 'stack': 5})})",
    "while True: os.write(3, b'x' * 60000)",
  ].map((python) => ({
    law: `a program that writes the sandbox's own messages fails, and costs no more than it wrote: ${python}`,
    python: `${SAY}${python}`,
    options: patient,
    expects: fails("RESULT_INVALID"),
  })),
  {
    law: "an error whose stack the program made up costs no more than it is long",
    python: `${SAY}say({'type': 'end', 'phase': 'run', 'text': 'e' + json.dumps({'name': 'N' * 500000, 'message': 'm', 'stack': 'f 1\\n' * 100000})})`,
    options: patient,
    expects(outcome) {
      fails("GUEST_ERROR")(outcome);
      expect(JSON.stringify(outcome).length).toBeLessThan(5000);
    },
  },
  {
    law: "functions that were not listed are not there",
    javascript: "return typeof echo;",
    python: "result = 'echo' in globals()",
    options: patient,
    expects: (outcome) => expect(outcome.ok && [false, "undefined"].includes(outcome.value as string)).toBe(true),
  },
  {
    law: "a call that nobody awaits does not keep the program",
    javascript: "echo(1); return 'done';",
    options: { ...patient, functions },
    expects: returns("done"),
  },
];
