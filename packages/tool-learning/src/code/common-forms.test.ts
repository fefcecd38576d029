/** Forms in which small models often reply, and which need no second try. */
import { result } from "@cambium/base";
import { openModels, scripted } from "@cambium/llm";
import { quickjs } from "@cambium/sandbox";
import { afterAll, describe, expect, test } from "vitest";
import { createTools } from "../creator/create-tools.ts";
import { codeOf } from "./fences.ts";

const sandbox = quickjs({ limits: { wallMs: 20_000 } });
afterAll(() => sandbox.close());

const TOOL = "/** Adds. */\nfunction add(a, b) { return a + b; }";
const CALL = 'console.log("Final Answer:", add(2, 3));';
const fence = (code: string, name = "js"): string => `\`\`\`${name}\n${code}\n\`\`\``;

/** A reply that thinks first, of which `code` is what counts. */
const forms: readonly (readonly [what: string, reply: (code: string) => string])[] = [
  ["thoughts before", (code) => `<think>\nMaybe ${fence("nonsense ((")}?\n</think>\n\n${fence(code)}`],
  ["thoughts without their opening mark", (code) => `Maybe ${fence("nonsense ((")}?\n</think>\n${fence(code)}`],
  ["thoughts under another name", (code) => `<thinking>${fence("let = 5")}</thinking>${"\n"}${fence(code)}`],
  ["a second fence with the output", (code) => `${fence(code)}\nIt prints:\n${fence("Final Answer: 5", "")}`],
  ["a second fence with the output, named", (code) => `${fence(code)}\n${fence("Final Answer: 5", "text")}`],
  [
    "unnamed fences, the second with the output",
    (code) => `${fence(code, "")}\nOutput:\n${fence("=> 5 (a number)", "")}`,
  ],
  ["a shell fence first", (code) => `${fence("node tool.js", "sh")}\n${fence(code)}`],
  ["an unnamed fence with a command first", (code) => `${fence("npm i mathjs --save", "")}\n${fence(code)}`],
  ["the fence's name in capitals", (code) => fence(code, "JavaScript")],
  ["a fence that is not closed", (code) => `Here:\n\`\`\`js\n${code}`],
  ["a fence with attributes", (code) => fence(code, 'js title="tool.js"')],
];

const exported: readonly (readonly [what: string, tool: string])[] = [
  ["export function", TOOL.replace("function", "export function")],
  ["export default function", TOOL.replace("function", "export default function")],
  ["export const", "/** Adds. */\nexport const add = (a, b) => a + b;"],
  ["export { … }", `${TOOL}\nexport { add };`],
  ["export { … as … }", `${TOOL}\nexport { add as default };`],
  ["export default", `${TOOL}\nexport default add;`],
  ["module.exports", `${TOOL}\nmodule.exports = { add };`],
  ["module.exports, one", `${TOOL}\nmodule.exports = add;`],
  ["exports", `${TOOL}\nexports.add = add;`],
  ["a guarded module.exports", `${TOOL}\nif (typeof module !== "undefined") module.exports = { add };`],
];

async function play(tool: string, call: string) {
  const llm = await openModels({ store: ":memory:" });
  const model = llm.model(scripted([{ reply: tool }, { reply: call }]));
  const made = await result(createTools({ model, sandbox }, { question: "What is two plus three?" }));
  await llm.close();
  return made;
}

const right = { status: "done", answer: "5", firstTry: true, tool: { name: "add", documentation: "Adds." } };

test.each(forms)("a reply with %s needs no second try", async (_, reply) => {
  expect(codeOf(reply(TOOL), "javascript")).toBe(TOOL);
  expect(await play(reply(TOOL), reply(CALL))).toMatchObject(right);
});

test.each(exported)("a tool with %s needs no second try", async (_, tool) => {
  expect(await play(fence(tool), fence(CALL))).toMatchObject(right);
});

test("the call may import the tool that stands above it", async () => {
  expect(await play(fence(TOOL), fence(`import { add } from "./tool.js";\n${CALL}`))).toMatchObject(right);
});

test("several fences of code are one program, and a later version of it takes an earlier one's place", () => {
  expect(codeOf(`${fence("const a = 1;")}\n${fence("print(a);")}`, "javascript")).toBe("const a = 1;\n\nprint(a);");
  const [first, second] = ["const a = 1;\nprint(a)", "const a = 1;\nprint(a + a);"];
  expect(codeOf(`${fence(first)}\nBetter:\n${fence(second)}`, "javascript")).toBe(second);
});

describe("in Python", () => {
  const program = "def add(a, b):\n  return a + b";
  test.each(forms.filter(([what]) => !/capitals|attributes|closed|unnamed/.test(what)))(
    "a reply with %s is code",
    (_, reply) => {
      expect(codeOf(reply(program).replaceAll("```js", "```python"), "python")).toBe(program);
    },
  );
});

test("a reply that only thinks has no code", () => {
  expect(codeOf(`<think>\n${fence("const a = 1;")}`, "javascript")).toBeUndefined();
});

test("a mark of thoughts inside of code is code", () => {
  const code = 'print("<think>");\nprint("</think>");';
  expect(codeOf(fence(code), "javascript")).toBe(code);
});
