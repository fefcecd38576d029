import { expect, test } from "vitest";
import { boardOf } from "./board.ts";
import { reportStudy } from "./report-study.ts";
import type { StudyState } from "./state.ts";
import { paperStudy, recordsOf } from "./study.fixture.ts";
import type { StudyOptions } from "./study.ts";

const options: Partial<Omit<StudyOptions, "run">> = {
  factors: { method: ["a", "b"], count: [1, 10, 100], seed: [1, 2, 3] },
  claims: [
    { claim: "a beats b", metric: "accuracy", where: { method: "a" }, minus: { method: "b" }, atLeast: 3 },
    { claim: "a beats b by far", metric: "accuracy", where: { method: "a" }, minus: { method: "b" }, atLeast: 30 },
    { claim: "b is fine with one", metric: "accuracy", where: { method: "b", count: 1 }, atLeast: 1 },
  ],
  figures: [
    { title: "Accuracy by count", metric: "accuracy", x: "count", scale: "log", series: ["method"] },
    { title: "Accuracy by method", metric: "accuracy", series: ["method"], where: { count: 100 } },
    { title: "b alone", metric: "accuracy", series: ["seed"], where: { method: "b", count: 1 } },
  ],
};

/** A report of a study in which b's runs with count 1 are missing and one of its others failed. */
function gappy() {
  const study = paperStudy(options);
  const records = recordsOf(study, ({ method, count, seed }) => {
    if (method === "b" && count === 1) return "missing";
    if (method === "b" && count === 10 && seed === 2) return undefined;
    return 60 + 5 * Math.log10(Number(count)) + Number(seed) / 10 + (method === "a" ? 4 : 0);
  });
  const damaged = [{ name: "f.json", problem: "is not JSON" }];
  const state: StudyState = { folder: "here", records, board: boardOf(study, records), damaged, plans: [], others: 2 };
  return reportStudy(study, state);
}

function full() {
  const study = paperStudy(options);
  const records = recordsOf(study, ({ method, seed }) => 60 + Number(seed) / 10 + (method === "a" ? 4 : 0));
  return reportStudy(study, {
    folder: "here",
    records,
    board: boardOf(study, records),
    damaged: [],
    plans: [],
    others: 0,
  });
}

test("the table of claims says claim, criterion, measured with interval, and verdict", () => {
  const { claimTable, claims } = full();
  expect(claimTable.rows[0]).toEqual([
    "a beats b",
    "mean accuracy of method a less that of method b: at least 3 (95 % t interval over seed)",
    "4.0 % [4.0, 4.0], t, n = 3",
    "held",
  ]);
  expect(claims.map(({ verdict }) => verdict)).toEqual(["held", "not held", "held"]);
});

test("what is missing is said wherever it is missing, and never dropped", () => {
  const { claimTable, html, figures } = gappy();
  expect(claimTable.rows.map((row) => row[3])).toEqual(["open", "open", "open"]);
  expect(claimTable.rows[0]![2]).toContain("4 of 18 runs missing: method b, count 1, seed 1; ");
  expect(claimTable.rows[2]![2]).toBe(
    "nothing yet; 3 of 3 runs missing: method b, count 1, seed 1; method b, count 1, seed 2; method b, count 1, seed 3",
  );
  expect(figures.get("accuracy-by-count")!.description).toContain("4 of 18 runs are missing.");
  const page = html();
  for (const words of [
    "3 runs have not been done.",
    "b alone: no run has a result yet.",
    "Error: no convergence",
    "is not JSON",
    "holds 2 results of former plans",
    "0 of 3",
    "2 of 3",
    "0 held, 0 not held, 3 open.",
  ]) {
    expect(page).toContain(words);
  }
});

test("the same results give the same bytes, in whatever order they came", () => {
  const study = paperStudy(options);
  const records = recordsOf(study, ({ seed }) => Number(seed));
  const page = (map: typeof records): string =>
    reportStudy(study, {
      folder: "x",
      records: map,
      board: boardOf(study, map),
      damaged: [],
      plans: [],
      others: 0,
    }).html();
  expect(page(new Map([...records].reverse()))).toBe(page(records));
});

test("a plan that was changed after results were in is told in the report", () => {
  const before = paperStudy({ ...options, claims: [{ ...options.claims![0]!, atLeast: 5 }] });
  const study = paperStudy({ ...options, claims: [options.claims![0]!] });
  const records = recordsOf(study, () => 1);
  const plans = [
    { plan: before.plan, acceptedAt: "2026-01-01T00:00:00.000Z", results: 0 },
    { plan: study.plan, acceptedAt: "2026-01-02T00:00:00.000Z", results: 17 },
  ];
  const state = { folder: "x", records, board: boardOf(study, records), damaged: [], plans, others: 0 };
  expect(reportStudy(study, state).html()).toContain(
    "The plan was changed when 17 results were in: claims.0.atLeast: 5 became 3.",
  );
});

test("figures get names of files, and equal titles different ones", () => {
  const figure = { title: "A/B: ½!", metric: "accuracy", series: ["method"] };
  const study = paperStudy({ figures: [figure, figure] });
  const records = recordsOf(study, () => 1);
  const state = { folder: "x", records, board: boardOf(study, records), damaged: [], plans: [], others: 0 };
  expect([...reportStudy(study, state).figures.keys()]).toEqual(["a-b-½", "a-b-½-2"]);
});

test("levels that read alike are drawn apart, and the table of the tuning takes each group's own levels", () => {
  const study = paperStudy({
    factors: { count: [1, 10], method: [1, "1"], seed: [1, 2] },
    figures: [
      { title: "lines", metric: "accuracy", x: "count", series: ["method"] },
      { title: "points", metric: "accuracy", series: ["method"] },
    ],
    tuning: {
      factor: "rate",
      values: ({ method }) => (method === 1 ? [0.1, 0.2] : [0.3, 0.4]),
      per: ["method"],
      at: { count: [1], seed: [9] },
      from: 1,
      to: 2,
      eta: 2,
      metric: "accuracy",
      goal: "max",
    },
  });
  const state: StudyState = {
    folder: "here",
    records: new Map(),
    board: boardOf(study, new Map()),
    damaged: [],
    plans: [],
    others: 0,
  };
  expect(reportStudy(study, state).html()).toMatch(/0\.1: – at 1.*0\.2: – at 1[\s\S]*0\.3: – at 1.*0\.4: – at 1/);
  const plain = paperStudy({ factors: study.factors, figures: study.figures });
  const records = recordsOf(plain, ({ count, method }) => Number(count) + (method === 1 ? 0 : 50));
  const { figures } = reportStudy(plain, { ...state, records, board: boardOf(plain, records) });
  for (const name of ["lines", "points"]) {
    const svg = figures.get(name)!.svg();
    expect(svg).toContain("&quot;1&quot;");
    expect(svg).toMatch(/>1</);
  }
});
