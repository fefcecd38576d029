/** One process, one operation on one backend, as one JSON line. `backend.ts` starts it. */
import { parseArgs } from "node:util";
import { type BackendChoice, useBackend } from "@cambium/core";
import { operations } from "./operations.ts";

const { values } = parseArgs({
  options: {
    operation: { type: "string", default: "gemm 1024x768x768" },
    backend: { type: "string", default: "onnx" },
    seconds: { type: "string", default: "2" },
  },
});
const { backend } = await useBackend(values.backend as BackendChoice);
const make = operations[values.operation];
if (make === undefined)
  throw new Error(`no operation "${values.operation}"; there are: ${Object.keys(operations).join("; ")}`);
const { run, flops } = make();
for (let i = 0; i < 3; i++) await run();
const durations: number[] = [];
const end = performance.now() + Number(values.seconds) * 1000;
while (durations.length < 5 || performance.now() < end) {
  const start = performance.now();
  await run();
  durations.push(performance.now() - start);
}
durations.sort((a, b) => a - b);
const at = (share: number): number => durations[Math.min(durations.length - 1, Math.floor(durations.length * share))]!;
console.log(
  JSON.stringify({
    bench: "backend",
    operation: values.operation,
    backend,
    runs: durations.length,
    medianMs: Number(at(0.5).toFixed(3)),
    p99Ms: Number(at(0.99).toFixed(3)),
    ...(flops === undefined ? {} : { gflops: Number((flops / at(0.5) / 1e6).toFixed(1)) }),
    peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    node: process.version,
  }),
);
