import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { result } from "@cambium/base";
import { memoryResults } from "@cambium/evaluation";
import { type ModelRequest, openModels, scripted, textOf } from "@cambium/llm";
import { quickjs } from "@cambium/sandbox";
import { afterAll, expect, test } from "vitest";
import type { TransferSet } from "../readers/transfer.ts";
import { chooseTool, type TransferRecord, type TransferTool } from "./record.ts";
import { runTransfer, type TransferOptions } from "./run-transfer.ts";
import { summariseTransfer } from "./summary.ts";

const sandbox = quickjs();
afterAll(() => sandbox.close());

const js = (code: string): string => `\`\`\`js\n${code}\n\`\`\``;

/** A set about rectangles: the tool made for the first question is general, the second's only adds, the third's fails. */
const set: TransferSet = {
  id: "area",
  scenarios: [
    { id: "a", question: "What is the area of 3 by 4?", answer: "12" },
    { id: "b", question: "What is the area of 2 by 2?", answer: "4" },
    { id: "c", question: "What is the area of 5 by 6?", answer: "30" },
  ],
};
const BODIES: Readonly<Record<string, string>> = { "3 by 4": "a * b", "2 by 2": "a + b", "5 by 6": "missing * b" };

function answer(request: ModelRequest): string {
  const text = textOf(request.messages.at(-1)!.content);
  const [, a, b] = [...text.matchAll(/(\d) by (\d)/g)].at(-1)!;
  const body = BODIES[`${a} by ${b}`];
  if (request.stage === "creation") return js(`/** Area. */\nfunction area(a, b) { return ${body}; }`);
  if (request.stage === "decision") return js(`console.log("Final Answer:", area(${a}, ${b}));`);
  return js(`function area(a, b) { return a * b; }\nconsole.log("Final Answer:", area(${a}, ${b}));`);
}

async function transfer(options: TransferOptions = {}, sets: readonly TransferSet[] = [set]) {
  const requests: ModelRequest[] = [];
  const llm = await openModels({ store: ":memory:" });
  const model = llm.model(
    scripted((request) => {
      requests.push(request);
      return answer(request);
    }),
  );
  const end = await result(runTransfer({ model, sandbox, rounds: 0 }, sets, options));
  await llm.close();
  return { end, requests };
}

test("the mean over pairs, the oracle and the validated choice are what they say", async () => {
  const { end } = await transfer();
  const [record] = end.records;
  const rights = record!.tools.map(({ own, uses }) => [own.right, ...uses.map(({ grade }) => grade.right)]);
  // The first tool serves all; a + b is right for 2 by 2 alone; the third one throws wherever it is used.
  expect(rights).toEqual([
    [true, true, true],
    [true, false, false],
    [false, false, false],
  ]);
  expect(end.summary).toMatchObject({
    sets: 1,
    own: { right: 2, total: 3 },
    pairMean: { right: 2, total: 6 },
    oracle: 1,
    validated: 1, // the first of two that pass every check
    comparedWithOwn: { better: 1, equal: 0, worse: 0 },
  });
});

test("every scenario has its own creation, and the others see the frozen tool only", async () => {
  const { requests, end } = await transfer();
  const creations = requests
    .filter(({ stage }) => stage === "creation")
    .map(({ messages }) => textOf(messages.at(-1)!.content));
  expect(creations.map((text) => [...text.matchAll(/(\d by \d)/g)].at(-1)![0])).toEqual(["3 by 4", "2 by 2", "5 by 6"]);
  expect(requests.filter(({ stage }) => stage === "decision")).toHaveLength(9);
  for (const { uses } of end.records[0]!.tools) {
    for (const { steps } of uses) expect(steps.map(({ stage }) => stage)).toEqual(["decision", "execution"]);
  }
});

const tool = (validation: Partial<TransferTool["validation"]>, rights: readonly boolean[], own = true): TransferTool =>
  ({
    madeFor: `${Math.random()}`,
    validation: { loads: true, firstTry: true, repeats: true, answered: 1, ...validation },
    own: { right: own, found: "marker" },
    uses: rights.map((right) => ({ grade: { right, found: "marker" } })),
  }) as unknown as TransferTool;

const record = (...tools: readonly TransferTool[]): TransferRecord => ({
  id: "s",
  rowHash: "",
  tools,
  cost: summariseTransfer([]).cost,
});

test("the choice goes by checks that know no right answers", () => {
  expect(chooseTool([tool({ answered: 0.5 }, []), tool({}, []), tool({}, [])])).toBe(1);
  expect(
    chooseTool([
      tool({ loads: false }, []),
      tool({ firstTry: false }, []),
      tool({ repeats: false, answered: 0.5 }, []),
    ]),
  ).toBe(0);
});

test("a set in which no tool works adds nothing to any figure", () => {
  const none = record(
    tool({}, [false, false], false),
    tool({}, [false, false], false),
    tool({}, [false, false], false),
  );
  expect(summariseTransfer([none])).toMatchObject({
    own: { right: 0 },
    pairMean: { right: 0, total: 6 },
    oracle: 0,
    validated: 0,
  });
});

test("the oracle is never below the validated choice, nor below the mean over pairs", () => {
  const sets = [
    record(tool({}, [true, false]), tool({ answered: 0 }, [true, true]), tool({}, [false, false])),
    record(tool({ loads: false }, [true, true]), tool({}, [false, true]), tool({}, [false, false])),
  ];
  const { oracle, validated, pairMean } = summariseTransfer(sets);
  expect([oracle, validated, pairMean.rate]).toEqual([1, 0.5, 0.5]);
});

test("a run resumes after the sets that are done", async () => {
  const results = memoryResults();
  const sets = ["one", "two", "three"].map((id) => ({ ...set, id }));
  await transfer({ results }, sets.slice(0, 1));
  const { end, requests } = await transfer({ results, concurrency: 1 }, sets);
  expect(end).toMatchObject({ reason: "finished", summary: { sets: 3 } });
  expect(requests.length).toBe(12); // the two sets left have equal questions: the second one's replies are stored
  await expect(transfer({ results }, [{ ...set, id: "one", scenarios: set.scenarios.slice(1) }])).rejects.toThrow(
    /"one" has changed/,
  );
});

test("an aborted run stops without half a set", async () => {
  const controller = new AbortController();
  controller.abort();
  const folder = mkdtempSync(join(tmpdir(), "transfer-"));
  const { end } = await transfer({ results: folder, signal: controller.signal });
  expect(end).toMatchObject({ reason: "stopped", summary: { sets: 0 } });
  rmSync(folder, { recursive: true });
});

test("a library and repeated ids are refused", async () => {
  await expect(result(runTransfer({ library: "a" } as never, [set]))).rejects.toThrow(/no library/);
  await expect(transfer({}, [set, set])).rejects.toThrow(/two sets have the id "area"/);
});
