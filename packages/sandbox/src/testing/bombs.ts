/** Programs that take memory until they are stopped. */
export const memoryBombs = {
  arrays: "const kept = []; for (;;) kept.push(new Array(1000).fill(1.5));",
  strings: "const kept = []; for (let i = 0; ; i++) kept.push(String(i).repeat(5000));",
  "typed arrays": "const kept = []; for (;;) kept.push(new Uint8Array(100_000).fill(1));",
  maps: "const kept = new Map(); for (let i = 0; ; i++) kept.set(i, { i });",
  closures: "const kept = []; for (let i = 0; ; i++) { const big = new Array(100).fill(i); kept.push(() => big); }",
  "large integers": "const kept = []; for (let i = 1n; ; i++) kept.push((1n << 100_000n) + i);",
  "objects in objects": "let chain = {}; for (;;) chain = { chain, more: {} };",
} as const;

/** Programs whose result, error or output would take memory of the host. */
export const crossingBombs = {
  "error text of 20 MB": "throw new Error('x'.repeat(2e7));",
  "joined string": "const parts = []; for (let i = 0; i < 2e6; i++) parts.push('part ' + i); return parts.join();",
  "result of 30 MB": "return 'x'.repeat(3e7);",
  "array of holes": "const list = []; list.length = 1e8; return list;",
  "pairs in pairs": "let o = { x: 1 }; for (let i = 0; i < 26; i++) o = [o, o]; return o;",
  "wide result": "return Array.from({ length: 1e6 }, () => ({}));",
  "output flood": "for (;;) console.log('x'.repeat(1e6));",
  "many globals": "for (let i = 0; ; i++) globalThis['name' + i] = { i };",
} as const;
