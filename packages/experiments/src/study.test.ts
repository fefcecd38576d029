import { expect, test } from "vitest";
import { createRun } from "./grid.ts";
import { paperStudy } from "./study.fixture.ts";
import type { StudyOptions } from "./study.ts";

test("the cells are all combinations of levels that are not left out, the last factor changing fastest", () => {
  const factors = { method: ["a", "b"], count: [1, 10], seed: [1, 2] };
  const { cells } = paperStudy({ factors, where: ({ method, count }) => method === "a" || count === 10 });
  expect(cells.map(({ method, count, seed }) => `${method}${count}.${seed}`)).toEqual([
    "a1.1",
    "a1.2",
    "a10.1",
    "a10.2",
    "b10.1",
    "b10.2",
  ]);
});

const tuning = {
  factor: "rate",
  values: [1, 10],
  per: ["method"],
  at: { seed: [9] },
  from: 1,
  to: 3,
  metric: "accuracy",
  goal: "max",
} as const;
const claim = { claim: "a is good", metric: "accuracy", where: { method: "a" }, atLeast: 1 };

test.each<[what: string, options: Partial<StudyOptions>, message: string]>([
  ["an unknown key", { factor: {} } as never, 'unknown key "factor"; is "factors" meant?'],
  ["an unknown key of a claim", { claims: [{ ...claim, atleast: 1 } as never] }, 'is "atLeast" meant?'],
  ["a name that is no file name", { name: "a/b" }, "must consist of letters"],
  ["a factor without levels", { factors: { seed: [] } }, '"factors.seed"'],
  ["a level that is there twice", { factors: { seed: [1, 1] } }, "must name each level once"],
  ["a level that is not finite", { factors: { seed: [Number.NaN] } }, "got NaN"],
  ["a grid without cells", { where: () => false }, "the grid has no cell"],
  [
    "a claim about an unknown metric",
    { claims: [{ ...claim, metric: "acuracy" }] },
    'unknown metric "acuracy"; is "accuracy" meant?',
  ],
  [
    "a claim about an unknown factor",
    { claims: [{ ...claim, where: { methd: "a" } }] },
    'unknown factor "methd"; is "method" meant?',
  ],
  [
    "a claim about an unknown level",
    { claims: [{ ...claim, where: { method: "c" } }] },
    'asks for method "c"; its levels are "a", "b"',
  ],
  ["a claim without a criterion", { claims: [{ claim: "a", metric: "accuracy" }] }, "has no criterion"],
  ["a claim over one unit", { claims: [{ ...claim, over: ["method"] }] }, "an interval needs at least 2"],
  [
    "a claim that compares other units",
    { claims: [{ ...claim, where: { seed: [1, 2] }, minus: { seed: [3, 4] } }] },
    "both sides need the same units",
  ],
  [
    "a claim that no number meets",
    { claims: [{ ...claim, atLeast: 2, atMost: 1 }] },
    "at least 2 and at most 1, which no number is",
  ],
  [
    "a claim that compares runs with themselves",
    { claims: [{ ...claim, minus: { method: ["a"] } }] },
    "compares runs with themselves",
  ],
  ["a factor whose name would be lost", { factors: JSON.parse('{"__proto__": [1], "seed": [1]}') }, '"__proto__"'],
  ["two claims in the same words", { claims: [claim, claim] }, "is there twice"],
  [
    "no factor that repeats, and a claim",
    { factors: { method: ["a", "b"] }, claims: [claim] },
    'unknown factor "seed"',
  ],
  ["a tuned factor of the grid", { tuning: { ...tuning, factor: "seed" } }, "is of a factor of the grid"],
  [
    "a tuning that leaves a factor open",
    { tuning: { ...tuning, at: {} } },
    "must name seed either in `per` or in `at`",
  ],
  ["a tuning with rounds that shrink", { tuning: { ...tuning, to: 0.5 } }, '"tuning.to"'],
  [
    "a tuning whose last round never comes",
    { tuning: { ...tuning, to: 4 } },
    "never comes to 4 steps: of 2 levels one is left at 3; say `to: 3`, start later, or try more levels",
  ],
  [
    "another budget for another method",
    { tuning: { ...tuning, values: ({ method }) => (method === "a" ? [1] : [1, 2]) } },
    "every group needs as many, to have the same budget",
  ],
  [
    "a figure over a factor of words",
    { figures: [{ title: "f", metric: "accuracy", x: "method", series: [] }] },
    "must all be numbers",
  ],
  ["a step per unknown factor", { run: { step: { name: "step", per: ["size"] } } } as never, 'unknown factor "size"'],
  ["a module by a relative path", { run: { module: "./run.ts" } } as never, "must be a file: URL"],
])("%s is refused", (_, options, message) => {
  expect(() => paperStudy(options as never)).toThrow(
    expect.objectContaining({ code: "CONFIG", message: expect.stringContaining(message) }),
  );
});

test("a run's key depends on all that its result depends on, and on nothing else", () => {
  const key = (study: ReturnType<typeof paperStudy>, cell = study.cells[0]!, budget?: number) =>
    createRun(study, cell, budget).key;
  const first = key(paperStudy());
  expect(key(paperStudy({ factors: { method: ["a", "c", "b"], seed: [1] }, claims: [], metrics: { loss: {} } }))).toBe(
    first,
  );
  expect(key(paperStudy({ run: { module: "file:///elsewhere.js" } }))).toBe(first);
  expect(key(paperStudy(), { seed: 1, method: "a" })).toBe(first);
  const others = [
    key(paperStudy({ name: "other" })),
    key(paperStudy({ run: { version: "2" } })),
    key(paperStudy({ run: { name: "other" } })),
    key(paperStudy({ run: { inputs: { data: "sha" } } })),
    key(paperStudy(), { method: "a", seed: 2 }),
    key(paperStudy(), { method: "a", seed: "1" }),
    key(paperStudy(), { method: "a", seed: 1 }, 100),
  ];
  expect(new Set([first, ...others]).size).toBe(1 + others.length);
});

test("a factor may have the name of something that every object inherits", () => {
  const factors = { constructor: ["a", "b"], seed: [1] } as never;
  const { tuning: planned } = paperStudy({ factors, tuning: { ...tuning, per: ["constructor"] } });
  expect(planned?.groups.map(({ group }) => group)).toEqual([{ constructor: "a" }, { constructor: "b" }]);
});
