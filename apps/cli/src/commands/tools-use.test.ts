import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Policy, startServer } from "@cambium/llm";
import { expect, onTestFinished, test } from "vitest";
import { run } from "../program.ts";
import { quietIo, recorded } from "../recorded.fixture.ts";
import { tinyChatFiles } from "../tiny-chat.fixture.ts";

const { folder, model: tiny } = await tinyChatFiles();
const path = (name: string): string => join(folder, name);

/** An endpoint whose model is a program. */
async function endpoint(policy: Policy, name: string): Promise<string[]> {
  const server = await startServer({ models: { m: policy } });
  onTestFinished(() => server.close());
  return ["--model", "m", "--base-url", server.baseURL, "--store", path(`${name}.db`)];
}

const toFeet: Policy = ({ messages }) =>
  messages.at(-1)!.role === "tool"
    ? "About 9.84 feet."
    : { toolCalls: [{ name: "units_convert", arguments: { value: "3", from: "m", to: "ft" } }] };

test("run has a model call tools, keeps the steps, and plays them again with --resume", async () => {
  const flags = ["--kits", "units", ...(await endpoint(toFeet, "feet")), "--out", path("feet")];
  const first = await recorded(["tools", "run", "How many feet are 3 m?", ...flags]);
  expect([first.code, first.out]).toEqual([0, ["About 9.84 feet."]]);
  expect(first.errors.some((line) => line.startsWith("→ units_convert"))).toBe(true);
  expect(first.errors.at(-1)).toMatch(/^done; 2 calls/);
  const again = await recorded(["tools", "run", "How many feet are 3 m?", ...flags]);
  expect([again.code, again.errors.at(-1)]).toEqual([2, expect.stringContaining("--resume")]);
  const resumed = await recorded(["tools", "run", "How many feet are 3 m?", ...flags, "--resume", "--json"]);
  const events = resumed.out.map((line) => JSON.parse(line));
  expect(events[0]).toMatchObject({ type: "start", resumed: 3 });
  expect(events.at(-1)).toMatchObject({ type: "end", answer: "About 9.84 feet." });
});

test("run asks before what cannot be taken back; where nobody is there it waits, and --yes allows it", async () => {
  const order: Policy = ({ messages }) => {
    const said = messages.filter(({ role }) => role === "assistant").length;
    if (said === 0) return { toolCalls: [{ name: "mail_move", arguments: { id: "m1", folder: "trash" } }] };
    if (said === 1) return { toolCalls: [{ name: "mail_delete", arguments: { id: "m1" } }] };
    return "It is gone.";
  };
  const flags = ["--kits", "mail", ...(await endpoint(order, "order")), "--out", path("order")];
  const waits = await recorded(["tools", "run", "Delete it.", ...flags]);
  expect([waits.code, waits.errors.at(-1)]).toEqual([1, expect.stringMatching(/mail_delete.*--yes.*--resume/)]);
  const allowed = await recorded(["tools", "run", "Delete it.", ...flags, "--yes", "--resume"]);
  expect([allowed.code, allowed.out]).toEqual([0, ["It is gone."]]);
});

test("run offers some of many tools, and shows its cost to those who watch", async () => {
  const asked: string[][] = [];
  const policy: Policy = ({ tools = [] }) => {
    asked.push(tools.map(({ name }) => name));
    return "No.";
  };
  const live: string[] = [];
  const io = quietIo({ live: (line) => void live.push(line) });
  const args = ["tools", "run", "What is the weather in Aldermoor?", "--offer", "3"];
  expect(await run([...args, ...(await endpoint(policy, "offer"))], io)).toBe(0);
  const [commands, tools] = [["read_result", "search_tools"], asked[0]!.filter((name) => name.includes("weather"))];
  expect(tools).toContain("weather_day");
  expect(asked[0]!.length).toBeLessThanOrEqual(commands.length + 3);
  expect(live.at(-1)).toMatch(/steps?, 1 call, .* tokens/);
});

test("eval has a model do rows of the leaderboard, right calls beside them, and judges the calls", async () => {
  mkdirSync(path("bfcl/possible_answer"), { recursive: true });
  const functions = [
    {
      name: "area.of",
      description: "An area.",
      parameters: {
        type: "dict",
        properties: { side: { type: "integer", description: "A side." } },
        required: ["side"],
      },
    },
  ];
  const rows = [2, 3].map((side, i) => ({
    id: `simple_${i}`,
    question: [[{ role: "user", content: `Area of a square of ${side}?` }]],
    function: functions,
  }));
  const answers = rows.map(({ id }, i) => ({ id, ground_truth: [{ "area.of": { side: [i + 2] } }] }));
  const lines = (values: readonly object[]): string => values.map((value) => JSON.stringify(value)).join("\n");
  writeFileSync(path("bfcl/BFCL_v4_simple.json"), lines(rows));
  writeFileSync(path("bfcl/possible_answer/BFCL_v4_simple.json"), lines(answers));
  const always2: Policy = ({ tools = [] }) => ({ toolCalls: [{ name: tools[0]!.name, arguments: { side: 2 } }] });
  const flags = [...(await endpoint(always2, "bfcl")), "--out", path("bfcl-out")];
  const { code, out, errors } = await recorded(["tools", "eval", `bfcl:${path("bfcl")}`, ...flags]);
  expect([code, out[0]], errors.join("\n")).toEqual([0, expect.stringMatching(/^simple: 2 rows, bfcl 50\.0 %/)]);
  expect(existsSync(path("bfcl-out/report.html"))).toBe(true);
});

test("retrieve finds tools by words, among the kits and among tools of yours", async () => {
  const found = await recorded(["tools", "retrieve", "What is the weather in a city?", "--count", "2"]);
  expect(found.code).toBe(0);
  expect(found.out).toHaveLength(2);
  expect(found.out[0]).toMatch(/^\d+\.\d{3} {2}weather_/);
  const none = await recorded(["tools", "retrieve", "xyzzy"]);
  expect([none.code, none.out, none.errors]).toEqual([0, [], ["nothing was found; use other words"]]);
  writeFileSync(
    path("mine.jsonl"),
    '{"name":"oven","description":"Bakes bread."}\n\n{"name":"lamp","description":"Gives light."}\n',
  );
  const own = await recorded(["tools", "retrieve", "bread", "--tools", path("mine.jsonl"), "--json"]);
  expect(own.out.map((line) => JSON.parse(line))).toEqual([
    { name: "oven", score: expect.any(Number), description: "Bakes bread." },
  ]);
});

test("eval puts cards before experts, is stopped and resumes, and writes a report", async () => {
  const args = ["tools", "eval", "cards:calculator", "--model", "experts", "--store", path("cards.db")];
  const flags = ["--setting", "no-tool,zero-shot", "--out", path("cards"), "--limit", "3"];
  const stop = new AbortController();
  const io = quietIo({ error: (line) => line.includes("no-tool 1/3") && stop.abort(), signal: stop.signal });
  expect(await run([...args, ...flags, "--concurrency", "1"], io)).toBe(130);
  const { code, out } = await recorded([...args, ...flags, "--resume"]);
  expect(code).toBe(0);
  expect(out[0]).toMatch(/^no-tool: 3 rows, card 0\.0 %/);
  expect(out[1]).toMatch(/^zero-shot: 3 rows, card 100\.0 %/);
  expect(readFileSync(path("cards/report.html"), "utf8")).toContain("say nothing about any model");
});

test("train makes an adapter of what experts do, which a local model then uses", async () => {
  const args = [
    "tools",
    "train",
    tiny,
    "--kits",
    "units",
    "--each",
    "1",
    "--steps",
    "2",
    "--batch-size",
    "1",
    "--max-length",
    "2048",
  ];
  const rows = path("rows.jsonl");
  const message = (role: string, content: string) => ({ role, content });
  writeFileSync(rows, `${JSON.stringify({ messages: [message("user", "Hi"), message("assistant", "Hello")] })}\n`);
  const long = await recorded([...args, "--out", path("long")]);
  expect([long.code, long.errors.at(-1)]).toEqual([2, expect.stringContaining("no conversation is left")]);
  const own = ["tools", "train", tiny, "--rows", rows, "--steps", "2", "--batch-size", "1", "--out", path("own")];
  const made = await recorded([...own, "--json"]);
  expect(made.code).toBe(0);
  expect(made.out.map((line) => JSON.parse(line)).at(-1)).toEqual({
    type: "end",
    adapter: path("own/adapter"),
    rows: 1,
    steps: 2,
  });
  expect(existsSync(path("own/adapter/adapter_config.json"))).toBe(true);
  expect((await recorded(own)).code).toBe(2);
  const used = await recorded([
    ...["tools", "run", "3 m in feet?", "--local", tiny, "--adapter", path("own/adapter"), "--kits", "units"],
    ...["--store", path("tiny.db"), "--max-tokens", "4", "--turns", "1", "--temperature", "0"],
  ]);
  expect(used.code).toBe(1);
  expect(used.errors.join("\n")).toContain("cut off");
});

test.each([
  [["run", " "], "the task is empty"],
  [["run", "x", "--resume"], "--resume needs --out"],
  [["run", "x", "--kits", "mial"], 'Is "mail" meant?'],
  [["run", "x", "--adapter", "a", "--model", "m"], "--adapter is of a --local model"],
  [["run", "x", "--local", "a", "--model", "m"], "pass one of them"],
  [["retrieve", ""], "the request is empty"],
  [["retrieve", "x", "--weight", "0.5"], "--embed"],
  [["retrieve", "x", "--tools", "nowhere.jsonl"], "cannot be read"],
  [["retrieve", "x", "--tools", "a", "--kits", "mail"], "leave out --kits"],
  [["eval", "cards:mial", "--model", "experts"], 'no kit "mial"'],
  [["eval", "cards", "--model", "experts", "--method", "pot"], "--method is for problem sets, and these are cards"],
  [["eval", "synthetic:math", "--model", "rules", "--each", "2"], "--each is for cards, and these are problem sets"],
  [
    ["eval", "bfcl:x.jsonl", "--model", "m", "--each", "2"],
    "--each is for cards, and these are rows of the leaderboard",
  ],
  [["eval", "bfcl:x.jsonl", "--model", "m"], "there is no x.jsonl"],
  [["train", "x", "--rows", "nowhere.jsonl"], "cannot be read"],
  [["train", "x", "--budget", "soon"], "minutes=30"],
])("%j is wrong use", async (args, says) => {
  const { code, errors } = await recorded(["tools", ...args]);
  expect(errors.join("\n")).toContain(says);
  expect(code).toBe(2);
});

test("a line that is no row, or no tool, is named", async () => {
  const file = (text: string): string => {
    writeFileSync(path("lines.jsonl"), text);
    return path("lines.jsonl");
  };
  const said = async (args: readonly string[]) => {
    const { code, errors } = await recorded(["tools", ...args]);
    return [code, errors.at(-1)];
  };
  const message = '{"role":"user","content":"Hi"}';
  const good = `{"messages":[${message},{"role":"assistant","content":"Ho"}]}`;
  for (const line of ["null", '{"messages":"x"}', '{"messages":[{"role":"robot"}]}', `{"messages":[${message}]}`]) {
    const told = await said(["train", tiny, "--rows", file(`${good}\n${line}\n`), "--out", path("none")]);
    expect(told, line).toEqual([2, expect.stringContaining("tools train: line 2 of")]);
  }
  for (const [key, value] of [
    ["parameters", '"q"'],
    ["examples", "[1]"],
    ["title", "1"],
    ["parmeters", "[]"],
  ]) {
    const tools = file(`{"name":"a","description":"b","${key}":${value}}`);
    expect(await said(["retrieve", "x", "--tools", tools]), key).toEqual([2, expect.stringContaining(`"${key}"`)]);
  }
});

test("a training that runs out of time says so, and is resumed", async () => {
  const rows = path("short.jsonl");
  writeFileSync(rows, '{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Ho"}]}');
  const args = ["tools", "train", tiny, "--rows", rows, "--steps", "2", "--batch-size", "1", "--out", path("late")];
  const late = await recorded([...args, "--budget", "minutes=0.00001"]);
  expect([late.code, late.errors.at(-1)]).toEqual([
    1,
    expect.stringMatching(/is used up at step [01] of 2; .*--resume/),
  ]);
  expect((await recorded([...args, "--resume"])).out).toEqual([`adapter: ${path("late/adapter")}`]);
});

test("help has an example", async () => {
  for (const verb of ["run", "retrieve", "train"]) {
    const { code, out } = await recorded(["tools", verb, "--help"]);
    expect(code).toBe(0);
    expect(out.join("\n")).toContain(`$ cambium tools ${verb}`);
  }
});
