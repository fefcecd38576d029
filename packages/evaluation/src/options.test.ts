import { result } from "@cambium/base";
import { expect, test } from "vitest";
import { evaluationReport, trajectoryReport } from "./report/evaluation-report.ts";
import { runEvaluation } from "./run-evaluation.ts";
import { double, rows, stub } from "./stub-solver.fixture.ts";

test.each<[caller: string, call: () => Promise<unknown>, meant: string]>([
  ["evaluationReport", () => evaluationReport([], { titel: "A" } as never), "title"],
  ["trajectoryReport", () => trajectoryReport({} as never, { form: 1, count: 2 } as never), "from"],
  ["runEvaluation", () => result(runEvaluation(stub(double), rows(1), { concurency: 2 } as never)), "concurrency"],
])("%s refuses a misspelt option and names the one that was meant", async (caller, call, meant) => {
  const called = call();
  await expect(called).rejects.toMatchObject({
    code: "CONFIG",
    message: expect.stringContaining(`is "${meant}" meant?`),
  });
  await expect(called).rejects.toThrow(caller);
});
