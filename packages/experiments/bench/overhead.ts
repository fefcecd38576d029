// What a study costs beside its runs. usage: pnpm bench:experiments [redis://127.0.0.1:6379]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRun } from "../src/grid.ts";
import { defineStudy, loadStudy, reportStudy, runStudy, type Study } from "../src/index.ts";
import { createRecord, recordFolder, writeRecord } from "../src/record.ts";
import { createWorkerPool } from "../src/worker-pool.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-bench-study-"));
const [redis] = process.argv.slice(2);
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const show = (what: string, value: string): void => console.log(`${what.padEnd(64)} ${value}`);

async function reportThousand(): Promise<void> {
  const study = defineStudy({
    name: "thousand",
    run: { module: import.meta.url, version: "1" },
    factors: {
      method: ["a", "b", "c", "d"],
      count: [1, 10, 100, 1000, 10_000],
      task: Array.from({ length: 10 }, (_, i) => `task ${i}`),
      seed: [1, 2, 3, 4, 5],
    },
    metrics: { accuracy: { unit: "%" }, loss: { unit: "nats" } },
    claims: ["a", "b", "c"].map((method) => ({
      claim: `${method} beats d`,
      metric: "accuracy",
      where: { method },
      minus: { method: "d" },
      atLeast: 0,
      interval: "bootstrap" as const,
      over: ["seed", "task"],
    })),
    figures: [
      { title: "By count", metric: "accuracy", x: "count", scale: "log", series: ["method"] },
      { title: "By task", metric: "loss", series: ["task"] },
    ],
  });
  const place = join(folder, "thousand");
  const about = { durationMs: 1, endedAt: new Date().toISOString(), machine: "here" };
  for (const [i, cell] of study.cells.entries()) {
    const outcome = {
      status: "done",
      result: { accuracy: 60 + (i % 7), loss: 1 / (1 + i), curve: Array(100).fill(i / 3) },
    } as const;
    await writeRecord(recordFolder(place), createRecord(study, createRun(study, cell), outcome, about));
  }
  const times: [list: number, report: number][] = [];
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    const state = await loadStudy(study, place);
    const listed = performance.now();
    const report = reportStudy(study, state);
    report.html();
    for (const figure of report.figures.values()) figure.svg();
    times.push([listed - start, performance.now() - listed]);
    if (state.records.size !== 1000) throw new Error(`internal: ${state.records.size} records`);
  }
  show("1,000 cached runs: listed and checked", `${median(times.map(([list]) => list)).toFixed(0)} ms`);
  show("1,000 cached runs: report with figures", `${median(times.map(([, report]) => report)).toFixed(0)} ms`);
}

interface Busy {
  readonly cpuMs: number;
  readonly durationMs: number;
}

const busy = (version: number, rounds: number, count: number): Study =>
  defineStudy({
    name: "busy",
    run: { module: new URL("./busy.ts", import.meta.url).href, version: String(version) },
    factors: { rounds: [rounds], seed: Array.from({ length: count }, (_, i) => i) },
    metrics: { sum: {}, cpuMs: {}, durationMs: {} },
  });

/** Runs of some seconds, four in a row from a bare worker process and from a study, in turn. */
async function compare(): Promise<void> {
  const rounds = 20_000_000;
  const RUNS = 4;
  const module = new URL("./busy.ts", import.meta.url).href;
  const bare: Busy[] = [];
  const studied: Busy[] = [];
  const around: number[] = [];
  for (let pair = 0; pair < 5; pair++) {
    const pool = createWorkerPool(1, process.execArgv);
    for (let seed = 0; seed < RUNS; seed++) {
      const end = await pool.run({ module, name: "run", cell: { rounds, seed }, scratch: folder });
      if (end.type !== "done") throw new Error(JSON.stringify(end));
      if (seed > 0) bare.push(JSON.parse(end.result) as Busy);
    }
    await pool.stop(0);
    const options = { folder: join(folder, `busy-${pair}`), ...(redis === undefined ? {} : { redis }) };
    let last: number | undefined;
    for await (const event of runStudy(busy(pair, rounds, RUNS), options)) {
      if (event.type !== "finish") continue;
      const result = event.result as unknown as Busy;
      if (last !== undefined) {
        studied.push(result);
        around.push(performance.now() - last - result.durationMs); // from one end to the next, less the run
      }
      last = performance.now();
    }
  }
  const time = (runs: readonly Busy[]): number => median(runs.map(({ durationMs }) => durationMs));
  const cpu = (runs: readonly Busy[]): number => median(runs.map(({ cpuMs }) => cpuMs));
  const percent = (ratio: number): string => `${(100 * ratio).toFixed(2)} %`;
  const [a, b] = [time(bare), time(studied)];
  show(`a run of ${(a / 1000).toFixed(1)} s: within a study over bare, time`, percent(b / a - 1));
  show("the same, processor time", percent(cpu(studied) / cpu(bare) - 1));
  show("between runs: record on disk, next claim, messages", `${median(around).toFixed(1)} ms`);
}

/** What this process does while a run of a minute's tenth sleeps in another: touching its claim, waiting. */
async function idle(): Promise<void> {
  const study = defineStudy({
    name: "asleep",
    run: { module: new URL("./busy.ts", import.meta.url).href, name: "asleep", version: "1" },
    factors: { ms: [20_000], seed: [1] },
    metrics: {},
  });
  let share = 0;
  let from: { at: number; cpu: NodeJS.CpuUsage } | undefined;
  for await (const event of runStudy(study, {
    folder: join(folder, "asleep"),
    ...(redis === undefined ? {} : { redis }),
  })) {
    if (event.type === "progress") from = { at: performance.now(), cpu: process.cpuUsage() };
    if (event.type !== "finish" || from === undefined) continue;
    const { user, system } = process.cpuUsage(from.cpu);
    share = (user + system) / 1000 / (performance.now() - from.at);
  }
  show("processor time of the calling process while a run goes", `${(100 * share).toFixed(2)} % of one core`);
}

await reportThousand();
await idle();
await compare();
rmSync(folder, { recursive: true });
