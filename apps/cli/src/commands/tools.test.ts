import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Policy, startServer, textOf } from "@cambium/llm";
import { createCreationProblems, createTransferSets, rulePolicy } from "@cambium/problem-families";
import { afterAll, describe, expect, test } from "vitest";
import { run } from "../program.ts";
import { quietIo } from "../recorded.fixture.ts";
import { durationText, shortCount } from "./cost-text.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-tools-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);

interface Ended {
  readonly code: number;
  readonly lines: readonly string[];
  readonly errors: readonly string[];
  readonly live: readonly string[];
}

async function cambium(
  args: readonly string[],
  { stopAt, watched = false }: { stopAt?: string; watched?: boolean } = {},
): Promise<Ended> {
  const [lines, errors, live]: [string[], string[], string[]] = [[], [], []];
  const stop = new AbortController();
  const note = (list: string[]) => (line: string) => {
    list.push(line);
    if (stopAt !== undefined && line.includes(stopAt)) stop.abort();
  };
  const io = quietIo({
    out: note(lines),
    error: note(errors),
    signal: stop.signal,
    ...(watched ? { live: note(live) } : {}),
  });
  const code = await run(["tools", ...args], io);
  return { code, lines, errors, live };
}

const rules = (name: string): string[] => ["--model", "rules", "--store", path(`${name}.db`)];

describe("create", () => {
  const question = "How many positive divisors does 29244 have?";

  test("prints the tool and the answer, and writes what was made", async () => {
    const { code, lines, errors } = await cambium([
      "create",
      ...rules("create"),
      question,
      "--out",
      path("made"),
      "--library",
      path("tools.db"),
    ]);
    expect(code).toBe(0);
    expect(lines[0]).toContain("function countDivisors(n)");
    expect(lines.at(-1)).toBe("answer: 12");
    expect(errors).toContain("library: kept as a draft");
    expect(readFileSync(path("made/tool.js"), "utf8")).toContain("function countDivisors");
    expect(JSON.parse(readFileSync(path("made/trajectory.json"), "utf8"))).toMatchObject({
      method: "creator",
      status: "done",
      answer: "12",
    });
  });

  test("writes every event as a line of JSON", async () => {
    const { lines } = await cambium(["create", ...rules("create"), question, "--json"]);
    const events = lines.map((line) => JSON.parse(line));
    expect(events.map(({ type }) => type)).toEqual([
      "transition",
      "transition",
      "transition",
      "transition",
      "transition",
      "transition",
      "end",
    ]);
    expect(events.at(-1)).toMatchObject({ answer: "12", tool: { name: "countDivisors" } });
  });

  test("a question without an answer fails with 1, and says why", async () => {
    const { code, errors } = await cambium(["create", ...rules("create"), "What is the capital of Norway?"]);
    expect(code).toBe(1);
    expect(errors.at(-1)).toContain("no answer after 8 steps: the reply has no fenced block with code");
    expect(errors.slice(4, 7)).toEqual([
      "decision: no code in the reply: I do not recognise this kind of question, so I cannot write a program for it.",
      expect.stringMatching(/^rectification: no code/),
      expect.stringMatching(/^rectification 2: no code/),
    ]);
  });

  test("a used-up budget fails with 1", async () => {
    const { code, errors } = await cambium(["create", ...rules("budget"), "--budget", "calls=1", question]);
    expect(code).toBe(1);
    expect(errors.at(-1)).toMatch(/budget/);
  });
});

const hasPython = process.platform === "linux" && spawnSync("python3", ["--version"]).status === 0;

test.runIf(hasPython)(
  "tools in Python are made, kept, and checked in their own sandbox",
  async () => {
    const py = (code: string): string => `\`\`\`python\n${code}\n\`\`\``;
    const tool = py('def double(x):\n    """Doubles."""\n    return x * 2');
    const policy: Policy = ({ messages }) =>
      textOf(messages.at(-1)!.content).includes("Task: create a tool")
        ? tool
        : py('print("Final Answer:", double(x=4))');
    const server = await startServer({ models: { snake: policy } });
    const endpoint = ["--model", "snake", "--base-url", server.baseURL, "--store", path("python.db")];
    const library = ["--library", path("python-tools.db")];
    const made = await cambium(["create", "Twice four?", "--python", ...endpoint, ...library, "--out", path("python")]);
    expect([made.code, made.lines.at(-1)]).toEqual([0, "answer: 8"]);
    expect(readFileSync(path("python/tool.py"), "utf8")).toContain("def double(x):");
    expect((await cambium(["library", "check", "double", ...library])).lines).toEqual(["double passed 1 test, twice"]);
    const rows = path("twice.jsonl");
    writeFileSync(rows, JSON.stringify({ id: "1", question: "Twice four?", utility: "Doubles.", answer: 8 }));
    const { code, lines } = await cambium(["eval", rows, "--python", ...endpoint, "--out", path("python-eval")]);
    await server.close();
    expect([code, lines[0]]).toEqual([0, expect.stringContaining("creator: 1 row, strict 100.0 %")]);
  },
  60_000,
);

describe("eval", () => {
  const set = path("set.jsonl");
  writeFileSync(
    set,
    createCreationProblems(1)
      .slice(0, 6)
      .map(({ hints, ...row }) => JSON.stringify({ ...row, ...hints }))
      .join("\n"),
  );

  test("runs methods over a file, reports, and refuses to mix results", async () => {
    const args = ["eval", set, ...rules("eval"), "--method", "creator,pot", "--out", path("eval")];
    const { code, lines } = await cambium(args);
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^creator: 6 rows, strict 100\.0 % \(61\.0 to 100\.0\), paper 100\.0 %/);
    expect(lines[1]).toMatch(/^pot: 6 rows/);
    const html = readFileSync(path("eval/report.html"), "utf8");
    expect(html).toContain("figures are about the plumbing");
    const again = await cambium(args);
    expect([again.code, again.errors.at(-1)]).toEqual([2, expect.stringContaining("--resume")]);
    expect((await cambium([...args, "--resume"])).code).toBe(0);
  }, 60_000);

  test("is stopped with 130, and resumes with --resume to the same summary", async () => {
    const args = ["eval", set, ...rules("stop"), "--concurrency", "1", "--out", path("stop"), "--json"];
    const stopped = await cambium(args, { stopAt: '"done":2,' });
    expect(stopped.code).toBe(130);
    const { code, lines } = await cambium([...args, "--resume"]);
    expect(code).toBe(0);
    const events = lines.map((line) => JSON.parse(line));
    expect(events[0]).toMatchObject({ type: "resumed", rows: 2 });
    expect(events.at(-2)).toMatchObject({ type: "end", method: "creator", reason: "finished", summary: { total: 6 } });
    expect(events.at(-1)).toEqual({ type: "report", path: path("stop/report.html") });
  }, 60_000);

  test("says how to resume when it is stopped, and nothing of the rows that were under way", async () => {
    const args = ["eval", set, ...rules("said"), "--out", path("said")];
    const { code, errors } = await cambium(args, { stopAt: "creator 1/6" });
    expect([code, errors.at(-1)]).toEqual([130, "creator: stopped; the same command with --resume continues"]);
    expect(errors.join()).not.toContain("put off");
  }, 60_000);

  test("a budget is kept, ends with 1, and a larger one continues", async () => {
    const args = ["eval", set, ...rules("money"), "--out", path("money"), "--concurrency", "1"];
    const short = await cambium([...args, "--budget", "calls=5"]);
    expect(short.code).toBe(1);
    expect(short.errors.filter((line) => line.includes("is put off"))).toHaveLength(1);
    expect(short.errors.at(-1)).toMatch(/rows left open: .*; the same command with --resume continues/);
    expect((await cambium([...args, "--budget", "calls=500", "--resume"])).code).toBe(0);
  }, 60_000);

  test("shows progress with cost and remaining time to those who watch", async () => {
    const { live } = await cambium(
      ["eval", set, ...rules("live"), "--out", path("live"), "--hints", "none,all", "--limit", "2"],
      { watched: true },
    );
    expect(live).toHaveLength(4);
    expect(live.at(-1)).toMatch(/^creator 4\/4, 4 right of this run, \d+ calls.*, .* tokens, \$0\.0000, 0 s left$/);
  }, 60_000);

  test("a provider that refuses the key ends with 1 and leaves the rows open", async () => {
    const server = await startServer({ models: { m: rulePolicy() }, apiKey: "key" });
    const { code, errors } = await cambium([
      "eval",
      set,
      "--model",
      "m",
      "--base-url",
      server.baseURL,
      "--store",
      path("refused.db"),
      "--out",
      path("refused"),
    ]);
    await server.close();
    expect(code).toBe(1);
    expect(errors.at(-1)).toMatch(/6 rows left open: .*key is not accepted/);
  }, 60_000);

  test("asks the endpoint that is named, even for a model called rules, and says when its price is not known", async () => {
    const server = await startServer({ models: { rules: rulePolicy() } });
    const flags = [
      "--model",
      "rules",
      "--base-url",
      server.baseURL,
      "--store",
      path("endpoint.db"),
      "--out",
      path("endpoint"),
    ];
    const { code, lines } = await cambium(["eval", set, ...flags, "--limit", "2"]);
    await server.close();
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^creator: 2 rows, strict 100.*price unknown$/);
    expect(readFileSync(path("endpoint/report.html"), "utf8")).not.toContain("about the plumbing");
  }, 60_000);

  test("transfers tools, and prints the three figures", async () => {
    const sets = path("sets.jsonl");
    writeFileSync(
      sets,
      createTransferSets(1)
        .slice(0, 2)
        .map((each) => JSON.stringify(each))
        .join("\n"),
    );
    const { code, lines } = await cambium(["eval", sets, ...rules("transfer"), "--out", path("transfer")]);
    expect(code).toBe(0);
    expect(lines.join("\n")).toMatch(/mean over pairs .*\n.*oracle choice .*\n.*validated choice/);
    expect(readFileSync(path("transfer/report.html"), "utf8")).toContain("Transfer of tools: sets");
  }, 60_000);

  test.each([
    ["synthetic:math", "--limit", "3"],
    ["synthetic:transfer", "--limit", "1"],
  ])(
    "makes %s from the seed",
    async (...args) => {
      expect(
        (await cambium(["eval", ...args, ...rules("synthetic"), "--out", path(args[0]!.replace(":", "-"))])).code,
      ).toBe(0);
    },
    60_000,
  );
});

describe("library", () => {
  const library = ["--library", path("tools.db")];

  test("lists, shows, searches, checks, promotes and sets", async () => {
    expect((await cambium(["library", "list", ...library])).lines[0]).toMatch(
      /^countDivisors 1\.0\.0 {2}draft, 1 of 1 answered \(at least 21 %\), 1 test/,
    );
    const { lines } = await cambium(["library", "show", "countDivisors", ...library]);
    expect(lines[0]).toContain("countDivisors(29244) = 12");
    expect((await cambium(["library", "search", "divisors of a number", ...library])).lines).toHaveLength(1);
    expect(await cambium(["library", "check", "countDivisors", ...library])).toMatchObject({
      code: 0,
      lines: ["countDivisors passed 1 test, twice"],
    });
    expect(await cambium(["library", "promote", "countDivisors", ...library])).toMatchObject({
      code: 1,
      lines: ["it solved 0 of the 2 other questions it needs"],
    });
    const set = await cambium([
      "library",
      "set",
      "countDivisors",
      "trusted",
      "--reason",
      "read it",
      ...library,
      "--json",
    ]);
    expect(JSON.parse(set.lines[0]!)).toMatchObject({ status: "trusted", statusReason: "read it" });
  }, 60_000);
});

test.each([
  [["create", "Q"], "name a model by --model or $CAMBIUM_MODEL"],
  [["create", "Q", "--model", "gpt"], "set OPENAI_API_KEY"],
  [["create", "--model", "rules", " "], "must hold a question"],
  [["create", "Q", "--model", "rules", "--context", "nowhere.txt"], "nowhere.txt cannot be read"],
  [["create", "Q", "--model", "rules", "--python"], "the rules write JavaScript only"],
  [["create", "Q", "--budget", "5"], "calls=500,usd=2"],
  [["create", "Q", "--price", "5"], "0.15/0.60"],
  [["eval", "nowhere.jsonl", "--model", "rules"], "nowhere.jsonl cannot be read"],
  [["eval", "synthetic:poems", "--model", "rules"], 'no synthetic set "poems"'],
  [["eval", "synthetic:math", "--method", "magic"], '"magic" is none of creator'],
  [["library", "list", "--library", "nowhere.db"], "there is no library nowhere.db"],
  [["library", "set", "a", "loved", "--reason", "x"], "Allowed choices are draft"],
  [["libary"], "Did you mean library?"],
])("wrong use is reported, and ends with 2: %j", async (args, says) => {
  const { OPENAI_API_KEY: key, OPENAI_BASE_URL: base, CAMBIUM_MODEL: model } = process.env;
  for (const name of ["OPENAI_API_KEY", "OPENAI_BASE_URL", "CAMBIUM_MODEL"]) delete process.env[name];
  const store = args[0] === "create" ? ["--store", path("use.db")] : [];
  const { code, errors } = await cambium([...args, ...store]);
  Object.assign(
    process.env,
    Object.fromEntries(
      Object.entries({ OPENAI_API_KEY: key, OPENAI_BASE_URL: base, CAMBIUM_MODEL: model }).filter(
        ([, value]) => value !== undefined,
      ),
    ),
  );
  expect(errors.join("\n")).toContain(says);
  expect(code).toBe(2);
});

test("help has an example", async () => {
  for (const verb of ["create", "eval", "library"]) {
    const { code, lines } = await cambium([verb, "--help"]);
    expect(code).toBe(0);
    expect(lines.join("\n")).toContain(`$ cambium tools ${verb}`);
  }
});

test("counts and times are short", () => {
  expect([999, 12_345, 2_500_000].map(shortCount)).toEqual(["999", "12.3k", "2.50M"]);
  expect([42_000, 180_000, 4_800_000 * 1.25].map(durationText)).toEqual(["42 s", "3 min", "1 h 40 min"]);
});
