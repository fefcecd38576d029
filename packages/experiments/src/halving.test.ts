import { expect, test } from "vitest";
import { boardOf } from "./board.ts";
import type { Run } from "./grid.ts";
import { roundsOf, stepsOf } from "./halving.ts";
import type { RunRecord } from "./record.ts";
import { paperStudy, recordOf } from "./study.fixture.ts";

const tuning = {
  factor: "rate",
  values: [1, 2, 3, 4, 5, 6, 7, 8, 9],
  per: ["method"],
  at: { seed: [100, 101] },
  from: 10,
  to: 90,
  metric: "accuracy",
  goal: "max",
} as const;

/** Does what there is to do until nothing is, by a rule; gives all runs in order. */
function play(
  study: ReturnType<typeof paperStudy>,
  rule: (run: Run) => number | undefined,
): { runs: Run[]; records: Map<string, RunRecord> } {
  const records = new Map<string, RunRecord>();
  const runs: Run[] = [];
  for (;;) {
    const open = boardOf(study, records).runs.filter(({ key }) => !records.has(key));
    if (open.length === 0) return { runs, records };
    for (const run of open) {
      runs.push(run);
      records.set(run.key, recordOf(study, run, rule(run)));
    }
  }
}

test("rounds keep one level in eta and give it eta times the steps, up to the last round's", () => {
  expect(roundsOf(9, { from: 10, to: 90, eta: 3 })).toEqual([
    { count: 9, budget: 10 },
    { count: 3, budget: 30 },
    { count: 1, budget: 90 },
  ]);
  expect(roundsOf(8, { from: 10, to: 25, eta: 2 })).toEqual([
    { count: 8, budget: 10 },
    { count: 4, budget: 20 },
    { count: 2, budget: 25 },
  ]);
  expect(roundsOf(1, { from: 10, to: 90, eta: 3 })).toEqual([{ count: 1, budget: 10 }]);
});

test("the level that is best with all steps wins, and the grid runs with it", () => {
  const study = paperStudy({ tuning });
  const { runs, records } = play(study, ({ cell, budget }) => {
    const best = cell["method"] === "a" ? 4 : 6;
    return -Math.abs(Number(cell["rate"]) - best) + (budget ?? 0) / 1000;
  });
  const { tuned, grid } = boardOf(study, records);
  expect(tuned.map(({ chosen }) => chosen)).toEqual([4, 6]);
  expect(grid.map(({ run }) => run?.cell["rate"])).toEqual([4, 4, 4, 4, 4, 6, 6, 6, 6, 6]);
  expect(runs.filter(({ budget }) => budget === 30 && runs).map(({ cell }) => cell["rate"])).toEqual([
    3, 3, 4, 4, 5, 5, 5, 5, 6, 6, 7, 7,
  ]);
});

test("every group takes the same number of steps, as the plan states it", () => {
  const study = paperStudy({
    tuning: { ...tuning, values: ({ method }) => (method === "a" ? [1, 2, 3, 4] : [5, 6, 7, 8]), eta: 2, to: 40 },
  });
  const { runs } = play(study, ({ cell }) => Number(cell["rate"]));
  const steps = (method: string): number =>
    runs
      .filter(({ cell, budget }) => cell["method"] === method && budget !== undefined)
      .reduce((sum, { budget }) => sum + budget!, 0);
  expect(steps("a")).toBe(stepsOf(study.tuning!));
  expect(steps("b")).toBe(stepsOf(study.tuning!));
  expect(stepsOf(study.tuning!)).toBe(2 * (4 * 10 + 2 * 20 + 1 * 40));
});

test("a level that fails is behind all that do not, and never chosen", () => {
  const study = paperStudy({ tuning });
  const { records } = play(study, ({ cell }) => (Number(cell["rate"]) > 2 ? undefined : -Number(cell["rate"])));
  expect(boardOf(study, records).tuned.map(({ chosen }) => chosen)).toEqual([1, 1]);
});

test("equal levels keep their order, and the lowest wins when the goal is the minimum", () => {
  const equal = play(paperStudy({ tuning }), () => 1);
  expect(boardOf(paperStudy({ tuning }), equal.records).tuned[0]!.chosen).toBe(1);
  const study = paperStudy({ tuning: { ...tuning, goal: "min" } });
  const { records } = play(study, ({ cell }) => (Number(cell["rate"]) - 7) ** 2);
  expect(boardOf(study, records).tuned[0]!.chosen).toBe(7);
});

test("a group whose levels all fail gets no runs in the grid, and they are counted", () => {
  const study = paperStudy({ tuning });
  const { records } = play(study, ({ cell }) => (cell["method"] === "a" ? undefined : 1));
  const board = boardOf(study, records);
  expect(board.tuned.map(({ stuck, chosen }) => [stuck, chosen])).toEqual([
    [true, undefined],
    [false, 1],
  ]);
  expect(board).toMatchObject({ waiting: 0, stuck: 5 + 2 * (3 + 1) });
});

test("the number of all runs is known before any is done, and stays the same", () => {
  const study = paperStudy({ tuning });
  const total = ({ runs, waiting, stuck }: ReturnType<typeof boardOf>): number => runs.length + waiting + stuck;
  const first = boardOf(study, new Map());
  expect(total(first)).toBe(2 * 2 * (9 + 3 + 1) + 10);
  const { runs, records } = play(study, ({ cell }) => Number(cell["rate"]));
  for (let count = 0; count <= runs.length; count += 7) {
    const some = new Map(runs.slice(0, count).map(({ key }) => [key, records.get(key)!]));
    expect(total(boardOf(study, some))).toBe(total(first));
  }
});
