import { result } from "@cambium/base";
import { evaluationReport, loadResults, memoryResults, runEvaluation } from "@cambium/evaluation";
import { openModels, scripted } from "@cambium/llm";
import { quickjs } from "@cambium/sandbox";
import { byHints, creator, runTransfer, type Setup, transferReport, transferText } from "@cambium/tool-learning";
import { expect, test } from "vitest";
import { createMathProblems, createTransferSets } from "./problems.ts";
import { rulePolicy } from "./rule-policy.ts";

async function withSetup<T>(work: (setup: Setup) => Promise<T>): Promise<T> {
  const sandbox = quickjs();
  const llm = await openModels({ store: ":memory:" });
  const model = llm.model(scripted(rulePolicy({ seed: 3, brokenShare: 0.5 })));
  const end = await work({ model, sandbox, sampling: { seed: 1 } });
  await llm.close();
  await sandbox.close();
  return end;
}

test("the report of tool creation has failed first tries, levels of creation, programs and settings", async () => {
  const results = memoryResults();
  const page = await withSetup(async (setup) => {
    const problems = createMathProblems(1, 1).slice(0, 12);
    await result(runEvaluation(creator(setup), problems, { results, groups: { hints: byHints } }));
    return evaluationReport([await loadResults(results)]);
  });
  const html = page.html();
  for (const text of ["LOAD_FAILED", "Rows by level of creation: ", "Part: tool", "promptsHash"]) {
    expect(html).toContain(text);
  }
  expect(html.match(/<details><summary>[✓✗]/g)).toHaveLength(12);
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
});
