import { expect, test } from "vitest";
import { boardOf } from "./board.ts";
import type { ClaimOptions } from "./claim-options.ts";
import { measureClaims, missingText } from "./claims.ts";
import { paperStudy, recordsOf } from "./study.fixture.ts";

type Rule = Parameters<typeof recordsOf>[1];

function measure(claim: Partial<ClaimOptions>, rule: Rule) {
  const study = paperStudy({ claims: [{ claim: "a is better", metric: "accuracy", ...claim }] });
  const records = recordsOf(study, rule);
  return measureClaims(study, { records, board: boardOf(study, records) })[0]!;
}

const difference = { where: { method: "a" }, minus: { method: "b" } };
/** a is ahead by 1 to 5 points. */
const ahead: Rule = ({ method, seed }) => (method === "a" ? 70 + Number(seed) * 11 : 70 + Number(seed) * 10);

test("a claim about a difference is measured unit by unit, and holds when its whole interval does", () => {
  // Differences 1 to 5: mean 3, t interval 3 ± 1.9632.
  const held = measure({ ...difference, atLeast: 1 }, ahead);
  expect(held).toMatchObject({ verdict: "held", units: 5, runs: 10, missing: [], measured: { mean: 3 } });
  expect(held.measured!.low).toBeCloseTo(1.0368, 4);
  expect(measure({ ...difference, atLeast: 1.1 }, ahead).verdict).toBe("not held");
  expect(measure({ ...difference, atMost: 4.9 }, ahead).verdict).toBe("not held");
  expect(measure({ ...difference, atLeast: 1, atMost: 5 }, ahead).verdict).toBe("held");
});

test("a claim with a missing or failed run is open, shows what the others say, and names the run", () => {
  for (const gap of ["missing", undefined] as const) {
    const open = measure({ ...difference, atLeast: 0 }, (cell) =>
      cell["method"] === "b" && cell["seed"] === 2 ? gap : ahead(cell),
    );
    expect(open).toMatchObject({ verdict: "open", units: 4, measured: { mean: 3.25 } });
    expect(missingText(open)).toBe("1 of 10 runs missing: method b, seed 2");
  }
});

test("a claim without any run is open and has no number", () => {
  const open = measure({ atLeast: 0 }, () => "missing");
  expect(open).toMatchObject({ verdict: "open", units: 0, runs: 10 });
  expect(open.measured).toBeUndefined();
});

test("a statistic gives each unit's number from its runs", () => {
  const spread = measure(
    {
      statistic: {
        version: "1",
        compute: (runs) => Math.max(...runs.map(({ result }) => result["accuracy"] as number)),
      },
      atLeast: 0,
    },
    ahead,
  );
  expect(spread.measured!.mean).toBe(70 + 3 * 11);
});

test("a statistic that is not a number holds nothing", () => {
  const { verdict } = measure({ statistic: { version: "1", compute: () => Number.NaN }, atLeast: -1e9 }, ahead);
  expect(verdict).toBe("not held");
});

test("the criterion says what is measured, by which interval, over what", () => {
  expect(measure({ ...difference, atLeast: 1 }, ahead).criterion).toBe(
    "mean accuracy of method a less that of method b: at least 1 (95 % t interval over seed)",
  );
  expect(measure({ where: { seed: [1, 2] }, atMost: 99, interval: "bootstrap", level: 0.9 }, ahead).criterion).toBe(
    "mean accuracy of seed 1 or 2: at most 99 (90 % bootstrap interval over seed)",
  );
});
