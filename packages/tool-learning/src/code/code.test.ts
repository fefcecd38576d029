import { expect, test } from "vitest";
import { codeOf, fencedBlocks } from "./fences.ts";
import { shapeOf, splitProgram } from "./shape.ts";
import { toolShape } from "./tool-shape.ts";

const fence = "```";

test("all fenced blocks of a reply are one program, blocks in other languages are not", () => {
  const reply = [
    "First the tool:",
    `${fence}js`,
    "const a = 1;",
    fence,
    "then",
    `${fence}json`,
    "{}",
    fence,
    fence,
    "console.log(a);",
    fence,
  ].join("\n");
  expect(codeOf(reply, "javascript")).toBe("const a = 1;\n\nconsole.log(a);");
});

test.each([
  ["plain text", "The answer is 4."],
  ["code without a fence", "console.log(4);"],
  ["an empty block", `${fence}js\n\n${fence}`],
  ["a block in another language", `${fence}bash\nls\n${fence}`],
  ["code between single backticks", "Use `console.log(4)`."],
])("%s is no code", (_, reply) => {
  expect(codeOf(reply, "javascript")).toBeUndefined();
});

test("a block that was cut off goes on to the end", () => {
  expect(codeOf(`${fence}js\nconst a = 1;\nconst b`, "javascript")).toBe("const a = 1;\nconst b");
});

test("a longer fence holds shorter ones", () => {
  expect(fencedBlocks("````md\n```js\n1\n```\n````")).toEqual([{ name: "md", content: "```js\n1\n```" }]);
});

const hierarchy = `
/** Helper. */
function square(x) { return x * x; }

/**
 * Sums squares.
 * @param {number[]} values
 */
function sumOfSquares(values, start = 0) {
  return values.map(square).reduce((sum, value) => sum + value, start);
}`;

test("functions that call each other make level 3, and the one that nothing calls is the tool", () => {
  expect(toolShape(hierarchy, "javascript")).toEqual({
    name: "sumOfSquares",
    parameters: ["values", "start = 0"],
    documentation: "Sums squares.\n@param {number[]} values",
    functions: ["square", "sumOfSquares"],
    dependencies: [],
    level: 3,
  });
});

test.each([
  ["one function by itself", "const f = (x) => x + 1;", 0],
  ["recursion", "function f(n) { return n < 2 ? 1 : n * f(n - 1); }", 0],
  ["one foreign tool", "const f = (x) => lookUp(x) + 1;", 1],
  ["a foreign tool among the arguments", "const f = (xs) => xs.map(lookUp);", 1],
  ["two foreign tools", "function f(x) { return convert(lookUp(x)); }", 2],
  ["two members of the kit", "function f(a, b) { return integers.gcd(a, b) * integers.lcm(a, b); }", 2],
  ["a foreign tool and a helper", "const g = (x) => lookUp(x); const f = (x) => g(x);", 3],
  ["a name that only looks like one", "function f(x) { return x.lookUp + { lookUp: 1 }.lookUp; }", 0],
  ["a foreign name defined anew", "function lookUp(x) { return x; }", 0],
])("level of creation: %s", (_, source, level) => {
  expect(toolShape(source, "javascript", ["lookUp", "convert", "integers.*"])?.level).toBe(level);
});

test("a class counts as a tool, its constructor's parameters as the tool's", () => {
  expect(toolShape("class Bank { constructor(rate) { this.rate = rate; } }", "javascript")).toMatchObject({
    name: "Bank",
    parameters: ["rate"],
  });
});

test.each([
  ["no program", "function ("],
  ["no function", "const a = 1;"],
])("%s is no tool", (_, source) => {
  expect(toolShape(source, "javascript")).toBeUndefined();
});

test("a program is taken apart into functions with their constants, and the code that calls them", () => {
  const program = `const RATES = [1, 2];
const unused = 3;
// Adds the rate.
function addRate(x) { return x + RATES[0]; }
const x = 5;
console.log("Final Answer:", addRate(x));`;
  expect(splitProgram(program, "javascript")).toEqual({
    tool: "const RATES = [1, 2];\n// Adds the rate.\nfunction addRate(x) { return x + RATES[0]; }",
    call: 'const unused = 3;\nconst x = 5;\nconsole.log("Final Answer:", addRate(x));',
  });
});

const python = `import math
TABLE = {
    "a": 1,
}

def helper(x):
    """Halves # not a comment"""
    return x / 2

def tool(x, y=1):
    """
    Halves and adds.
    """
    return helper(x) + TABLE["a"] + math.floor(y)

value = 3
print("Final Answer:", tool(value))`;

test("Python programs are read as well", () => {
  expect(toolShape(python, "python", ["math.floor"])).toEqual({
    name: "tool",
    parameters: ["x", "y=1"],
    documentation: "Halves and adds.",
    functions: ["helper", "tool"],
    dependencies: ["math.floor"],
    level: 3,
  });
  expect(splitProgram(python, "python")?.call).toBe('value = 3\nprint("Final Answer:", tool(value))');
  expect(splitProgram(python, "python")?.tool).toContain("import math");
});

test("an unclosed bracket or string is no Python program", () => {
  expect(shapeOf("print((1)", "python")).toBeUndefined();
  expect(shapeOf('print("1)', "python")).toBeUndefined();
});
