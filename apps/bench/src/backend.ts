/** `pnpm bench:backend`: single operations on onnx against another backend, in alternating pairs of fresh processes. */
import { parseArgs } from "node:util";
import { operations } from "./operations.ts";
import { runHere, spreadOf } from "./processes.ts";

const HELP = `usage: pnpm bench:backend [options]

Prints JSON lines: the median and 99th percentile of products, attention, norms, activations and forward passes on onnx and
on another backend, and the ratio of the medians with its spread over pairs of processes.

  --against NAME  the other backend: wasm or cpu (default wasm)
  --pairs N       pairs of processes (default 5)
  --seconds N     time for each measurement (default 2)
  --filter TEXT   only operations whose name contains it
`;

const { values } = parseArgs({
  options: {
    against: { type: "string", default: "wasm" },
    pairs: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    filter: { type: "string", default: "" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

for (const operation of Object.keys(operations).filter((name) => name.includes(values.filter))) {
  const ratios: number[] = [];
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    const measure = (backend: string): number =>
      runHere<{ medianMs: number }>("./measure-operation.ts", [
        "--operation",
        operation,
        "--backend",
        backend,
        "--seconds",
        values.seconds,
      ]).medianMs;
    ratios.push(measure("onnx") / measure(values.against));
  }
  console.log(
    JSON.stringify({
      bench: "backend",
      operation,
      compare: `onnx / ${values.against}`,
      pairs: ratios.length,
      time: spreadOf(ratios),
    }),
  );
}
