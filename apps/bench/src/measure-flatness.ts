/**
 * One process: thousands of training steps on batches of varying shape, with the memory of the process written down on the
 * way. Prints one JSON line and, where it is told a file, draws the figure.
 */
import { writeFile } from "node:fs/promises";
import { backendReport } from "@cambium/backend-onnx";
import { random } from "@cambium/core";
import { plotLines } from "@cambium/report";
import { adamW, batches, train } from "@cambium/train";
import { chooseBackend } from "./choose-backend.ts";
import { blockSlope } from "./fit.ts";
import { parseFlags } from "./flags.ts";
import { trainable } from "./objectives.ts";
import { parseSize } from "./sizes.ts";

const { values } = parseFlags({
  options: {
    size: { type: "string", default: "2x128" },
    steps: { type: "string", default: "10000" },
    figure: { type: "string" },
  },
});
const steps = Number(values.steps);

/** Rows and lengths of batches, drawn at random for each step. */
const ROWS = [2, 4, 8];
const LENGTHS = [16, 32, 48, 64];
const DROPOUT = 0.1;
/** Steps until every shape has been traced three times and compiled. */
const settled = Math.min(1000, steps / 10);
const every = Math.max(1, Math.round(steps / 1000));

await chooseBackend("onnx");
const { objective, batch: makeBatch } = trainable(parseSize(values.size), "lora", DROPOUT);
const key = random(7);
const data = batches(
  Array.from({ length: steps }, (_, i) => i),
  ([step]) => {
    const [row, length] = key.at(step!).uniforms(2) as unknown as [number, number];
    return makeBatch(ROWS[Math.floor(row * ROWS.length)]!, LENGTHS[Math.floor(length * LENGTHS.length)]!);
  },
  { size: 1 },
);

const MIB = 2 ** 20;
const memory: { step: number; rss: number; heap: number }[] = [];
const startedAt = performance.now();
for await (const event of train(objective, data, { optimiser: adamW({ learningRate: 1e-3 }), epochs: 1 })) {
  if (event.type !== "step" || event.step % every !== 0) continue;
  const { rss, heapUsed } = process.memoryUsage();
  memory.push({ step: event.step, rss: rss / MIB, heap: heapUsed / MIB });
  if (event.step % (steps / 10) === 0) console.error(`bench:train: flatness, step ${event.step} of ${steps}`);
}

const late = memory.filter(({ step }) => step > settled);
const { slope, low, high } = blockSlope(late.map(({ step, rss }) => [step / 1000, rss]));
const shapes = ROWS.length * LENGTHS.length;
if (values.figure !== undefined) {
  const line = (name: string, of: "rss" | "heap") => ({
    name,
    points: memory.map((point) => ({ x: point.step, y: point[of] })),
  });
  const figure = plotLines({
    title: "Memory of a training process",
    description: `${steps} steps on batches of ${shapes} shapes. Slope of the resident memory after step ${settled}: ${slope.toFixed(2)} MiB in 1,000 steps, 95 % interval ${low.toFixed(2)} to ${high.toFixed(2)}.`,
    x: { label: "step" },
    y: { label: "memory", unit: "MiB" },
    series: [line("resident", "rss"), line("JavaScript heap", "heap")],
  });
  await writeFile(values.figure, figure.svg());
}
const report = backendReport();
console.log(
  JSON.stringify({
    bench: "train",
    row: "flatness",
    size: values.size,
    dropout: DROPOUT,
    shapes,
    steps,
    seconds: Math.round((performance.now() - startedAt) / 1000),
    mibPer1000Steps: { slope: Number(slope.toFixed(3)), low: Number(low.toFixed(3)), high: Number(high.toFixed(3)) },
    rssMiB: {
      settled: Math.round(late[0]!.rss),
      last: Math.round(late.at(-1)!.rss),
      peak: Math.round(process.resourceUsage().maxRSS / 1024),
    },
    compiles: report.compileCount,
    sessions: report.sessions,
    liveValues: report.liveValues,
    pendingValues: report.pendingValues,
  }),
);
