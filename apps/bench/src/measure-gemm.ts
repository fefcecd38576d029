/** One process, one product by ONNX Runtime alone, as two JSON lines: weights fed, and as initialiser. */

import { parseFlags } from "./flags.ts";
import { flopsOf, operations } from "./operations.ts";
import { measureRuntimeGemm } from "./runtime-gemm.ts";

const { values } = parseFlags({
  options: { operations: { type: "string", default: "gemm 1024x768x768" }, seconds: { type: "string", default: "1" } },
});
for (const row of values.operations.split(";")) {
  const spec = operations[row]!;
  const [rows, inner, columns] = spec.numbers as [number, number, number];
  const rates = await measureRuntimeGemm(rows, inner, columns, Number(values.seconds));
  const best = Math.max(rates.fed, rates.initialiser);
  console.log(
    JSON.stringify({
      bench: "backend",
      row,
      backend: "runtime",
      medianMs: Number((flopsOf(spec)! / best / 1e6).toFixed(3)),
      gflopsFed: Number(rates.fed.toFixed(1)),
      gflopsInitialiser: Number(rates.initialiser.toFixed(1)),
      peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    }),
  );
}
