/**
 * What a run of tools costs beside model and tools: `pnpm bench:tools [--calls 100000]` writes one JSON line for each measurement.
 *
 * - `call`: processor and wall time for each call of a tool, its request to the model included, for each planner, where model and
 *   tool answer at once;
 * - `together`: the same, with 32 runs side by side;
 * - `journal`: the same, with every step kept in a folder;
 * - `memory`: the heap after garbage collection while so many calls are made, over runs of 20 calls, and in one run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { result } from "@cambium/base";
import type { CallResult, ChatModel, ModelRequest, ToolCallPart } from "@cambium/llm";
import { type AgentOptions, defineTool, dfsdt, type Planner, react, runAgent } from "@cambium/tool-learning";
import * as z from "zod";

const { calls } = parseArgs({ options: { calls: { type: "string", default: "100000" } } }).values;
const TOTAL = Number(calls);
if (!(TOTAL > 0)) throw new TypeError(`bench:tools: --calls is a number above 0, got "${calls}"`);
const PER_RUN = 20;
const environment = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length };

const report = (measurement: string, values: object): void =>
  console.log(JSON.stringify({ measurement, ...values, ...environment }));

const USAGE = { inputTokens: 1, outputTokens: 1 };

function reply(text: string, toolCalls: readonly ToolCallPart[]): CallResult {
  const content = toolCalls.length > 0 ? toolCalls : [{ type: "text" as const, text }];
  const finish = toolCalls.length > 0 ? "tool-calls" : "stop";
  return {
    ...{ text, reasoning: "", toolCalls, files: [], finish, usage: USAGE, usageKnown: true, usd: 0, cached: false },
    ...{ key: "", attempts: 1, durationMs: 0 },
    message: { role: "assistant", content },
    reply: { content, finish, usage: USAGE },
  };
}

/** A fake of a model: calls the tool so many times, then answers; at once, and keeping nothing. */
function fakeModel(count: number): ChatModel {
  const answer = ({ messages, stage }: ModelRequest): CallResult => {
    if (stage === "compaction") return reply("some numbers were counted", []);
    const last = messages.at(-1)!;
    const [result] = last.role === "tool" ? last.content : [];
    const made = result === undefined ? 0 : Number(/^(\d+)/.exec(String(result.output))?.[1] ?? 0);
    if (made >= count) return reply(`made ${made} calls`, []);
    return reply("", [{ type: "tool-call", id: `call-${made}`, name: "next", arguments: `{"n":${made}}` }]);
  };
  return {
    provider: "fake",
    model: `calls-${count}`,
    call: async (options) => answer(options),
    outcome: async (options) => ({ ok: true, result: answer(options) }),
    stream: () => {
      throw new Error("not used");
    },
  };
}

const next = defineTool({
  name: "next",
  description: "Gives the number after a number, and a text of usual length.",
  input: z.strictObject({ n: z.int() }),
  effects: "none",
  run: ({ n }) => `${n + 1} ${"and so on ".repeat(20)}`,
});

function optionsFor(count: number, planner: Planner, more: Partial<AgentOptions> = {}): AgentOptions {
  const budget = { modelCalls: 2 * count + 10, toolCalls: count + 10 };
  return { model: fakeModel(count), tools: [next], planner, budget, ...more };
}

async function runOnce(options: AgentOptions, instruction: string): Promise<void> {
  const { answer } = await result(runAgent(options, { instruction }));
  if (!answer?.startsWith("made")) throw new Error(`a run of the bench failed: ${answer}`);
}

/** Work on so many calls, with the processor time of each: what a busy machine does not lengthen. */
async function measure(measurement: string, count: number, about: object, work: () => Promise<void>): Promise<void> {
  const before = process.cpuUsage();
  const start = performance.now();
  await work();
  const wallMs = (performance.now() - start) / count;
  const { user, system } = process.cpuUsage(before);
  report(measurement, {
    ...about,
    calls: count,
    wallMs: Number(wallMs.toFixed(4)),
    cpuMs: Number(((user + system) / 1000 / count).toFixed(4)),
  });
}

const heapMb = (): number => {
  (globalThis as { gc?: () => void }).gc?.();
  return Number((process.memoryUsage().heapUsed / 2 ** 20).toFixed(1));
};

const runs = Math.max(1, Math.min(200, TOTAL / PER_RUN));
const planners: readonly (readonly [string, () => Planner])[] = [
  ["react", () => react({ turns: PER_RUN + 10 })],
  ["dfsdt", () => dfsdt({ depth: PER_RUN + 10, turns: PER_RUN + 10 })],
];
await runOnce(optionsFor(PER_RUN, react()), "warm up");
for (const [planner, make] of planners) {
  await measure("call", runs * PER_RUN, { planner }, async () => {
    for (let i = 0; i < runs; i++) await runOnce(optionsFor(PER_RUN, make()), `run ${i}`);
  });
}
await measure("together", 32 * 10 * PER_RUN, { runsAtOnce: 32 }, async () => {
  for (let i = 0; i < 10; i++) {
    await Promise.all(Array.from({ length: 32 }, (_, j) => runOnce(optionsFor(PER_RUN, react()), `run ${i} ${j}`)));
  }
});
const folder = mkdtempSync(join(tmpdir(), "cambium-agent-bench-"));
await measure("journal", 50 * PER_RUN, {}, async () => {
  for (let i = 0; i < 50; i++)
    await runOnce(optionsFor(PER_RUN, react(), { journal: join(folder, `${i}`) }), `run ${i}`);
});
rmSync(folder, { recursive: true });

const heaps: number[] = [];
const slices = 10;
await measure("memory", TOTAL, { over: `runs of ${PER_RUN}` }, async () => {
  for (let slice = 0; slice < slices; slice++) {
    for (let i = 0; i < TOTAL / PER_RUN / slices; i++) await runOnce(optionsFor(PER_RUN, react()), `run ${slice} ${i}`);
    heaps.push(heapMb());
  }
});
report("memory", { over: `runs of ${PER_RUN}`, heapMbAfterEachTenth: heaps });

const single: number[] = [];
await measure("memory", TOTAL, { over: "one run" }, async () => {
  let steps = 0;
  const options = optionsFor(TOTAL, react({ turns: TOTAL + 10 }), { compaction: { characters: 50_000 } });
  for await (const event of runAgent(options, { instruction: "one long run" })) {
    if (event.type === "end" && event.status !== "done")
      throw new Error(`a run of the bench failed: ${event.failure?.message}`);
    if (event.type !== "step") continue;
    steps += 1;
    if (steps % Math.round((2 * TOTAL) / slices) === 0) single.push(heapMb());
    if (event.step.failure !== undefined) throw new Error(event.step.failure.message);
  }
});
report("memory", { over: "one run", heapMbAfterEachTenth: single, note: "the trajectory itself grows with its steps" });
