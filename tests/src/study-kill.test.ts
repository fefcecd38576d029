/** Studies whose processes are killed, frozen and doubled, against one that was left in peace. */
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { random } from "@cambium/core";
import type { Study } from "@cambium/experiments";
import { expect, test } from "vitest";
import { buildStudies, freshFolder, resultsIn, startRunner, startsIn } from "./study-kit.ts";

const KILLS = 20;
/** Two methods: four rates with two seeds, then two, then one; then twenty seeds each. */
const RUNS = 2 * (2 * (4 + 2 + 1) + 20);

const { built, loadStudy, reportStudy } = await buildStudies("kill", ["run-toy-study"]);
const { default: study }: { default: Study } = await import(pathToFileURL(join(built, "run-toy-study.js")).href);

const pageOf = async (folder: string): Promise<string> => reportStudy(study, await loadStudy(study, folder)).html();
const sorted = (names: Iterable<string>): string[] => [...names].sort();

test("a study killed at 20 random moments gives the report of one that was not, and no finished run twice", async () => {
  const inPeace = freshFolder();
  await startRunner(built, inPeace, `${inPeace}.log`).gone;
  expect(resultsIn(inPeace).size).toBe(RUNS);
  expect(startsIn(`${inPeace}.log`)).toHaveLength(RUNS);

  const folder = freshFolder();
  const log = `${folder}.log`;
  const moments = random(21);
  const twice: string[] = [];
  for (let i = 0; i < KILLS; i++) {
    const [runs, ms, whom] = moments.at(i).uniforms(3);
    const done = resultsIn(folder);
    const before = startsIn(log).length;
    const runner = startRunner(built, folder, log);
    await runner.finished(Math.floor(3 * runs!));
    await setTimeout(30 * ms!);
    const starts = startsIn(log).slice(before);
    // Every third death is that of a worker process, which the runner outlives for a while.
    if (whom! < 1 / 3 && starts.length > 0) {
      try {
        process.kill(starts.at(-1)!.pid, "SIGKILL");
      } catch {
        // it had ended by itself
      }
      await setTimeout(30 * ms!);
    }
    runner.process.kill("SIGKILL");
    await runner.gone;
    twice.push(
      ...startsIn(log)
        .slice(before)
        .filter(({ id }) => done.has(id))
        .map(({ id }) => id),
    );
  }
  expect(resultsIn(folder).size).toBeGreaterThan(0);
  expect(await startRunner(built, folder, log).gone).toBeNull();
  expect(twice).toEqual([]);
  expect(resultsIn(folder)).toEqual(resultsIn(inPeace));
  expect(await pageOf(folder)).toBe(await pageOf(inPeace));
  // Nothing is left of the crashes, hidden or not.
  expect(readdirSync(folder).sort()).toEqual(["plans", "runs"]);
  expect(readdirSync(join(folder, "runs"))).toHaveLength(RUNS);
});

test("two processes on one folder share the runs, and none is started twice", async () => {
  const folder = freshFolder();
  const log = `${folder}.log`;
  const both = [startRunner(built, folder, log), startRunner(built, folder, log)];
  for (const runner of both) expect(await runner.gone).toBeNull();
  const starts = startsIn(log);
  expect(new Set(starts.map(({ id }) => id)).size).toBe(RUNS);
  expect(starts).toHaveLength(RUNS);
  for (const { lines } of both) expect(lines.at(-1)).toBe(`end ${RUNS} of ${RUNS}`);
  expect(readdirSync(folder).sort()).toEqual(["plans", "runs"]);
});

test("a process that is frozen loses its runs to another, and changes nothing when it wakes", async () => {
  const folder = freshFolder();
  const log = `${folder}.log`;
  const frozen = startRunner(built, folder, log, { leaseMs: 1000 }, 100);
  await frozen.finished(2);
  frozen.process.kill("SIGSTOP");
  expect(await startRunner(built, folder, log, { leaseMs: 1000 }).gone).toBeNull();
  expect(resultsIn(folder).size).toBe(RUNS);
  // A process that is frozen while it writes has a hidden file there, which goes when it wakes.
  const files = (): string[] =>
    readdirSync(join(folder, "runs"))
      .filter((name) => !name.startsWith("."))
      .map((name) => readFileSync(join(folder, "runs", name), "utf8"));
  const before = files();
  frozen.process.kill("SIGCONT");
  expect(await frozen.gone).toBeNull();
  expect(frozen.lines.at(-1)).toBe(`end ${RUNS} of ${RUNS}`);
  expect(files()).toEqual(before);
});

test("a worker process ends with the process that started it, even in the middle of a loop that never yields", async () => {
  const folder = freshFolder();
  const log = `${folder}.log`;
  const runner = startRunner(built, folder, log, {}, "forever");
  while (startsIn(log).length === 0) await setTimeout(20);
  const { pid } = startsIn(log)[0]!;
  runner.process.kill("SIGKILL");
  await runner.gone;
  const isThere = (): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  while (isThere()) await setTimeout(20);
});

test("the claims of a machine that is gone are taken over once they stand still", async () => {
  const folder = freshFolder();
  const log = `${folder}.log`;
  mkdirSync(join(folder, "claims"), { recursive: true });
  const { board } = await loadStudy(study, folder);
  for (const [i, { key }] of board.runs.entries()) {
    const claim = join(folder, "claims", `${key}.1`);
    writeFileSync(claim, i % 2 === 0 ? JSON.stringify({ machine: "elsewhere", pid: process.pid }) : "");
    utimesSync(claim, 4e9, 4e9); // by a clock that is far ahead
  }
  expect(await startRunner(built, folder, log, { leaseMs: 400 }).gone).toBeNull();
  expect(sorted(resultsIn(folder).keys())).toEqual(sorted(startsIn(log).map(({ id }) => id)));
  expect(readdirSync(folder).sort()).toEqual(["plans", "runs"]);
});
