/** A model writes what these read, as long as a reply may be: none may take time in proportion to the square of it. */
import { expectLinear } from "@cambium/testing";
import { expect, test } from "vitest";
import { splitProgram } from "./shape.ts";
import { toolShape } from "./tool-shape.ts";

/** Where time grows with the square of the text, each of these takes seconds at least; otherwise some milliseconds. */
const LENGTH = 60_000;

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

function takeApart(source: string, language: "python" | "javascript"): void {
  toolShape(source, language);
  splitProgram(source, language);
}

test.each(PYTHON)("Python with many %j", async (unit) => {
  for (const source of [
    (many: string) => `def f(x):\n  ${many}\n  return 1`,
    (many: string) => `def f(x):${many}`,
    (many: string) => `def f(\n${many}\nx): return 1`,
    (many: string) => `class A:\n${many}\n  x`,
  ]) {
    await expectLinear((length) => takeApart(source(unit.repeat(length / unit.length)), "python"), LENGTH);
  }
});

test.each(JAVASCRIPT)("JavaScript with many %j", async (unit) => {
  for (const source of [
    (many: string) => `${many}\nfunction last(x) { return x; }`,
    (many: string) => `/*${many.replaceAll("*/", "")}*/ function last(x) { return x; }`,
    (many: string) => `function first() { return ${many}1; }`,
  ]) {
    await expectLinear((length) => takeApart(source(unit.repeat(length / unit.length)), "javascript"), LENGTH);
  }
});

test("a program whose constants need each other in a long chain is taken apart", async () => {
  await expectLinear((length) => {
    const chain = Array.from({ length }, (_, i) => `const a${i} = a${i + 1};`).join("\n");
    const source = `${chain}\nfunction f() { return a0; }\nf();`;
    expect(splitProgram(source, "javascript")?.call).toBe("f();");
  }, 3000);
});
