/**
 * What the engine costs beside the model: `pnpm bench:llm [--calls 100000]` writes one JSON line for each measurement.
 *
 * - `commit`: time of one transaction with `synchronous` FULL and NORMAL, which decided the store's setting;
 * - `call`: time of a call whose model answers at once, new and stored, one at a time and eight at once;
 * - `memory`: the heap after garbage collection while so many calls are made, and its growth for each of the last half.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type ChatModel, openModels, scripted } from "@cambium/llm";
import { createClient } from "@libsql/client";

const { calls } = parseArgs({ options: { calls: { type: "string", default: "100000" } } }).values;
const TOTAL = Number(calls);
if (!(TOTAL > 0)) throw new TypeError(`bench:llm: --calls is a number above 0, got "${calls}"`);
const SAMPLES = 2000;

const folder = mkdtempSync(join(tmpdir(), "cambium-llm-bench-"));
const environment = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length };

function report(measurement: string, values: object): void {
  console.log(JSON.stringify({ measurement, ...values, ...environment }));
}

function summary(timesMs: readonly number[]): object {
  const sorted = [...timesMs].sort((a, b) => a - b);
  const at = (part: number): number => Number(sorted[Math.floor(part * (sorted.length - 1))]!.toFixed(4));
  const meanMs = timesMs.reduce((sum, value) => sum + value, 0) / timesMs.length;
  return { count: sorted.length, meanMs: Number(meanMs.toFixed(4)), medianMs: at(0.5), p99Ms: at(0.99) };
}

async function timeEach(count: number, work: (i: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await work(i);
    times.push(performance.now() - start);
  }
  return times;
}

async function measureCommits(): Promise<void> {
  for (const synchronous of ["FULL", "NORMAL"]) {
    const client = createClient({ url: `file:${join(folder, `${synchronous}.db`)}`, concurrency: 1 });
    await client.execute("PRAGMA journal_mode = WAL");
    await client.execute(`PRAGMA synchronous = ${synchronous}`);
    await client.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT)");
    const text = "x".repeat(1000);
    const times = await timeEach(300, (k) => client.execute({ sql: "INSERT INTO t VALUES (?, ?)", args: [k, text] }));
    report("commit", { synchronous, ...summary(times) });
    client.close();
  }
}

const question = (i: number) => ({ messages: [{ role: "user" as const, content: `What is ${i} and ${i}?` }] });

/** Work on so many calls, with the processor time of each: what a busy machine does not lengthen. */
async function measure(kind: string, concurrency: number, work: () => Promise<object>): Promise<void> {
  const before = process.cpuUsage();
  const times = await work();
  const { user, system } = process.cpuUsage(before);
  const cpuMs = Number(((user + system) / 1000 / SAMPLES).toFixed(4));
  report("call", { kind, concurrency, ...times, cpuMs });
}

async function measureCalls(chat: ChatModel): Promise<void> {
  const ask = (i: number): Promise<unknown> => chat.call(question(i));
  const oneByOne = async (): Promise<object> => summary(await timeEach(SAMPLES, ask));
  await timeEach(200, (i) => ask(-1 - i)); // warm-up
  await measure("new", 1, oneByOne);
  await measure("stored", 1, oneByOne);
  await measure("new", 8, async () => {
    const start = performance.now();
    await Promise.all(Array.from({ length: SAMPLES }, (_, i) => ask(SAMPLES + i)));
    return { count: SAMPLES, meanMs: Number(((performance.now() - start) / SAMPLES).toFixed(4)) };
  });
}

async function measureMemory(chat: ChatModel): Promise<void> {
  const points: { calls: number; heapBytes: number; rssBytes: number }[] = [];
  const every = Math.max(1, Math.floor(TOTAL / 10));
  for (let i = 0; i < TOTAL; i++) {
    await chat.call(question(10 * SAMPLES + i));
    if ((i + 1) % every !== 0) continue;
    globalThis.gc?.();
    await new Promise(setImmediate);
    globalThis.gc?.();
    const { heapUsed, rss } = process.memoryUsage();
    points.push({ calls: i + 1, heapBytes: heapUsed, rssBytes: rss });
    report("memory", points.at(-1)!);
  }
  const half = points.slice(Math.floor(points.length / 2));
  const [from, to] = [half[0]!, half.at(-1)!];
  const growth = (to.heapBytes - from.heapBytes) / (to.calls - from.calls);
  report("memory growth", { bytesPerCall: Number(growth.toFixed(2)), from: from.calls, to: to.calls });
}

await measureCommits();
const llm = await openModels({ store: join(folder, "calls.db"), budget: { calls: 10 * TOTAL + 1e6 } });
const chat = llm.model(scripted(() => "four"));
await measureCalls(chat);
await measureMemory(chat);
await llm.close();
rmSync(folder, { recursive: true });
