/**
 * `pnpm bench:eight-bit`: LoRA steps and forward passes with frozen layers in 8 bits, against float32 and against PyTorch
 * with PEFT in float32 and bfloat16, in alternating fresh processes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { alternate, type Measured, type Side } from "./alternate.ts";
import { describeMachine } from "./machine.ts";
import { python, selectNames } from "./opponents.ts";
import { pathOf, runHere, runToLine } from "./processes.ts";

const HELP = `usage: pnpm bench:eight-bit [options]

Prints JSON lines: the machine, then for each process the median time and peak memory of a LoRA step (rank 8 on query and
value, a trained head, AdamW) or of a forward pass, and for each row the time and memory in 8 bits over those of each other
side, as the median of the rounds' ratios with their spread. With PEFT_PYTHON=/path/to/python, PyTorch with PEFT takes the
same steps in float32, under bfloat16 autocast, and with bfloat16 weights. Progress goes to stderr.

  --only TEXTS     rows whose name contains one of these, separated by commas
  --list           only print the rows' names
  --against NAMES  what is compared with, of ${["float32", "pytorch", "autocast", "bfloat16"].join(", ")}, separated by commas
  --pairs N        rounds (default 5)
  --steps N        measured steps in a process (default 30 at 4x256, 8 at 12x768)
`;

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    list: { type: "boolean", default: false },
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

const all = [
  rowOf("step", "4x256", 8, 64),
  rowOf("step", "12x768", 8, 64),
  rowOf("forward", "4x256", 32, 64),
  rowOf("forward", "12x768", 1, 64),
  rowOf("forward", "12x768", 32, 64),
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

/** PyTorch's precisions by the names of the sides. */
const PRECISIONS = { pytorch: "float32", autocast: "autocast", bfloat16: "bfloat16" } as const;
const chosen = values.against?.split(",") ?? ["float32", ...(python === undefined ? [] : Object.keys(PRECISIONS))];

function sides(row: Row, folder: string): { ours: Side; others: Side[] } {
  const steps = values.steps ?? (row.size === "12x768" ? "8" : "30");
  const common = ["--row", row.name, "--steps", steps, "--batch", `${row.batch}`, "--seq", `${row.seq}`];
  const here = (mode: string): Side => ({
    name: mode,
    run: () => [
      runHere<Measured>("./eight-bit-row.ts", [...common, "--kind", row.kind, "--mode", mode, "--folder", folder]),
    ],
  });
  const inPython = (name: keyof typeof PRECISIONS): Side => ({
    name,
    run: () => [
      runToLine<Measured>(python!, [
        pathOf("python/peft_step.py"),
        ...common,
        "--size",
        row.size,
        "--precision",
        PRECISIONS[name],
      ]),
    ],
  });
  const others = chosen.flatMap((name) => {
    if (name === "float32") return [here("float32")];
    if (!Object.hasOwn(PRECISIONS, name))
      throw new Error(`--against: "${name}" is none of float32, ${Object.keys(PRECISIONS)}`);
    if (python === undefined) throw new Error(`--against ${name}: PEFT_PYTHON is not set`);
    return row.kind === "step" ? [inPython(name as keyof typeof PRECISIONS)] : [];
  });
  return { ours: here("int8"), others };
}

console.log(JSON.stringify(describeMachine("eight-bit")));
const root = mkdtempSync(join(tmpdir(), "cambium-eight-bit-"));
try {
  for (const size of new Set(rows.map((row) => row.size))) {
    const folder = join(root, size);
    runHere("./eight-bit-model.ts", ["--size", size, "--folder", folder]);
    for (const row of rows.filter((each) => each.size === size)) {
      const { ours, others } = sides(row, folder);
      alternate("eight-bit", ours, others, { rounds: Number(values.pairs), withMemory: true });
    }
    rmSync(folder, { recursive: true });
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
