/** A model writes what these read, as long as a reply may be: none may take time in proportion to the square of it. */
import { expect, test } from "vitest";
import { splitProgram } from "./shape.ts";
import { toolShape } from "./tool-shape.ts";

/** Where time grows with the square of the text, each of these takes seconds at least; otherwise some milliseconds. */
const LENGTH = 60_000;
const MOST_MS = 2000;

const PYTHON = [
  "1",
  "a",
  "\r",
  "\n",
  " ",
  "\t",
  "lambda ",
  "for a ",
  "as ",
  "# \n",
  "*",
  "a,",
  "'",
  "{",
  "\u2028",
  "a=",
  "a:",
];
const JAVASCRIPT = [
  " ",
  "\n",
  "\t",
  "// \n",
  "/**/ ",
  "/* * * */",
  "/*/ */",
  "function f(){}\n",
  "const a = b;",
  "1+",
  "`",
  "* ",
];

const timed = (work: () => unknown): number => {
  const start = performance.now();
  work();
  return performance.now() - start;
};

test.each(PYTHON)("Python with many %j", (unit) => {
  const many = unit.repeat(LENGTH / unit.length);
  for (const source of [
    `def f(x):\n  ${many}\n  return 1`,
    `def f(x):${many}`,
    `def f(\n${many}\nx): return 1`,
    `class A:\n${many}\n  x`,
  ]) {
    expect(timed(() => [toolShape(source, "python"), splitProgram(source, "python")])).toBeLessThan(MOST_MS);
  }
});

test.each(JAVASCRIPT)("JavaScript with many %j", (unit) => {
  const many = unit.repeat(LENGTH / unit.length);
  for (const source of [
    `${many}\nfunction last(x) { return x; }`,
    `/*${many.replaceAll("*/", "")}*/ function last(x) { return x; }`,
    `function first() { return ${many}1; }`,
  ]) {
    expect(timed(() => [toolShape(source, "javascript"), splitProgram(source, "javascript")])).toBeLessThan(MOST_MS);
  }
});

test("a program whose constants need each other in a long chain is taken apart", () => {
  const chain = Array.from({ length: 3000 }, (_, i) => `const a${i} = a${i + 1};`).join("\n");
  const source = `${chain}\nfunction f() { return a0; }\nf();`;
  expect(timed(() => expect(splitProgram(source, "javascript")?.call).toBe("f();"))).toBeLessThan(MOST_MS);
});
