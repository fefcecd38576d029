/** Studies in peace, and on disks and under plans that do not go along. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { result } from "@cambium/base";
import type { MeasuredEvent, PlanEvent } from "@cambium/experiments";
import { expect, test } from "vitest";
import { buildStudies, collect, freshFolder, only } from "./study-kit.ts";

const { built, runStudy, planStudy, loadStudy, toyStudy } = await buildStudies("runs");

test("every cell is run once, its result is in the folder, and no later call runs it again", async () => {
  const folder = freshFolder();
  const study = toyStudy();
  const events = await collect(runStudy(study, { folder, workers: 2 }));
  const cells = only(events, "finish").map(({ cell }) => `${cell["method"]}${cell["seed"]}`);
  expect(cells.sort()).toEqual(["a1", "a2", "a3", "a4", "a5", "b1", "b2", "b3", "b4", "b5"]);
  expect(events[0]).toEqual({ type: "begin", done: 0, failed: 0, total: 10 });
  const end = { type: "end", reason: "finished", done: 10, failed: 0, total: 10, stuck: 0, remainingMs: 0 };
  expect(events.at(-1)).toEqual(end);
  const { records, board } = await loadStudy(study, folder);
  expect(board.runs.every(({ key }) => records.get(key)?.status === "done")).toBe(true);
  expect(readdirSync(folder).sort()).toEqual(["plans", "runs"]);
  expect((await collect(runStudy(study, { folder }))).map(({ type }) => type)).toEqual(["begin", "end"]);
});

test("a grid that grew runs only what is new", async () => {
  const folder = freshFolder();
  await result(runStudy(toyStudy({ factors: { method: ["a"], seed: [1, 2] } }), { folder }));
  const grown = toyStudy({ factors: { method: ["a", "b"], seed: [1, 2] } });
  await expect(result(runStudy(grown, { folder }))).rejects.toMatchObject({ code: "STATE" });
  const events = await collect(runStudy(grown, { folder, acceptChanges: true }));
  expect(only(events, "start").map(({ cell }) => cell["method"])).toEqual(["b", "b"]);
});

test("each finished run tells what is left: more is known after the first one", async () => {
  const events = await collect(runStudy(toyStudy(), { folder: freshFolder() }));
  const finished = only(events, "finish");
  expect(finished.map(({ done, total }) => done / total)).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
  expect(finished.every(({ remainingMs }) => remainingMs !== undefined)).toBe(true);
});

const tuning = {
  factor: "rate",
  values: [1, 10, 100],
  per: ["method"],
  at: { seed: [9] },
  from: 10,
  to: 30,
  metric: "accuracy",
  goal: "max",
} as const;

test("no measured step finds what another one left, of this plan or one before", async () => {
  const folder = freshFolder();
  const study = toyStudy({ run: { step: { name: "checkpointedStep", per: ["method"] } } });
  for (let i = 0; i < 2; i++) {
    const steps: number[] = [];
    for await (const event of planStudy(study, { folder })) if (event.type === "measured") steps.push(event.stepMs);
    expect(steps).toEqual([10, 10]);
  }
  expect(readdirSync(folder)).toEqual(["steps.json"]);
});

test("the plan counts runs and hours from one measured step of each kind, and starts no run", async () => {
  const folder = freshFolder();
  const study = toyStudy({ tuning, run: { step: { name: "step", per: ["method"] } } });
  const events: PlanEvent[] = [];
  for await (const event of planStudy(study, { folder })) events.push(event);
  const measured = events.filter((event): event is MeasuredEvent => event.type === "measured");
  expect(measured.map(({ kind, stepMs }) => [kind["method"], stepMs])).toEqual([
    ["a", 20],
    ["b", 10],
  ]);
  // Each method: five runs of 500 + 100 steps, and a tuning of 3 runs of 10 steps and 1 of 30, with 500 ms each as well.
  const hours = (stepMs: number): number => 5 * (500 + 100 * stepMs) + 4 * 500 + (3 * 10 + 30) * stepMs;
  expect(events.at(-1)).toMatchObject({
    type: "end",
    runs: 18,
    tuningRuns: 8,
    done: 0,
    kinds: [
      { kind: { method: "a" }, runs: 9, stepMs: 20, totalMs: hours(20) },
      { kind: { method: "b" }, runs: 9, stepMs: 10, totalMs: hours(10) },
    ],
    totalMs: hours(20) + hours(10),
    changes: [],
  });
  expect(readdirSync(folder)).toEqual(["steps.json"]);
  // The study that follows knows from the plan what its grid will take before a run has finished.
  const run = runStudy(toyStudy({ run: { step: { name: "step", per: ["method"] } } }), { folder, workers: 2 });
  expect((await run.next()).value).toMatchObject({ type: "begin", remainingMs: (5 * 2500 + 5 * 1500) / 2 });
  await run.return(undefined);
});

test("a plan without a step counts runs and knows no hours", async () => {
  const end = await result(planStudy(toyStudy(), { folder: freshFolder() }));
  expect(end).toMatchObject({ runs: 10, tuningRuns: 0 });
  expect(end.totalMs).toBeUndefined();
});

test("a step that cannot be measured is an error that says of which kind", async () => {
  for (const [name, message] of [
    ["badStep", "step of method a could not be measured"],
    ["gone", 'exports no function "gone"'],
  ] as const) {
    const study = toyStudy({ run: { step: { name, per: ["method"] } } });
    await expect(result(planStudy(study, { folder: freshFolder() }))).rejects.toMatchObject({
      code: "STATE",
      message: expect.stringContaining(message),
    });
  }
});

test("the level that the tuning found reaches the runs of the grid, with all that they need", async () => {
  const events = await collect(runStudy(toyStudy({ tuning }), { folder: freshFolder(), workers: 2 }));
  const grid = only(events, "finish").filter(({ budget }) => budget === undefined);
  expect(grid.map(({ cell }) => cell["rate"])).toEqual(Array(10).fill(1));
  expect(events.at(-1)).toMatchObject({ done: 18, total: 18 });
});

test("a full disk ends the study with an error that says so, keeps what was written, and the next call resumes", async ({
  skip,
}) => {
  const path = freshFolder();
  mkdirSync(path);
  const mount = (flags: string): Buffer =>
    execFileSync("mount", ["-t", "tmpfs", "-o", flags, "tmpfs", path], { stdio: "pipe" });
  try {
    mount("size=128k");
  } catch (error) {
    skip(`no file system can be mounted here: ${String(error).split("\n").at(-1)}`);
  }
  try {
    const folder = join(path, "study");
    const large = toyStudy({ run: { name: "large" } });
    await expect(result(runStudy(large, { folder }))).rejects.toMatchObject({
      code: "FILE",
      details: { reason: "full" },
    });
    const { records, damaged } = await loadStudy(large, folder);
    expect(damaged).toEqual([]);
    expect(records.size).toBeGreaterThan(0);
    expect(readdirSync(join(folder, "runs"))).toHaveLength(records.size);
    mount("remount,size=4m");
    const events = await collect(runStudy(large, { folder }));
    expect(only(events, "start")).toHaveLength(10 - records.size);
    expect(events.at(-1)).toMatchObject({ reason: "finished", done: 10 });
    expect(readdirSync(folder).sort()).toEqual(["plans", "runs"]);
  } finally {
    execFileSync("umount", [path]);
  }
});

test("a result holds what the run returned, the letters beyond ASCII too", async () => {
  const folder = freshFolder();
  await result(runStudy(toyStudy({ factors: { method: ["a"], seed: [1] } }), { folder }));
  const [name] = readdirSync(join(folder, "runs"));
  expect(JSON.parse(readFileSync(join(folder, "runs", name!), "utf8"))).toMatchObject({
    of: { study: "toy", run: "run", version: "1", cell: { method: "a", seed: 1 } },
    result: { text: "é" },
  });
});

test("a program that stands in the command line starts its worker processes as any other", () => {
  const folder = freshFolder();
  const options = { name: "toy", factors: { method: ["a"], seed: [1] }, metrics: { accuracy: {} } };
  const program = `
    const { defineStudy, runStudy } = await import(${JSON.stringify(pathToFileURL(join(built, "index.js")).href)});
    const run = { module: ${JSON.stringify(pathToFileURL(join(built, "study-runs.js")).href)}, version: "1" };
    const study = defineStudy({ ...${JSON.stringify(options)}, run });
    for await (const event of runStudy(study, { folder: ${JSON.stringify(folder)} })) console.log(event.type);
  `;
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  expect(printed.trim().split("\n")).toEqual(["begin", "start", "finish", "end"]);
});
