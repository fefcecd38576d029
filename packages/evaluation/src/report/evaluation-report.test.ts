import { result } from "@cambium/base";
import { expect, test } from "vitest";
import { paperGrader, strictGrader } from "../graders/grader.ts";
import { loadResults } from "../results/load-results.ts";
import { memoryResults } from "../results/results.ts";
import { runEvaluation } from "../run-evaluation.ts";
import type { Solver } from "../solver.ts";
import { double, rows, stub } from "../stub-solver.fixture.ts";
import { evaluationReport, trajectoryReport } from "./evaluation-report.ts";

async function evaluate(solver: Solver, count: number) {
  const results = memoryResults();
  const grader = [strictGrader, paperGrader];
  await result(
    runEvaluation(solver, rows(count), { results, grader, groups: { size: { of: (row) => `${row.id.length}` } } }),
  );
  return loadResults(results);
}

/** Answers with the double, but for one number. */
const nearlyRight = stub(
  (question) => (question === "3" ? { code: "GUEST_ERROR", message: "TypeError: no number" } : double(question)),
  { settings: { promptsHash: "abc" }, labels: { "level of care": "high" } },
);

test("a report has accuracy by every group, failures, labels, cost, settings and every trajectory", async () => {
  const page = await evaluationReport([await evaluate(nearlyRight, 12)], {
    title: "Twelve problems",
    note: "Figures about plumbing.",
  });
  const html = page.html();
  for (const text of [
    "Twelve problems",
    "Figures about plumbing.",
    "Accuracy by subject",
    "Accuracy by level",
    "Accuracy by size",
    "How rows ended",
    "Rows by level of care: high 12.",
    "What it took",
    "promptsHash",
    "GUEST_ERROR",
    "What is twice 5?",
  ]) {
    expect(html).toContain(text);
  }
  expect(html.match(/<details><summary>[✓✗]/g)).toHaveLength(12);
});

test("several runs stand side by side, and long ones show their first trajectories only", async () => {
  const runs = [await evaluate(nearlyRight, 4), { ...(await evaluate(stub(double), 4)), name: "programs" }];
  const html = (await evaluationReport(runs, { trajectories: 2 })).html();
  expect(html).toContain("Accuracy (strict)");
  expect(html).toContain("Trajectories: programs");
  expect(html).toContain("The first 2 of 4 rows");
  expect(html.match(/<details><summary>[✓✗]/g)).toHaveLength(4);
});

test("the trajectories of a long run can be spread over pages", async () => {
  const run = await evaluate(nearlyRight, 5);
  const html = (await trajectoryReport(run, { from: 2, count: 2 })).html();
  const beyond = (await trajectoryReport(run, { from: 4, count: 2 })).html();
  expect(html).toContain("Rows 3 to 4 of 5");
  expect(html.match(/<details><summary>[✓✗]/g)).toHaveLength(2);
  expect(beyond.match(/<details><summary>[✓✗]/g)).toHaveLength(1);
});

test("a run without rows has a report too", async () => {
  const page = await evaluationReport([await evaluate(nearlyRight, 0)]);
  expect(page.html()).toContain("no rows yet");
});
