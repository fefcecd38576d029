/**
 * `pnpm bench:train`: training steps of this repository, and of PyTorch with PEFT where `PEFT_PYTHON` names a Python that
 * has it, in alternating pairs of fresh processes. Prints one JSON line for each process and one for each comparison.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runHere, runToLine, spreadOf } from "./processes.ts";

const HELP = `usage: pnpm bench:train [options]

Prints JSON lines: the median step, peak memory and the fraction of the GEMM rate, for LoRA (rank 8 on query and value,
batch 8 x 64, AdamW) at 4x256 and 12x768. With PEFT_PYTHON=/path/to/python, PyTorch with PEFT runs in turn, and the ratio
of the medians is printed with its spread.

  --size NAME     4x256 or 12x768 only
  --pairs N       runs of each side (default 5 with PEFT_PYTHON, else 1)
  --steps N       measured steps in a run (default 30 at 4x256, 6 at 12x768)
  --backend NAME  onnx, wasm or cpu (default onnx)
  --full          full fine-tuning in place of LoRA
`;

const { values } = parseArgs({
  options: {
    size: { type: "string" },
    pairs: { type: "string" },
    steps: { type: "string" },
    backend: { type: "string", default: "onnx" },
    full: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

interface Row {
  readonly medianMs: number;
  readonly peakRssMiB: number;
}

const python = process.env["PEFT_PYTHON"];
const script = fileURLToPath(new URL("../python/peft_step.py", import.meta.url));
const pairs = Number(values.pairs ?? (python === undefined ? 1 : 5));
const full = values.full ? ["--full"] : [];

for (const size of values.size === undefined ? ["4x256", "12x768"] : [values.size]) {
  const steps = values.steps ?? (size === "4x256" ? "30" : "6");
  const common = ["--size", size, "--steps", steps, ...full];
  const ratios: { time: number; memory: number }[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const ours = runHere<Row>("./measure-step.ts", [...common, "--backend", values.backend]);
    if (python === undefined) continue;
    const theirs = runToLine<Row>(python, [script, ...common]);
    ratios.push({ time: ours.medianMs / theirs.medianMs, memory: ours.peakRssMiB / theirs.peakRssMiB });
  }
  if (ratios.length === 0) continue;
  console.log(
    JSON.stringify({
      bench: "train",
      size,
      method: values.full ? "full" : "lora",
      compare: "ours / PyTorch + PEFT",
      pairs,
      time: spreadOf(ratios.map((ratio) => ratio.time)),
      memory: spreadOf(ratios.map((ratio) => ratio.memory)),
    }),
  );
}
if (python === undefined) console.error("bench:train: PEFT_PYTHON is not set, so nothing was compared with PyTorch");
