/** One process: LoRA steps over batch, length and layers at one width, and the exponent of their time over their FLOPs. */
import { adamW, batches, train } from "@cambium/train";
import { chooseBackend } from "./choose-backend.ts";
import { exponentOf } from "./fit.ts";
import { parseFlags } from "./flags.ts";
import { trainable } from "./objectives.ts";
import { flopsOfStep, parseSize } from "./sizes.ts";

const { values } = parseFlags({
  options: {
    width: { type: "string", default: "256" },
    backend: { type: "string", default: "onnx" },
    steps: { type: "string", default: "10" },
  },
});
const steps = Number(values.steps);
const WARM_UP = 4;

interface Point {
  readonly layers: number;
  readonly batch: number;
  readonly seq: number;
}

/** Along each axis the others stay where they are in `base`. */
const base: Point = { layers: 4, batch: 8, seq: 64 };
const axes: Readonly<Record<string, readonly Point[]>> = {
  batch: [2, 4, 8, 16, 32].map((batch) => ({ ...base, batch })),
  length: [16, 32, 64, 128, 256].map((seq) => ({ ...base, seq })),
  layers: [2, 4, 8, 12].map((layers) => ({ ...base, layers })),
};

async function medianStep({ layers, batch, seq }: Point): Promise<number> {
  const { objective, batch: makeBatch } = trainable(parseSize(`${layers}x${values.width}`), "lora", 0);
  const rows = Array.from({ length: batch * (WARM_UP + steps) }, (_, i) => i);
  const data = batches(rows, () => makeBatch(batch, seq), { size: batch });
  const durations: number[] = [];
  for await (const event of train(objective, data, { optimiser: adamW({ learningRate: 1e-3 }), epochs: 1 }))
    if (event.type === "step" && event.step > WARM_UP) durations.push(event.durationMs);
  durations.sort((a, b) => a - b);
  return durations[durations.length >> 1]!;
}

await chooseBackend(values.backend);
const all: [flops: number, ms: number][] = [];
const exponents: Record<string, number> = {};
for (const [axis, points] of Object.entries(axes)) {
  const measured: [flops: number, ms: number][] = [];
  for (const point of points) {
    const ms = await medianStep(point);
    const flops = flopsOfStep(parseSize(`${point.layers}x${values.width}`), point.batch, point.seq);
    measured.push([flops, ms]);
    console.log(
      JSON.stringify({
        bench: "train",
        row: `scaling ${values.width}`,
        axis,
        ...point,
        medianMs: Number(ms.toFixed(1)),
        gflops: Math.round(flops / ms / 1e6),
      }),
    );
  }
  exponents[axis] = Number(exponentOf(measured).toFixed(3));
  all.push(...measured);
}
exponents["all"] = Number(exponentOf(all).toFixed(3));
console.log(JSON.stringify({ bench: "train", row: `scaling ${values.width}`, backend: values.backend, exponents }));
