import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { result } from "@cambium/base";
import { afterAll, describe, expect, test } from "vitest";
import type { FailureCode } from "./failure.ts";
import { paperGrader, strictGrader } from "./graders/grader.ts";
import { loadResults } from "./results/load-results.ts";
import { folderResults, memoryResults } from "./results/results.ts";
import { type EvaluationEvent, type EvaluationOptions, type Group, runEvaluation } from "./run-evaluation.ts";
import type { Solver } from "./solver.ts";
import { double, rows, stub } from "./stub-solver.fixture.ts";
import type { Row } from "./task.ts";
import { wilson } from "./wilson.ts";

const folder = mkdtempSync(join(tmpdir(), "evaluation-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function collect(
  run: AsyncIterable<EvaluationEvent>,
): Promise<{ events: EvaluationEvent[]; end: Extract<EvaluationEvent, { type: "end" }> }> {
  const events: EvaluationEvent[] = [];
  const end = await result(run, (event) => events.push(event));
  return { events, end };
}

test("Wilson's interval is that of the textbook, and stays within 0 and 1", () => {
  const { low, high } = wilson(81, 263); // Newcombe 1998, Statistics in Medicine 17, table I
  expect([low, high].map((bound) => bound.toFixed(4))).toEqual(["0.2553", "0.3662"]);
  expect(wilson(0, 20)).toMatchObject({ rate: 0, low: 0 });
  expect(wilson(0, 20).high).toBeCloseTo(0.1611, 4); // the same table
  expect(wilson(20, 20)).toMatchObject({ rate: 1, high: 1 });
  expect(wilson(0, 0)).toEqual({ rate: 0, low: 0, high: 1 });
});

test("every row is solved once, judged and summed up by subject and level", async () => {
  const solver = stub((question) => (question === "3" ? "7" : double(question)));
  const { events, end } = await collect(runEvaluation(solver, rows(9), { grader: [strictGrader, paperGrader] }));
  expect(events.filter(({ type }) => type === "row")).toHaveLength(9);
  expect(new Set(solver.asked).size).toBe(9);
  expect(end).toMatchObject({ reason: "finished", open: 0 });
  const { summary } = end;
  expect(summary.total).toBe(9);
  expect(summary.accuracy["strict"]).toMatchObject({ count: 8, rate: 8 / 9 });
  expect(Object.keys(summary.accuracy)).toEqual(["strict", "paper"]);
  expect(summary.wrong.count).toBe(1);
  expect(
    summary.groups["subject"]!.map(({ name, total, accuracy }) => [name, total, accuracy["strict"]!.count]),
  ).toEqual([
    ["even", 5, 5],
    ["odd", 4, 3],
  ]);
  expect(summary.groups["level"]!.map(({ name, total }) => [name, total])).toEqual([
    ["1", 3],
    ["2", 3],
    ["3", 3],
  ]);
  expect(summary.outcomes).toEqual([
    { first: "right", final: "right", count: 8 },
    { first: "wrong", final: "wrong", count: 1 },
  ]);
  expect(summary.cost).toMatchObject({ modelCalls: 9, inputTokens: 90, outputTokens: 45 });
  expect(summary.cost.usd).toBeCloseTo(0.009, 9);
});

test("no more rows than allowed are under way at once", async () => {
  let now = 0;
  let most = 0;
  const solver = stub(async (question) => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 2));
    now--;
    return double(question);
  });
  await collect(runEvaluation(solver, rows(20), { concurrency: 3 }));
  expect(most).toBe(3);
});

test("failures of programs are execution errors, replies without an answer too", async () => {
  const solver = stub((question) =>
    question === "0" ? { code: "GUEST_ERROR", message: "TypeError" } : double(question),
  );
  const { end } = await collect(runEvaluation(solver, rows(2)));
  expect(end.summary.executionErrors.count).toBe(1);
  expect(end.summary.outcomes).toContainEqual({ first: "GUEST_ERROR", final: "GUEST_ERROR", count: 1 });
});

test("further groups split the results, in their known order", async () => {
  const sizes: Group = {
    of: ({ question }) => (question === "8" ? undefined : question < "6" ? "small" : "big"),
    order: ["small"],
  };
  const { end } = await collect(runEvaluation(stub(double), rows(9), { groups: { size: sizes } }));
  expect(end.summary.groups["size"]!.map(({ name, total }) => [name, total])).toEqual([
    ["small", 6],
    ["big", 2],
  ]);
});

test("labels are counted, and a solver may say what its first try came to", async () => {
  const solver = stub(double, { labels: { way: "by hand" }, firstFailure: "NO_ANSWER" });
  const { end } = await collect(runEvaluation(solver, rows(3)));
  expect(end.summary.labels).toEqual({ way: { "by hand": 3 } });
  expect(end.summary.outcomes).toEqual([{ first: "NO_ANSWER", final: "right", count: 3 }]);
  expect(end.summary.firstTry.count).toBe(0);
});

test("solvers see tasks, never answers", async () => {
  const seen: object[] = [];
  const spy: Solver = {
    ...stub(double),
    async *solve(task, options) {
      seen.push(task);
      yield* stub(double).solve(task, options);
    },
  };
  await collect(runEvaluation(spy, rows(2)));
  expect(seen).toEqual([{ question: "0" }, { question: "1" }]);
});

describe("resuming", () => {
  const open = (name: string): EvaluationOptions => ({ results: join(folder, name), concurrency: 2 });

  test("what was done is not done again, and the result is that of one run", async () => {
    const whole = await collect(runEvaluation(stub(double), rows(12), open("whole")));
    const controller = new AbortController();
    const first = stub(double);
    for await (const event of runEvaluation(first, rows(12), { ...open("parts"), signal: controller.signal })) {
      if (event.type === "row" && event.done === 5) controller.abort();
      if (event.type === "end") expect(event).toMatchObject({ reason: "stopped" });
    }
    const second = stub(double);
    const { events, end } = await collect(runEvaluation(second, rows(12), open("parts")));
    expect(events[0]).toMatchObject({ type: "resumed" });
    const kept = readFileSync(join(folder, "parts", "rows.jsonl"), "utf8")
      .trim()
      .split("\n");
    expect(kept).toHaveLength(12);
    expect(second.asked).toHaveLength(12 - (events[0] as { rows: number }).rows);
    expect(end.summary).toEqual(whole.end.summary);
    const again = stub(double);
    expect((await collect(runEvaluation(again, rows(12), open("parts")))).end.summary).toEqual(whole.end.summary);
    expect(again.asked).toEqual([]);
  });

  test("leaving the loop cancels what is under way", async () => {
    let cancelled = 0;
    const solver = stub(
      (question, signal) =>
        new Promise((resolve) => {
          if (question === "0") resolve("0");
          else
            signal!.addEventListener("abort", () => {
              cancelled++;
              resolve({ code: "CANCELLED", message: "" });
            });
        }),
    );
    for await (const event of runEvaluation(solver, rows(5), { concurrency: 3 })) if (event.type === "row") break;
    expect(cancelled).toBe(2);
  });

  test("a line that was cut off is dropped, and its row done again", async () => {
    await collect(runEvaluation(stub(double), rows(3), open("torn")));
    appendFileSync(join(folder, "torn", "rows.jsonl"), '{"id":"row-3","rowHash":"');
    const solver = stub(double);
    const { end } = await collect(runEvaluation(solver, rows(5), open("torn")));
    expect(solver.asked).toEqual(["3", "4"]);
    expect(end.summary.total).toBe(5);
    for (const line of readFileSync(join(folder, "torn", "rows.jsonl"), "utf8")
      .trim()
      .split("\n"))
      JSON.parse(line);
  });

  test("results of another run are refused, with what differs", async () => {
    await collect(runEvaluation(stub(double, { settings: { rounds: 3 } }), rows(2), open("other")));
    const other = runEvaluation(stub(double, { settings: { rounds: 2 } }), rows(2), open("other"));
    await expect(result(other)).rejects.toThrow(/settings\.rounds: 3 before, 2 now/);
    await expect(
      result(
        runEvaluation(stub(double, { settings: { rounds: 3 } }), rows(2), { ...open("other"), grader: paperGrader }),
      ),
    ).rejects.toThrow(/graders/);
  });

  test("a row that has changed is refused", async () => {
    await collect(runEvaluation(stub(double), rows(2), open("changed")));
    const changed = rows(2).map((row) => ({ ...row, answer: "9" }));
    await expect(result(runEvaluation(stub(double), changed, open("changed")))).rejects.toThrow(
      /row "row-0" has changed/,
    );
  });

  test("a folder that cannot be written is an error", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(
      result(runEvaluation(stub(double), rows(2), { results: join(folder, "file", "x") })),
    ).rejects.toMatchObject({ code: "FILE" });
  });
});

describe("failures from outside", () => {
  const failing = (code: FailureCode, when: (question: string) => boolean, status?: number) =>
    stub((question) =>
      when(question) ? { code, message: "no", ...(status !== undefined && { status }) } : double(question),
    );

  test("a used-up budget ends the run; its rows stay open", async () => {
    const results = memoryResults();
    const { events, end } = await collect(
      runEvaluation(
        failing("BUDGET_EXCEEDED", (question) => Number(question) >= 4),
        rows(10),
        { results, concurrency: 2 },
      ),
    );
    expect(end).toMatchObject({
      reason: "budget_exceeded",
      open: 6,
      failure: { code: "BUDGET_EXCEEDED" },
      summary: { total: 4 },
    });
    expect(events.filter(({ type }) => type === "postponed").length).toBeLessThanOrEqual(2);
    const later = stub(double);
    expect((await collect(runEvaluation(later, rows(10), { results }))).end).toMatchObject({
      reason: "finished",
      summary: { total: 10 },
    });
    expect(later.asked).toHaveLength(6);
  });

  test("one row that the provider fails is postponed, the others go on", async () => {
    const { end } = await collect(
      runEvaluation(
        failing("UNAVAILABLE", (question) => question === "2"),
        rows(6),
      ),
    );
    expect(end).toMatchObject({ reason: "unavailable", open: 1, summary: { total: 5 } });
  });

  test.each([
    ["three rows in a row", "RATE_LIMITED", 3],
    ["a refused key", "UNAUTHORIZED", 1],
  ] as const)("%s end the run", async (_, code, asked) => {
    const solver = failing(code, () => true);
    const { end } = await collect(runEvaluation(solver, rows(50), { concurrency: 1 }));
    expect(end).toMatchObject({ reason: "unavailable", failure: { code } });
    expect(solver.asked).toHaveLength(asked);
  });

  test.each([307, 404, 405, 410])(
    "an address where no model answers (%i) ends the run, and no row is wrong",
    async (status) => {
      const solver = failing("MODEL_ERROR", () => true, status);
      const { end } = await collect(runEvaluation(solver, rows(50), { concurrency: 1 }));
      expect(end).toMatchObject({ reason: "unavailable", open: 50, summary: { total: 0 }, failure: { status } });
      expect(solver.asked).toHaveLength(1);
    },
  );

  test("a request that is refused for what it holds is a result of its row", async () => {
    const solver = failing("MODEL_ERROR", (question) => question === "2", 400);
    const { end } = await collect(runEvaluation(solver, rows(6)));
    expect(end).toMatchObject({
      reason: "finished",
      open: 0,
      summary: { total: 6, accuracy: { strict: { count: 5 } } },
    });
  });
});

test("progress tells what is done, spent and left", async () => {
  const { events } = await collect(runEvaluation(stub(double), rows(4), { concurrency: 1 }));
  const told = events.flatMap((event) => (event.type === "row" ? [event] : []));
  expect(told.map(({ done, total }) => [done, total])).toEqual([
    [1, 4],
    [2, 4],
    [3, 4],
    [4, 4],
  ]);
  expect(told.map(({ spent }) => spent.modelCalls)).toEqual([1, 2, 3, 4]);
  expect(told.at(-1)!.remainingMs).toBe(0);
  expect(told[0]!.remainingMs).toBeGreaterThan(0);
});

test("rows may come from an iterable without an end in sight, and memory keeps ids only", async () => {
  async function* source(): AsyncGenerator<Row> {
    for (let i = 0; i < 3000; i++) yield { id: `r${i}`, question: String(i), answer: String(2 * i) };
  }
  const { end } = await collect(
    (async function* () {
      for await (const event of runEvaluation(stub(double), source(), { concurrency: 16 }))
        if (event.type === "end") yield event;
    })(),
  );
  expect(end).toMatchObject({
    reason: "finished",
    open: 0,
    summary: { total: 3000, accuracy: { strict: { count: 3000 } } },
  });
});

test("two rows with one id are refused", async () => {
  await expect(result(runEvaluation(stub(double), [...rows(2), ...rows(1)], { concurrency: 1 }))).rejects.toThrow(
    /two rows have the id "row-0"/,
  );
});

test("kept results are read again, row by row", async () => {
  const results = folderResults(join(folder, "kept"));
  await collect(runEvaluation(stub(double), rows(3), { results }));
  const { manifest, summary, records } = await loadResults(join(folder, "kept"));
  expect(manifest).toMatchObject({ version: 1, method: "stub", graders: ["strict"], sample: 0 });
  expect(summary.total).toBe(3);
  const ids = [];
  for await (const { id } of records()) ids.push(id);
  expect(ids.sort()).toEqual(["row-0", "row-1", "row-2"]);
  await expect(loadResults(join(folder, "nowhere"))).rejects.toMatchObject({ code: "STATE" });
});

test.each([
  [{ graders: strictGrader }, /unknown key "graders"; is "grader" meant/],
  [{ grader: [] }, /must be a grader/],
  [{ concurrency: 0 }, /"concurrency"/],
  [{ groups: { level: { of: () => "1" } } }, /"groups" names "level", which every evaluation has/],
])("options that cannot be meant are refused: %o", async (options, message) => {
  await expect(result(runEvaluation(stub(double), rows(1), options as never))).rejects.toThrow(message);
});
