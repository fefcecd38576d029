/**
 * `pnpm bench:eight-bit`: LoRA steps and forward passes with frozen layers in 8 or 4 bits, against float32 and against PyTorch
 * with PEFT in float32 and bfloat16, in alternating fresh processes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { alternate, type Measured, type Side } from "./alternate.ts";
import { parseFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { python, selectNames, transformersJs } from "./opponents.ts";
import { pathOf, runHere, runToLine } from "./processes.ts";

/** PyTorch's precisions, and the types of transformers.js, by the names of the sides. */
const PRECISIONS = { pytorch: "float32", autocast: "autocast", bfloat16: "bfloat16" } as const;
const DTYPES = { q8: "q8", fp32: "fp32" } as const;
/** Ways of holding frozen layers. */
const FORMS = ["float32", "int8", "int4", "as stored"];
const NAMES = [...FORMS, ...Object.keys(PRECISIONS), ...Object.keys(DTYPES)];

const HELP = `usage: pnpm bench:eight-bit [options]

Prints JSON lines: the machine, then for each process the median time and peak memory of a LoRA step (rank 8 on query and
value, a trained head, AdamW) or of a forward pass, what the process grew by while the model was loaded, and for each row the
time and memory in 8 bits (or --mode) over those of each other side, as the median of the rounds' ratios with their spread. With PEFT_PYTHON=/path/to/python, PyTorch with PEFT takes the
same steps in float32, under bfloat16 autocast, and with bfloat16 weights. With TRANSFORMERS_JS=/path/to/folder, into which
@huggingface/transformers was installed, that library passes forward through the model of --model, in 8 bits ("q8") and in
float32 ("fp32"). Progress goes to stderr.

  --only TEXTS     rows whose name contains one of these, separated by commas
  --list           only print the rows' names
  --mode NAME      what is compared, of ${FORMS.slice(1).join(", ")} (default int8)
  --model FOLDER   adds steps and forward passes of this model, or of a GGUF file; for transformers.js it holds onnx/model.onnx
                   and onnx/model_quantized.onnx (python/export_onnx.py writes them)
  --against NAMES  what is compared with, of ${NAMES.join(", ")}, separated by commas
  --pairs N        rounds (default 5)
  --steps N        measured steps in a process (default 30 at 4x256, 8 at 12x768)
`;

const { values } = parseFlags({
  options: {
    only: { type: "string", default: "" },
    list: { type: "boolean", default: false },
    model: { type: "string" },
    mode: { type: "string", default: "int8" },
    against: { type: "string" },
    pairs: { type: "string", default: "5" },
    steps: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

interface Row {
  readonly name: string;
  readonly kind: "step" | "forward";
  /** Layers and width of a random model, or the name of the given one. */
  readonly size: string;
  readonly batch: number;
  readonly seq: number;
}

const rowOf = (kind: Row["kind"], size: string, batch: number, seq: number): Row => ({
  name: `${kind} ${size}, ${batch}x${seq}`,
  kind,
  size,
  batch,
  seq,
});

const given = values.model === undefined ? undefined : basename(resolve(values.model));
const all = [
  rowOf("step", "4x256", 8, 64),
  rowOf("step", "12x768", 8, 64),
  rowOf("forward", "4x256", 32, 64),
  rowOf("forward", "12x768", 1, 64),
  rowOf("forward", "12x768", 32, 64),
  ...(given === undefined
    ? []
    : [rowOf("step", given, 8, 64), rowOf("forward", given, 1, 64), rowOf("forward", given, 32, 64)]),
];
const names = selectNames(
  all.map(({ name }) => name),
  values.only,
);
const rows = all.filter(({ name }) => names.includes(name));
if (values.list) {
  console.log(rows.map(({ name }) => name).join("\n"));
  process.exit(0);
}

if (!FORMS.slice(1).includes(values.mode))
  throw new Error(`--mode: "${values.mode}" is none of ${FORMS.slice(1).join(", ")}`);
const chosen = values.against?.split(",") ?? [
  "float32",
  ...(python === undefined ? [] : Object.keys(PRECISIONS)),
  ...(transformersJs === undefined ? [] : Object.keys(DTYPES)),
];
for (const name of chosen) {
  if (!NAMES.includes(name)) throw new Error(`--against: "${name}" is none of ${NAMES.join(", ")}`);
  if (name in PRECISIONS && python === undefined) throw new Error(`--against ${name}: PEFT_PYTHON is not set`);
  if (name in DTYPES && transformersJs === undefined) throw new Error(`--against ${name}: TRANSFORMERS_JS is not set`);
}

function sides(row: Row, folder: string): { ours: Side; others: Side[] } {
  const steps = values.steps ?? (row.size === "4x256" ? "30" : "8");
  const common = ["--row", row.name, "--steps", steps, "--batch", `${row.batch}`, "--seq", `${row.seq}`];
  const here = (mode: string): Side => ({
    name: mode,
    run: () => [
      runHere<Measured>("./eight-bit-row.ts", [...common, "--kind", row.kind, "--mode", mode, "--folder", folder]),
    ],
  });
  const inPython = (name: keyof typeof PRECISIONS): Side => {
    const shape = [...common, "--size", row.size, "--precision", PRECISIONS[name]];
    return { name, run: () => [runToLine<Measured>(python!, [pathOf("python/peft_step.py"), ...shape])] };
  };
  const inTransformersJs = (name: keyof typeof DTYPES): Side => {
    const given = [...common, "--folder", folder, "--dtype", DTYPES[name]];
    return { name: `transformers.js ${name}`, run: () => [runHere<Measured>("./eight-bit-transformers-js.ts", given)] };
  };
  const others = chosen.flatMap((name) => {
    if (FORMS.includes(name)) return [here(name)];
    if (name in PRECISIONS)
      return row.kind === "step" && row.size !== given ? [inPython(name as keyof typeof PRECISIONS)] : [];
    return row.size === given ? [inTransformersJs(name as keyof typeof DTYPES)] : [];
  });
  return { ours: here(values.mode), others };
}

console.log(JSON.stringify(describeMachine("eight-bit")));
const root = mkdtempSync(join(tmpdir(), "cambium-eight-bit-"));
try {
  for (const size of new Set(rows.map((row) => row.size))) {
    const folder = size === given ? values.model! : join(root, size);
    if (size !== given) runHere("./eight-bit-model.ts", ["--size", size, "--folder", folder]);
    for (const row of rows.filter((each) => each.size === size)) {
      const { ours, others } = sides(row, folder);
      alternate("eight-bit", ours, others, { rounds: Number(values.pairs), withMemory: true });
    }
    if (size !== given) rmSync(folder, { recursive: true });
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
