/**
 * Programs that try to get out of a JavaScript sandbox or to take the host down with them, made from a seed. A program is
 * some tampering, an attack in some wrapping, and an ending; sometimes it tries to close the function that it stands in,
 * and sometimes its text is broken at random.
 */

/** Draws for one program. */
export interface Draw {
  /** An integer from 0 to `below` − 1. */
  integer(below: number): number;
  pick<Item>(items: readonly Item[]): Item;
  chance(probability: number): boolean;
}

/** A stream of draws; equal seeds, equal draws. */
function drawFrom(seed: number): Draw {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
  };
  uniform();
  const integer = (below: number): number => Math.floor(uniform() * below);
  return { integer, pick: (items) => items[integer(items.length)]!, chance: (probability) => uniform() < probability };
}

const GLOBALS =
  "Object Array Function Promise JSON Math Reflect Proxy String Number Symbol Map Set Error Date console print input echo again undefined";
const KEYS =
  "then toJSON toString valueOf constructor __proto__ length name message stack get set value writable type text id ok code";

/** Functions and objects that misbehave when the sandbox or the host touches them. */
const EVIL = [
  "() => { for (;;); }",
  "function () { return this; }",
  "(...all) => { throw all; }",
  "function loop() { return loop() + 1; }",
  "() => 'x'.repeat(1e6)",
  "() => new Proxy({}, { get: (_, key) => key })",
  "async () => { for (;;) await null; }",
  "() => print('evil')",
  "() => echo({ evil: 1 })",
  "class { static [Symbol.hasInstance]() { throw 1; } }",
  "null",
  "new Proxy(function () {}, { apply() { throw new Error('apply'); }, get() { throw new Error('get'); } })",
];

const tampers: readonly ((draw: Draw) => string)[] = [
  ({ pick }) => `Object.prototype.${pick(KEYS.split(" "))} = ${pick(EVIL)};`,
  ({ pick }) => `Array.prototype.${pick(["push", "map", "join", "toString", "0"].slice(0, 4))} = ${pick(EVIL)};`,
  ({ pick }) => `globalThis.${pick(GLOBALS.split(" "))} = ${pick(EVIL)};`,
  ({ pick }) => `delete globalThis.${pick(GLOBALS.split(" "))};`,
  ({ pick }) =>
    `Object.defineProperty(Object.prototype, "${pick(KEYS.split(" "))}", { get: ${pick(EVIL)}, set: ${pick(EVIL)} });`,
  ({ pick }) => `Array.prototype[Symbol.iterator] = ${pick(EVIL)};`,
  ({ pick }) => `Promise.prototype.then = ${pick(EVIL)};`,
  ({ pick }) => `JSON.${pick(["parse", "stringify"])} = ${pick(EVIL)};`,
  ({ pick }) => `Reflect.${pick(["apply", "ownKeys", "get"])} = ${pick(EVIL)};`,
  ({ pick }) =>
    `Object.setPrototypeOf(${pick(["Array", "Error", "Promise", "Map"])}.prototype, new Proxy({}, { get: ${pick(EVIL)} }));`,
  ({ pick }) => `Object.freeze(${pick(["globalThis", "Object.prototype", "Promise.prototype", "console"])});`,
  ({ pick }) => `Error.prepareStackTrace = ${pick(EVIL)}; Error.stackTraceLimit = 1e9;`,
  ({ pick }) => `Object.defineProperty(Promise, Symbol.species, { get: ${pick(EVIL)} });`,
  ({ pick }) => `String.prototype.${pick(["slice", "replaceAll", "toString"])} = ${pick(EVIL)};`,
];

/** Ways to what a guest should not have. Whatever one finds is printed. */
const probes: readonly string[] = [
  "Function('return this')()",
  "(0, eval)('this')",
  "this.constructor.constructor('return process')()",
  "print.constructor('return process.env')()",
  "console.log.constructor('return globalThis.process')().env",
  "input.constructor.constructor('return globalThis')()",
  "echo.constructor('return process.mainModule.require')()('fs').readFileSync(input.file, 'utf8')",
  "new Error().stack",
  "arguments.callee.caller",
  "print.caller",
  "await import('node:fs').then((fs) => fs.readFileSync(input.file, 'utf8'))",
  "await import(input.file)",
  "require('fs').readFileSync(input.file, 'utf8')",
  "process.env.CAMBIUM_CANARY",
  "globalThis.process.binding('fs')",
  "fetch('file://' + input.file)",
  "std.loadFile(input.file)",
  "os.open(input.file)",
  "new Worker(input.file)",
  "new SharedArrayBuffer(1e9)",
  "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)",
  "new WebAssembly.Memory({ initial: 1 })",
  "await echo({ file: input.file, ['__proto__']: { polluted: true } })",
  'await echo(JSON.parse(\'{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": 1}}}\'))',
  "await echo(Function)",
  "await echo.call(globalThis, ...new Array(1000))",
  "await new echo()",
  "await again('return await again(input.source)')",
  "await again('for (;;);')",
  "await again('return [typeof process, typeof require]')",
  "await Promise.all(Array.from({ length: 60 }, (_, i) => echo(i)))",
  "Object.getOwnPropertyNames(globalThis).map((name) => globalThis[name])",
  "Reflect.ownKeys(globalThis).map((key) => Object.getOwnPropertyDescriptor(globalThis, key).get)",
  "sandboxHost.call('again', '\"return 1\"')",
  "sandboxOutput.print('\\u001b[2J')",
  "new FinalizationRegistry(print).register({}, 'gone')",
  "setTimeout('print(1)', 0)",
  "queueMicrotask(function again() { queueMicrotask(again); })",
];

/** Ways to use up time, memory, stack or output. */
const bombs: readonly ((draw: Draw) => string)[] = [
  () => "for (;;);",
  () => "for (;;) try { throw 1; } catch {} finally { continue; }",
  () => "(function again() { Promise.resolve().then(again); })(); await new Promise(() => {});",
  ({ integer }) => `const kept = []; for (;;) kept.push(new Array(${1 + integer(100_000)}).fill(1.5));`,
  ({ integer }) => `const kept = []; for (;;) kept.push(new Uint8Array(${1 + integer(10_000_000)}));`,
  ({ integer }) =>
    `let text = 'x'; for (let i = 0; i < ${integer(60)}; i++) text += text; print(text.length); echo(text);`,
  ({ integer }) => `let n = 3n; for (let i = 0; i < ${integer(40)}; i++) n *= n; print(n);`,
  () => "const map = new Map(); for (let i = 0; ; i++) map.set({}, i);",
  () => "function down() { return down() + 1; } down();",
  ({ integer }) => `JSON.parse('['.repeat(${integer(200_000)}));`,
  ({ integer }) => `new RegExp('('.repeat(${integer(50_000)}) + ')'.repeat(${integer(50_000)}));`,
  () => "/^(a|a)*$/.test('a'.repeat(50) + '!');",
  ({ integer }) => `[...Array(${2 + integer(50)}).keys()].sort(() => { for (;;); });`,
  ({ integer }) => `for (;;) print('${"x".repeat(50)}'.repeat(${1 + integer(1000)}));`,
  () => "for (;;) print();",
  () => "for (;;) echo(1);",
  ({ integer }) => `const list = []; list.length = ${1 + integer(4_000_000_000)}; list.join();`,
  ({ integer }) => `'x'.padEnd(${integer(1_000_000_000)}).split('').map((x) => [x]);`,
  () => "new Proxy({}, { ownKeys() { for (;;); } }).x; Object.keys(new Proxy({}, { ownKeys() { for (;;); } }));",
  ({ integer }) => `eval('1' + '+1'.repeat(${integer(100_000)}));`,
  () => "const g = (function* () { for (;;) yield g.next; })(); for (const x of g);",
];

const wrappings: readonly ((body: string) => string)[] = [
  (body) => body,
  (body) => `try { ${body} } catch (error) { print(error); }`,
  (body) => `try { ${body} } finally { ${body} }`,
  (body) => `await (async () => { ${body} })();`,
  (body) => `(async () => { ${body} })(); await null;`,
  (body) => `await [...(function* () { yield (async () => { ${body} })(); })()][0];`,
  (body) => `await ({ get x() { return (async () => { ${body} })(); } }).x;`,
  (body) => `await new Proxy({}, { get: () => async () => { ${body} } }).y();`,
  (body) => `await Promise.all([1, 2, 3].map(async () => { ${body} }));`,
  (body) => `await Promise.resolve().then(async () => { ${body} });`,
  (body) => `label: for (let i = 0; i < 3; i++) { ${body} }`,
  (body) => `await { async then(resolve) { ${body} resolve(1); } };`,
  (body) => `with (new Proxy({}, { has: () => false })) { ${body} }`,
];

const endings: readonly ((draw: Draw) => string)[] = [
  () => "",
  () => "return 1;",
  ({ integer }) => `const out = []; out.length = ${1 + integer(4_000_000_000)}; return out;`,
  ({ integer }) => `let o = { x: 1 }; for (let i = 0; i < ${integer(40)}; i++) o = [o, o]; return o;`,
  ({ integer }) => `let o = 1; for (let i = 0; i < ${integer(20_000)}; i++) o = [o]; return o;`,
  ({ integer }) => `return 'x'.repeat(${integer(3_000_000)});`,
  ({ integer }) =>
    `return Object.fromEntries(Array.from({ length: ${integer(50_000)} }, (_, i) => ['__proto__' + i, i]));`,
  () => 'return JSON.parse(\'{"__proto__": {"polluted": true}}\');',
  () => "return { constructor: { prototype: { polluted: true } }, ['__proto__']: { polluted: true } };",
  ({ pick }) => `return { then: ${pick(EVIL)} };`,
  ({ pick }) => `return { toJSON: ${pick(EVIL)} };`,
  ({ pick }) => `return { get x() { return (${pick(EVIL)})(); } };`,
  ({ pick }) => `return new Proxy([], { get: ${pick(EVIL)} });`,
  () => "const o = {}; o.o = o; return o;",
  () => "return [2n ** 4000n, Symbol('x'), () => 1, NaN, -0, undefined];",
  () => "return globalThis;",
  () => "throw globalThis;",
  ({ pick }) =>
    `throw Object.defineProperty(new Error('x'), '${pick(["stack", "message", "name"])}', { get: ${pick(EVIL)} });`,
  ({ pick }) => `throw { name: ${pick(EVIL)}, message: ${pick(EVIL)}, stack: ${pick(EVIL)} };`,
  ({ integer }) => `throw new Error('x'.repeat(${integer(20_000_000)}));`,
  () => "throw null;",
  () => "throw new Proxy(new Error(), { getPrototypeOf() { throw 1; }, get() { for (;;); } });",
];

/** Ways to close the function that a program is put in, and to open another behind the attack. */
const breakouts: readonly ((attack: string) => string)[] = [
  (attack) => `});\n${attack}\n(async function () {`,
  (attack) => `}), (() => { ${attack} })(), (async function () {`,
  (attack) => `}\n${attack}\n{`,
  (attack) => `\n})((() => { ${attack} })(), async () => {`,
  (attack) => `*/ ${attack} /*`,
  (attack) => `\u2028${attack}//`,
];

const SCRAPS = [
  "}",
  ")",
  "`",
  "*/",
  "//",
  "\u2028",
  "<!--",
  "\0",
  "\ud800",
  "\\u{110000}",
  "await ",
  "import.meta",
  "#x",
  "${",
  "'",
  "super",
];

function spoil(source: string, { integer, pick }: Draw): string {
  const at = integer(source.length + 1);
  return `${source.slice(0, at)}${pick(SCRAPS)}${source.slice(at + integer(5))}`;
}

/** The program of a seed. */
export function hostileProgram(seed: number): string {
  const draw = drawFrom(seed);
  const { integer, pick, chance } = draw;
  const probe = (): string =>
    `try { const found = ${pick(probes)}; print(String(found), found); } catch (error) { print(error.message); }`;
  const attack = chance(0.55) ? Array.from({ length: 1 + integer(4) }, probe).join("\n") : pick(bombs)(draw);
  const tampering = chance(0.5) ? Array.from({ length: 1 + integer(3) }, () => pick(tampers)(draw)).join("\n") : "";
  const body = pick(wrappings)(attack);
  const program = chance(0.1) ? pick(breakouts)(body.replaceAll("await ", "")) : body;
  const whole = [tampering, program, pick(endings)(draw)].join("\n");
  return chance(0.08) ? spoil(whole, draw) : whole;
}
