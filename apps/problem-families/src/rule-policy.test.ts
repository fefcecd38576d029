import { result } from "@cambium/base";
import type { Solver } from "@cambium/evaluation";
import { paperGrader, runEvaluation, strictGrader } from "@cambium/evaluation";
import { type ModelRequest, openai, openModels, type Policy, type Server, startServer, textOf } from "@cambium/llm";
import { quickjs } from "@cambium/sandbox";
import type { Setup } from "@cambium/tool-learning";
import {
  byHints,
  creator,
  entangled,
  type HintLevel,
  type Problem,
  programOfThought,
  runTransfer,
  type Task,
  toolUse,
  vanilla,
  withHints,
} from "@cambium/tool-learning";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCreationProblems, createMathProblems, createTransferSets } from "./problems.ts";
import { rulePolicy } from "./rule-policy.ts";

const sandbox = quickjs();
afterAll(() => sandbox.close());

let server: Server;
const requests: ModelRequest[] = [];
beforeAll(async () => {
  const rules = rulePolicy({ seed: 7 });
  const watched: Policy = (request, context) => {
    requests.push(request);
    return rules(request, context);
  };
  server = await startServer({ models: { rules: watched } });
});
afterAll(() => server.close());

/** A set-up that asks the rules over HTTP, as any other endpoint. */
async function connect<T>(work: (setup: Setup) => Promise<T>): Promise<T> {
  const llm = await openModels({ store: ":memory:" });
  try {
    return await work({
      model: llm.model(openai("rules", { baseURL: server.baseURL })),
      sandbox,
      sampling: { temperature: 0.3, maxTokens: 1024, seed: 1 },
    });
  } finally {
    await llm.close();
  }
}

const evaluate = (create: (setup: Setup) => Solver<Task>, problems: readonly Problem[]) =>
  connect((setup) =>
    result(
      runEvaluation(create(setup), problems, {
        grader: [strictGrader, paperGrader],
        concurrency: 4,
        groups: { hints: byHints },
      }),
    ),
  );

describe("over the local server", () => {
  test("the word problems without hints are solved, at least 95 % of them, after broken first tries", async () => {
    const { summary } = await evaluate(
      creator,
      createCreationProblems(1).map((problem) => withHints(problem, "none")),
    );
    expect(summary.total).toBe(36);
    expect(summary.accuracy["strict"]!.rate).toBeGreaterThanOrEqual(0.95);
    expect(summary.firstTry.rate).toBeLessThan(1);
    expect(summary.outcomes.length).toBeGreaterThan(2);
    expect(summary.groups["hints"]!.map(({ name }) => name)).toEqual(["none"]);
  });

  test("the mathematical problems are solved as well, at every level of every branch", async () => {
    const { summary } = await evaluate(creator, createMathProblems(1, 1));
    expect(summary.accuracy["strict"]!.rate).toBeGreaterThanOrEqual(0.95);
    expect(summary.groups["subject"]).toHaveLength(7);
    expect(summary.groups["level"]!.map(({ name }) => name)).toEqual(["1", "2", "3", "4", "5"]);
  });

  test("three levels of hints send three different prompts", async () => {
    const [problem] = createCreationProblems(3);
    const asked = [];
    for (const level of ["none", "utility", "all"] satisfies HintLevel[]) {
      requests.length = 0;
      await evaluate(creator, [withHints(problem!, level)]);
      asked.push(requests.map(({ messages }) => textOf(messages.at(-1)!.content)).join("\n"));
    }
    expect(new Set(asked).size).toBe(3);
    const { utility, args } = problem!.hints!;
    expect(asked.map((text) => [text.includes(utility!), text.includes(args!)])).toEqual([
      [false, false],
      [true, false],
      [true, true],
    ]);
  });

  test("a transfer reports the mean over pairs, the oracle and the validated choice", async () => {
    const { summary, records } = await connect((setup) =>
      result(runTransfer(setup, createTransferSets(1).slice(0, 4))),
    );
    expect(records).toHaveLength(4);
    expect(summary.pairMean.total).toBe(24);
    expect(summary.oracle).toBeGreaterThanOrEqual(summary.validated);
    expect(summary.oracle).toBeGreaterThanOrEqual(summary.pairMean.rate);
    expect(summary.pairMean.rate).toBeGreaterThan(0.5);
  });

  test("every method runs; those without programs know nothing", async () => {
    const problems = createCreationProblems(2).slice(0, 6);
    const methods = [creator, entangled, programOfThought, (setup: Setup) => programOfThought({ ...setup, rounds: 3 })];
    const withPrograms = await Promise.all(methods.map((method) => evaluate(method, problems)));
    const words = [
      ({ model }: Setup) => vanilla({ model }),
      ({ model }: Setup) => vanilla({ model, thought: true }),
      ({ model }: Setup) => toolUse({ model }),
    ];
    const withoutPrograms = await Promise.all(words.map((method) => evaluate(method, problems)));
    const rates = (ends: typeof withPrograms): number[] => ends.map(({ summary }) => summary.accuracy["paper"]!.rate);
    expect(rates(withPrograms).every((rate) => rate > 0)).toBe(true);
    expect(rates(withoutPrograms)).toEqual([0, 0, 0]);
  });
});

describe("the rules", () => {
  const ask = (question: string, heading: string, options: object = {}, seed = 1000): string => {
    const content = `## Task: ${heading}\n\n## Question\n${question}\n\n## Reply\n`;
    return rulePolicy(options)({ messages: [{ role: "user", content }], seed }, undefined as never) as string;
  };
  const [problem] = createCreationProblems(1);

  test("derive everything from the question: what else a request holds changes nothing", () => {
    const plain = ask(problem!.question, "create a tool", { brokenShare: 0 });
    expect(ask(problem!.question, "create a tool\n\ntool: gold\nsolution: gold\nanswer: 1", { brokenShare: 0 })).toBe(
      plain,
    );
    expect(ask(problem!.question.replace(/\d+/, "77"), "use the tool", { brokenShare: 0 })).toContain("77");
  });

  test("say so when a question is of no kind they know", () => {
    expect(ask("What is the capital of Norway?", "create a tool")).toMatch(/do not recognise/);
  });

  test("break the share of first tries that they are told to, and no other tries", () => {
    const problems = createCreationProblems(1, 6);
    const repliesOf = (brokenShare: number, seed: number): string[] =>
      problems.map(({ question }) =>
        ["create a tool", "use the tool"].map((heading) => ask(question, heading, { brokenShare }, seed)).join(),
      );
    const [whole, broken, later] = [repliesOf(0, 1000), repliesOf(0.5, 1000), repliesOf(0.5, 1001)];
    const changed = broken.filter((reply, i) => reply !== whole[i]).length;
    expect(changed / problems.length).toBeGreaterThan(0.35); // 216 tries: outside of these bounds with a chance below 1e-5
    expect(changed / problems.length).toBeLessThan(0.65);
    expect(later).toEqual(whole);
  });
});
