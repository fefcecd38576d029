/** Runs that do not end as runs should. */
import { fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { buildStudies, collect, freshFolder, only } from "./study-kit.ts";

const { runStudy, loadStudy, toyStudy, built } = await buildStudies("odd-runs");

const kinds = (...levels: string[]) => toyStudy({ factors: { kind: levels }, run: { name: "odd" }, replicate: "kind" });

test.each([
  ["throws", "Error: no convergence"],
  ["throws text", "threw just text"],
  ["nan", '"accuracy" must be JSON, got NaN'],
  ["function", '"model" must be JSON, got a function'],
  ["circle", '"self" contains itself'],
  ["nothing", "the run returned null, not an object of metrics"],
  ["a list", "the run returned [1], not an object of metrics"],
  ["a typo", 'no number for the metric "accuracy"; it has "acuracy"'],
  ["more than all done", "context.progress: expected a number from 0 to 1, got 1.5"],
  ["text for a number", 'no number for the metric "accuracy", but "0.5"'],
])("a run that returns or throws %s has failed, says why, and stops no other", async (kind, message) => {
  const folder = freshFolder();
  const events = await collect(runStudy(kinds(kind, "good"), { folder }));
  const [odd, good] = only(events, "finish");
  expect(odd).toMatchObject({ status: "failed", message: expect.stringContaining(message) });
  expect(good).toMatchObject({ status: "done", result: { accuracy: 1 }, done: 1, failed: 1, total: 2 });
});

test.each([
  ["exits", "ended with code 7; its last words: out of memory, says the run (2 times"],
  ["kills itself", "was ended by SIGKILL (2 times"],
  ["rejects later", "nobody waits for this"],
])("a run whose process %s is tried again, and has failed after so many attempts", async (kind, message) => {
  const events = await collect(runStudy(kinds(kind), { folder: freshFolder(), attempts: 2 }));
  expect(events.map(({ type }) => type).filter((type) => type !== "output")).toEqual([
    "begin",
    "start",
    "lost",
    "start",
    "finish",
    "end",
  ]);
  expect(only(events, "finish")[0]).toMatchObject({ status: "failed", message: expect.stringContaining(message) });
});

test.each(["never ends", "spins"])("a run that %s is killed at the time limit and has failed", async (kind) => {
  const events = await collect(runStudy(kinds(kind), { folder: freshFolder(), timeoutMs: 1500 }));
  expect(only(events, "finish")[0]).toMatchObject({ status: "failed", message: "took longer than 1.5 s" });
});

test("a run that spins ends although its caller was gone before anything could watch for it", async () => {
  const gone = spawnSync(process.execPath, ["--version"]).pid;
  const worker = fork(join(built, "worker.js"), [String(gone)]);
  const [module, scratch] = [join(built, "study-runs.js"), freshFolder()];
  worker.send({ type: "run", module, name: "odd", cell: { kind: "spins" }, scratch });
  expect(await once(worker, "close")).toEqual([null, "SIGKILL"]);
});

test("a run that spins is killed when the study is stopped, and has no result", async () => {
  const stop = new AbortController();
  const folder = freshFolder();
  const study = kinds("spins");
  const events = [];
  for await (const event of runStudy(study, { folder, signal: stop.signal, graceMs: 50 })) {
    events.push(event);
    if (event.type === "start") void setTimeout(300).then(() => stop.abort());
  }
  expect(events.map(({ type }) => type)).toEqual(["begin", "start", "end"]);
  expect(events.at(-1)).toMatchObject({ reason: "stopped", done: 0, failed: 0 });
  expect((await loadStudy(study, folder)).records.size).toBe(0);
});

test("what a run returns after it was told to stop is no result", async () => {
  const stop = new AbortController();
  const folder = freshFolder();
  const study = toyStudy({ run: { name: "obedient" } });
  const events = [];
  for await (const event of runStudy(study, { folder, workers: 2, signal: stop.signal })) {
    events.push(event);
    if (event.type === "output") stop.abort();
  }
  expect(only(events, "finish")).toEqual([]);
  expect(events.at(-1)).toMatchObject({ type: "end", reason: "stopped", done: 0 });
});

test("a signal that was given before starts nothing", async () => {
  const events = await collect(runStudy(toyStudy(), { folder: freshFolder(), signal: AbortSignal.abort() }));
  expect(events.map(({ type }) => type)).toEqual(["begin", "end"]);
});

test("leaving the loop ends the worker processes and gives the runs back", async () => {
  const folder = freshFolder();
  const study = toyStudy({ run: { name: "obedient" } });
  for await (const event of runStudy(study, { folder, workers: 2 })) if (event.type === "output") break;
  const good = toyStudy({ run: { version: "2" } });
  const events = await collect(runStudy(good, { folder, acceptChanges: true }));
  expect(events.at(-1)).toMatchObject({ reason: "finished", done: 10 });
});

test("failures are on record, and tried again only when asked", async () => {
  const folder = freshFolder();
  const study = kinds("throws", "good");
  await collect(runStudy(study, { folder }));
  const kept = await collect(runStudy(study, { folder }));
  expect(kept.map(({ type }) => type)).toEqual(["begin", "end"]);
  const retried = await collect(runStudy(study, { folder, retryFailed: true }));
  expect(only(retried, "finish").map(({ cell }) => cell)).toEqual([{ kind: "throws" }]);
  expect(retried.at(-1)).toMatchObject({ done: 1, failed: 1 });
});

test("a run says how far it is, and what it prints is an event", async () => {
  const events = await collect(runStudy(kinds("good"), { folder: freshFolder() }));
  expect(only(events, "progress")).toMatchObject([{ fraction: 0.5, cell: { kind: "good" } }]);
  expect(only(events, "output")).toMatchObject([{ text: "hello\n" }]);
});

test("a run whose process died finds its checkpoints, and they are gone once it has a result", async () => {
  const folder = freshFolder();
  const study = toyStudy({ factors: { seed: [1] }, run: { name: "checkpointed" } });
  const events = await collect(runStudy(study, { folder }));
  expect(only(events, "lost")).toHaveLength(1);
  expect(only(events, "finish")[0]).toMatchObject({ status: "done", result: { accuracy: 0.25 } });
  expect(readdirSync(folder).sort()).toEqual(["plans", "runs"]);
});

test("a module that cannot be imported, or has no such function, is every run's failure", async () => {
  const missing = toyStudy({ factors: { seed: [1] }, run: { module: "file:///nowhere.js" } });
  const nameless = toyStudy({ factors: { seed: [1] }, run: { name: "walk" } });
  const first = await collect(runStudy(missing, { folder: freshFolder() }));
  expect(only(first, "finish")[0]).toMatchObject({ status: "failed", message: expect.stringContaining("nowhere.js") });
  const second = await collect(runStudy(nameless, { folder: freshFolder() }));
  expect(only(second, "finish")[0]!.message).toContain('exports no function "walk"; it exports badStep, ');
});
