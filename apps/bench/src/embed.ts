/**
 * `pnpm bench:embed`: 32 texts of 64 tokens to vectors, tokenisation and pooling included, in float32 and in 8 bits, against
 * transformers.js, in alternating fresh processes.
 */
import { alternate, type Measured, type Side } from "./alternate.ts";
import { parseFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { transformersJs } from "./opponents.ts";
import { runHere } from "./processes.ts";

const HELP = `usage: TRANSFORMERS_JS=/path/to/folder pnpm bench:embed --model FOLDER [options]

Prints JSON lines: the machine, then for each process the median time, processor time and peak memory of embedding 32 texts of 64
tokens, and for each precision ours over that of transformers.js, as the median of the rounds' ratios with their spread.
Progress goes to stderr.

  --model FOLDER   a sentence embedding model that also holds onnx/model.onnx and onnx/model_quantized.onnx
                   (python/export_onnx.py writes them)
  --pairs N        rounds (default 5)
  --steps N        measured passes in a process (default 20)
`;

const { values } = parseFlags({
  options: {
    model: { type: "string" },
    pairs: { type: "string", default: "5" },
    steps: { type: "string", default: "20" },
    help: { type: "boolean", default: false },
  },
});
if (values.help || values.model === undefined || transformersJs === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}

const side = (name: string, file: string, ...own: readonly string[]): Side => ({
  name,
  run: () => [
    runHere<Measured>(file, ["--row", "embed, 32x64", "--folder", values.model!, "--steps", values.steps, ...own]),
  ],
});

console.log(JSON.stringify(describeMachine("embed")));
for (const [mode, dtype] of [
  ["float32", "fp32"],
  ["int8", "q8"],
] as const) {
  const ours = side(mode, "./embed-row.ts", "--mode", mode);
  const theirs = side(`transformers.js ${dtype}`, "./embed-transformers-js.ts", "--dtype", dtype);
  alternate("embed", ours, [theirs], { rounds: Number(values.pairs), withMemory: true });
}
