import { expect, test } from "vitest";
import { codeOf, fencedBlocks } from "./fences.ts";
import { kitTools } from "./kit-tools.ts";
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

test("a block that was cut off lasts to the end", () => {
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
  ["a foreign name defined again", "function lookUp(x) { return x; }", 0],
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

test.each([
  [
    "types with commas",
    "def f(x: dict[str, int], y: tuple[int, int] = (1, 2)) -> int:",
    ["x: dict[str, int]", "y: tuple[int, int] = (1, 2)"],
  ],
  ["marks and a comma in a string", 'def f(a, /, *, sep=","):', ["a", 'sep=","']],
  ["several lines and comments", "async def f(\n    a,  # the first\n    *rest,\n):", ["a", "*rest"]],
  ["none", "def f():", []],
  ["a class", "class Bank(Base):\n    def __init__(self, rate: float):", ["rate: float"]],
])("parameters of Python: %s", (_, head, parameters) => {
  expect(toolShape(`${head}\n    pass`, "python")?.parameters).toEqual(parameters);
});

test.each([
  ['"""One line."""', "One line."],
  ["'Quoted once.'", "Quoted once."],
  ['r"""Two\n    lines: x."""', "Two\nlines: x."],
  ['x = {1:\n      "no"}', ""],
])("the docstring of Python is the first statement: %s", (body, documentation) => {
  expect(toolShape(`def f(x: int = len("a:")):\n    ${body}\n    return x`, "python")?.documentation).toBe(
    documentation,
  );
});

test("the numbers of a question stay in the call, whatever a Python tool calls its own variables", () => {
  const tool = `LOW, HIGH = 1, 9
UNIT = "m"
HEAD = """
def not_one(x):
"""
def total(rows, *, scale=1):
    def one(name):
        return name
    for i, (name, size) in enumerate(rows):
        width: int = size
        a, b = one(name), [n for n in rows if (m := n)]
    with open as handle:
        pass
    return f"{HIGH * scale} {UNIT!r} {{LOW}}"`;
  const call = "i = 3\nname = 4\nsize, width = 5, 6\na, b, n, m, handle, LOW2 = 1, 1, 1, 1, 1, 1\nprint(total([]))";
  expect(splitProgram(`${tool}\n${call}`, "python")).toEqual({
    tool: tool.replace('HEAD = """\ndef not_one(x):\n"""\n', ""),
    call: `HEAD = """\ndef not_one(x):\n"""\n${call}`,
  });
});

test("a module of Python is no foreign tool, one of the kit's name neither", () => {
  expect(kitTools("python")).toEqual([]);
  expect(toolShape("def f(xs):\n    return statistics.mean(xs) + area(1)", "python", ["area"])).toMatchObject({
    dependencies: ["area"],
    level: 1,
  });
});

test("an unclosed bracket or string is no Python program", () => {
  expect(shapeOf("print((1)", "python")).toBeUndefined();
  expect(shapeOf('print("1)', "python")).toBeUndefined();
});
