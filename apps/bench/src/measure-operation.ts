/** One process, some operations on one backend, one JSON line each. `backend.ts` starts it. */
import { getBackend } from "@tensorflow/tfjs-core";
import { chooseBackend } from "./choose-backend.ts";
import { parseFlags } from "./flags.ts";
import { flopsOf, operations, prepare } from "./operations.ts";
import { medianOf } from "./runtime-gemm.ts";

const { values } = parseFlags({
  options: {
    operations: { type: "string", default: "gemm 1024x768x768" }, // names, separated by semicolons
    backend: { type: "string", default: "onnx" },
    seconds: { type: "string", default: "1" },
  },
});
const seconds = Number(values.seconds);
await chooseBackend(values.backend);
for (const row of values.operations.split(";")) {
  const spec = operations[row];
  if (spec === undefined) throw new Error(`no operation "${row}"; there are: ${Object.keys(operations).join("; ")}`);
  const run = await prepare(spec);
  try {
    await run(); // compiles
  } catch (error) {
    console.error(`bench:backend: ${row} does not run on ${getBackend()}: ${String(error)}`);
    continue;
  }
  await medianOf(run, seconds / 4); // warm-up
  const medianMs = await medianOf(run, seconds);
  const flops = flopsOf(spec);
  console.log(
    JSON.stringify({
      bench: "backend",
      row,
      backend: getBackend(),
      medianMs: Number(medianMs.toFixed(3)),
      ...(flops === undefined ? {} : { gflops: Number((flops / medianMs / 1e6).toFixed(1)) }),
      peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    }),
  );
}
