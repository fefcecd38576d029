import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalJson } from "@cambium/base";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { createRun } from "./grid.ts";
import { openLedger } from "./ledger.ts";
import { agreePlan, loadPlans } from "./plans.ts";
import { createRecord, readRecord, recordFolder, writeRecord } from "./record.ts";
import { runStudy } from "./run-study.ts";
import { loadStudy } from "./state.ts";
import { paperStudy, recordOf, recordsOf } from "./study.fixture.ts";

function freshFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "cambium-records-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

/** A folder with all results of a study. */
async function doneFolder(study = paperStudy()): Promise<string> {
  const folder = freshFolder();
  for (const record of recordsOf(study, ({ seed }) => Number(seed)).values())
    await writeRecord(recordFolder(folder), record);
  return folder;
}

test("a record is read as it was written", async () => {
  const study = paperStudy();
  const written = recordsOf(study, ({ seed }) => (seed === 3 ? undefined : Number(seed) / 3));
  const folder = freshFolder();
  for (const record of written.values()) await writeRecord(recordFolder(folder), record);
  const state = await loadStudy(study, folder);
  expect(new Map([...state.records].sort())).toEqual(new Map([...written].sort()));
  expect(state).toMatchObject({ damaged: [], others: 0 });
});

test("whatever JSON a run returns is read as it was written", async () => {
  const study = paperStudy();
  const files = recordFolder(freshFolder());
  const about = { durationMs: 1, endedAt: "2026-01-01T00:00:00.000Z", machine: "here" };
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (value) => {
      const result = JSON.parse(canonicalJson(value)); // as it comes from a worker process
      const run = createRun(study, study.cells[0]!);
      await writeRecord(files, createRecord(study, run, { status: "done", result }, about));
      expect(await readRecord(files, run.key)).toMatchObject({ result });
    }),
    { seed: 1, numRuns: 100 },
  );
});

test.each<[what: string, damage: (text: string) => string, problem: string]>([
  ["cut short", (text) => text.slice(0, text.length / 2), "is not JSON"],
  ["emptied", () => "", "is empty"],
  [
    "with another digit in a metric",
    (text) => text.replace('"accuracy": 1', '"accuracy": 9'),
    "was changed after it was written",
  ],
  ["that is other JSON", () => "{}", "is no result of a run"],
  ["that is not UTF-8", (text) => text, "is not JSON"],
])(
  "a result file %s is named, its run counts as missing, and a run of the study is refused",
  async (what, damage, problem) => {
    const study = paperStudy();
    const folder = await doneFolder(study);
    const runs = join(folder, "runs");
    const name = readdirSync(runs).find((each) => readFileSync(join(runs, each), "utf8").includes('"accuracy": 1'))!;
    const text = damage(readFileSync(join(runs, name), "utf8"));
    writeFileSync(join(runs, name), what.includes("UTF-8") ? Buffer.from([0xff, 0xfe, 0x7b]) : text);
    const { damaged, records } = await loadStudy(study, folder);
    expect(damaged).toEqual([{ name, problem }]);
    expect(records.size).toBe(9);
    await expect(runStudy(study, { folder }).next()).rejects.toMatchObject({
      code: "FORMAT",
      message: expect.stringContaining(`"${name}" ${problem}`),
    });
  },
);

test("a result under another run's name is named", async () => {
  const study = paperStudy();
  const folder = await doneFolder(study);
  const [first, second] = readdirSync(join(folder, "runs"));
  writeFileSync(join(folder, "runs", second!), readFileSync(join(folder, "runs", first!)));
  const { damaged } = await loadStudy(study, folder);
  expect(damaged).toEqual([{ name: second, problem: "holds the result of another run" }]);
});

test("results of other versions stay, and are counted apart", async () => {
  const folder = await doneFolder();
  const { records, others } = await loadStudy(paperStudy({ run: { version: "2" } }), folder);
  expect([records.size, others]).toEqual([0, 10]);
});

test("another plan on the same folder is refused with what differs, until it is accepted, and both stay on record", async () => {
  const claim = { claim: "a is good", metric: "accuracy", where: { method: "a" }, atLeast: 60 };
  const before = paperStudy({ claims: [claim] });
  const after = paperStudy({ claims: [{ ...claim, atLeast: 50 }], factors: { method: ["a", "b"], seed: [1, 2] } });
  const folder = freshFolder();
  await agreePlan(before, folder, 0, false);
  await agreePlan(before, folder, 3, false);
  await expect(agreePlan(after, folder, 7, false)).rejects.toMatchObject({
    code: "STATE",
    message: expect.stringContaining("factors.seed: [1,2,3,4,5] became [1,2]"),
    details: {
      changes: expect.arrayContaining([
        { path: "claims.0.atLeast", before: 60, after: 50 },
        { path: "cells.count", before: 10, after: 4 },
      ]),
    },
  });
  await agreePlan(after, folder, 7, true);
  const plans = await loadPlans(folder);
  expect(plans.map(({ results }) => results)).toEqual([0, 7]);
  expect(plans.map(({ plan }) => plan)).toEqual(
    [before.plan, after.plan].map((plan) => JSON.parse(JSON.stringify(plan))),
  );
});

test("several that write the first plan at once write one", async () => {
  const folder = freshFolder();
  const hashes = await Promise.all(Array.from({ length: 8 }, () => agreePlan(paperStudy(), folder, 0, false)));
  expect(new Set(hashes).size).toBe(1);
  expect(readdirSync(join(folder, "plans"))).toEqual(["0001.json"]);
});

test("an unknown option is an error that names the nearest one", async () => {
  await expect(runStudy(paperStudy(), { worker: 2 } as never).next()).rejects.toThrow(
    'unknown key "worker"; is "workers" meant?',
  );
  await expect(runStudy(paperStudy(), { redis: "localhost" }).next()).rejects.toThrow(
    "must be an address such as redis://",
  );
});

test("trying failures again takes all of the study's from the folder, those of later rounds too, and no other study's", async () => {
  const tuning = {
    factor: "rate",
    values: [1, 2],
    per: ["method"],
    at: { seed: [9] },
    from: 1,
    to: 2,
    eta: 2,
  } as const;
  const study = paperStudy({ tuning: { ...tuning, metric: "accuracy", goal: "max" } });
  const other = paperStudy({ name: "other" });
  const folder = freshFolder();
  const files = recordFolder(folder);
  const failed = [1, 2].flatMap((budget) => createRun(study, { method: "a", seed: 9, rate: 1 }, budget));
  for (const run of failed) await writeRecord(files, recordOf(study, run, undefined));
  const foreign = createRun(other, other.cells[0]!);
  await writeRecord(files, recordOf(other, foreign, undefined));
  const { retried } = await openLedger(study, folder, { retryFailed: true, workers: 1, emit: () => undefined });
  expect([...retried].sort()).toEqual(failed.map(({ key }) => key).sort());
  expect(readdirSync(join(folder, "runs"))).toEqual([`${foreign.key}.json`]);
});
