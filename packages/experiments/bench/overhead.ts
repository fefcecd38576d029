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

const busy = (version: number, rounds: number, count: number): Study =>
  defineStudy({
    name: "busy",
    run: { module: new URL("./busy.ts", import.meta.url).href, version: String(version) },
    factors: { rounds: [rounds], seed: Array.from({ length: count }, (_, i) => i) },
    metrics: { sum: {}, cpuMs: {}, durationMs: {} },
  });

/** Runs of about two seconds, from a bare worker process and from a study, in turn. */
async function compare(): Promise<void> {
  const rounds = 20_000_000;
  const [bare, studied, bareCpu, studiedCpu, around]: number[][] = [[], [], [], [], []];
  for (let pair = 0; pair < 5; pair++) {
    const pool = createWorkerPool(1, process.execArgv);
    const task = {
      module: new URL("./busy.ts", import.meta.url).href,
      name: "run",
      cell: { rounds, seed: 0 },
      scratch: folder,
    };
    await pool.run({ ...task, cell: { rounds: 1, seed: 0 } });
    const end = await pool.run(task);
    await pool.stop(0);
    if (end.type !== "done") throw new Error(JSON.stringify(end));
    const alone = JSON.parse(end.result) as { durationMs: number; cpuMs: number };
    bare!.push(alone.durationMs);
    bareCpu!.push(alone.cpuMs);
    const place = join(folder, `busy-${pair}`);
    let [last, started] = [0, 0];
    for await (const event of runStudy(busy(pair, rounds, 4), {
      folder: place,
      ...(redis === undefined ? {} : { redis }),
    })) {
      if (event.type === "start") started = performance.now();
      if (event.type !== "finish") continue;
      last += 1;
      if (last === 1) continue; // its process was just started
      studied!.push(event.result!["durationMs"] as number);
      studiedCpu!.push(event.result!["cpuMs"] as number);
      around!.push(performance.now() - started - (event.result!["durationMs"] as number));
    }
  }
  const [a, b] = [median(bare!), median(studied!)];
  show(`a run of ${(a / 1000).toFixed(1)} s: within a study over bare, time`, `${((b / a - 1) * 100).toFixed(2)} %`);
  show("the same, processor time", `${((median(studiedCpu!) / median(bareCpu!) - 1) * 100).toFixed(2)} %`);
  show(
    "around a run: claim, messages, record on disk",
    `${median(around!).toFixed(1)} ms (${((median(around!) / b) * 100).toFixed(2)} %)`,
  );
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
