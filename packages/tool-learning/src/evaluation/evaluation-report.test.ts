import { openModels, scripted } from "@cambium/llm";
import { expect, test } from "vitest";
import { programOfThought } from "../baselines/program-of-thought.ts";
import { creator } from "../creator/solver.ts";
import { paperGrader, strictGrader } from "../graders/grader.ts";
import { result } from "../run.ts";
import { quickjs } from "../sandbox/quickjs.ts";
import type { Setup } from "../solving/setup.ts";
import type { Solver } from "../solving/solver.ts";
import { createMathProblems, createTransferSets } from "../synthetic/problems.ts";
import { rulePolicy } from "../synthetic/rule-policy.ts";
import { runTransfer } from "../transfer/run-transfer.ts";
import { transferReport, transferText } from "../transfer/transfer-report.ts";
import { evaluationReport, trajectoryReport } from "./evaluation-report.ts";
import { loadResults } from "./read-results.ts";
import { memoryResults } from "./results.ts";
import { runEvaluation } from "./run-evaluation.ts";

async function withSetup<T>(work: (setup: Setup) => Promise<T>): Promise<T> {
  const sandbox = quickjs();
  const llm = await openModels({ store: ":memory:" });
  const model = llm.model(scripted(rulePolicy({ seed: 3, brokenShare: 0.5 })));
  const end = await work({ model, sandbox, sampling: { seed: 1 } });
  await llm.close();
  await sandbox.close();
  return end;
}

async function evaluate(create: (setup: Setup) => Solver, setup: Setup, count: number) {
  const results = memoryResults();
  await result(
    runEvaluation(create(setup), createMathProblems(1, 1).slice(0, count), {
      results,
      grader: [strictGrader, paperGrader],
    }),
  );
  return loadResults(results);
}

test("a report has accuracy by subject and level, failures, cost, settings and every trajectory", async () => {
  const page = await withSetup(async (setup) =>
    evaluationReport([await evaluate(creator, setup, 12)], {
      title: "Twelve problems",
      note: "Figures about plumbing.",
    }),
  );
  const html = page.html();
  for (const text of [
    "Twelve problems",
    "Figures about plumbing.",
    "Accuracy by subject",
    "Accuracy by level",
    "How rows ended",
    "What it took",
    "promptsHash",
  ]) {
    expect(html).toContain(text);
  }
  expect(html.match(/<details><summary>[✓✗]/g)).toHaveLength(12);
  expect(html).toContain("load_failed");
  expect(html).toContain("Part: tool");
}, 20_000);

test("several runs stand side by side, and long ones show their first trajectories only", async () => {
  const page = await withSetup(async (setup) => {
    const runs = [
      await evaluate(creator, setup, 4),
      { ...(await evaluate(programOfThought, setup, 4)), name: "programs" },
    ];
    return evaluationReport(runs, { trajectories: 2 });
  });
  const html = page.html();
  expect(html).toContain("Accuracy (strict)");
  expect(html).toContain("Trajectories: programs");
  expect(html).toContain("The first 2 of 4 rows");
  expect(html.match(/<details><summary>[✓✗]/g)).toHaveLength(4);
}, 20_000);

test("the trajectories of a long run can be spread over pages", async () => {
  const [html, beyond] = await withSetup(async (setup) => {
    const run = await evaluate(creator, setup, 5);
    const pages = [
      await trajectoryReport(run, { from: 2, count: 2 }),
      await trajectoryReport(run, { from: 4, count: 2 }),
    ];
    return pages.map((page) => page.html());
  });
  expect(html).toContain("Rows 3 to 4 of 5");
  expect(html!.match(/<details><summary>[✓✗]/g)).toHaveLength(2);
  expect(beyond!.match(/<details><summary>[✓✗]/g)).toHaveLength(1);
}, 20_000);

test("a run without rows has a report too", async () => {
  const page = await withSetup(async (setup) => evaluationReport([await evaluate(creator, setup, 0)]));
  expect(page.html()).toContain("no rows yet");
});

test("the report of a transfer prints all three figures and every tool", async () => {
  const end = await withSetup((setup) => result(runTransfer(setup, createTransferSets(1).slice(0, 2))));
  const text = transferText(end.summary);
  expect(text.split("\n").map((line) => line.split("  ")[0])).toEqual([
    "own tools",
    "mean over pairs",
    "oracle choice",
    "validated choice",
    expect.stringMatching(/^chosen tool against own tools/),
  ]);
  const html = (await transferReport(end.records)).html();
  expect(html).toContain("validated choice");
  expect(html.match(/used for /g)).toHaveLength(12);
}, 20_000);
