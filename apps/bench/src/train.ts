/**
 * `pnpm bench:train`: training steps of this repository, of other backends of tfjs and of PyTorch with PEFT, in alternating
 * fresh processes; then what dropout costs, how time grows with work, and whether memory stays flat.
 */
import { alternate, type Measured, type Side } from "./alternate.ts";
import { parseFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { chooseOpponents, OPPONENTS_HELP, type Opponent, python, selectNames } from "./opponents.ts";
import { pathOf, runHere, runLinesHere, runToLine, spreadOf } from "./processes.ts";

const HELP = `usage: pnpm bench:train [options]

Prints JSON lines: the machine, then for each process the median step, peak memory and share of the runtime's own GEMM rate,
and for each row our time and memory over those of each other side, as the median of the rounds' ratios with their spread.
Steps are on batches of 8 x 64 tokens with AdamW: LoRA of rank 8 on query and value with a classification head, all weights,
or all weights of a decoder on its next ids; and on 4 x 128 tokens LoRA on query and value of SmolLM2's shape. Progress goes to stderr.

  --only TEXTS     rows of these names, or whose names contain these, separated by commas
  --list           only print the rows' names
${OPPONENTS_HELP}
  --pairs N        rounds (default 5; 3 for scaling; wasm and cpu join in the first 3, or 1 at 12x768)
  --steps N        measured steps in a process (default 30 at 4x256, 6 at 12x768; 10,000 for flatness)
  --figure FILE    where the figure of the row "flatness" goes (SVG)
`;

const { values } = parseFlags({
  options: {
    only: { type: "string", default: "" },
    list: { type: "boolean", default: false },
    against: { type: "string" },
    pairs: { type: "string" },
    steps: { type: "string" },
    figure: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

interface Row {
  readonly name: string;
  run(): void;
}

const pairs = Number(values.pairs ?? 5);
const isLarge = (size: string): boolean => size === "12x768" || size === "30x576";

/** Parameters of a process that measures a step, in both languages. */
function parameters(row: string, method: string, size: string, dropout: number): string[] {
  const steps = values.steps ?? (isLarge(size) ? "6" : "30");
  const batch = method === "smollm2" ? ["--batch", "4", "--seq", "128"] : [];
  return ["--row", row, "--method", method, "--size", size, "--dropout", `${dropout}`, "--steps", steps, ...batch];
}
const ours = (given: readonly string[]): Side => ({
  name: "onnx",
  run: () => [runHere<Measured>("./measure-step.ts", given)],
});

/** A few steps of a backend that takes seconds for one say as much as many. */
function slowly(given: readonly string[], size: string): string[] {
  const shortened = isLarge(size) ? ["--steps", "1", "--warm-up", "1"] : ["--steps", "3", "--warm-up", "1"];
  return [...given, ...(values.steps === undefined ? shortened : [])];
}

function opponent(name: Opponent, given: readonly string[], size: string): Side {
  const onBackend = (parameters: readonly string[]): Measured[] => [
    runHere<Measured>("./measure-step.ts", [...parameters, "--backend", name]),
  ];
  if (name === "pytorch")
    return { name, run: () => [runToLine<Measured>(python!, [pathOf("python/peft_step.py"), ...given])] };
  if (name === "tensorflow") return { name, run: () => onBackend(given) };
  return { name, run: (round) => (round < (isLarge(size) ? 1 : 3) ? onBackend(slowly(given, size)) : []) };
}

/** A step against every opponent. */
function stepRow(method: string, size: string, dropout: number): Row {
  const name = dropout === 0 ? `${method} ${size}` : `${method} ${size} dropout ${dropout}`;
  const given = parameters(name, method, size, dropout);
  return {
    name,
    run: () => {
      // The memory of WebAssembly is too small for that model.
      const fitting = chooseOpponents(values.against).filter((one) => method !== "smollm2" || one !== "wasm");
      const others = fitting.map((one) => opponent(one, given, size));
      alternate("train", ours(given), others, { rounds: pairs, withMemory: true });
    },
  };
}

/** A step with dropout against the same step without. */
function dropoutRow(size: string): Row {
  const name = `cost of dropout ${size}`;
  const side = (dropout: number): Side => ({
    ...ours(parameters(name, "lora", size, dropout)),
    name: `dropout ${dropout}`,
  });
  return { name, run: () => alternate("train", side(0.1), [side(0)], { rounds: pairs, withMemory: true }) };
}

/** Exponents of time over FLOPs, each with its spread over the rounds. */
function scalingRow(width: string): Row {
  const name = `scaling ${width}`;
  return {
    name,
    run: () => {
      const rounds: Record<string, number>[] = [];
      const steps = values.steps === undefined ? [] : ["--steps", values.steps];
      for (let round = 0; round < Number(values.pairs ?? 3); round++) {
        console.error(`bench:train: ${name}, round ${round + 1}`);
        const lines = runLinesHere<{ exponents?: Record<string, number> }>("./measure-scaling.ts", [
          "--width",
          width,
          ...steps,
        ]);
        rounds.push(lines.at(-1)!.exponents!);
      }
      const exponents = Object.keys(rounds[0]!).map((axis) => [axis, spreadOf(rounds.map((round) => round[axis]!))]);
      console.log(
        JSON.stringify({ bench: "train", row: name, rounds: rounds.length, exponents: Object.fromEntries(exponents) }),
      );
    },
  };
}

const flatnessRow: Row = {
  name: "flatness",
  run: () => {
    console.error("bench:train: flatness");
    runLinesHere("./measure-flatness.ts", [
      ...(values.steps === undefined ? [] : ["--steps", values.steps]),
      ...(values.figure === undefined ? [] : ["--figure", values.figure]),
    ]);
  },
};

const rows: readonly Row[] = [
  stepRow("lora", "4x256", 0),
  stepRow("lora", "12x768", 0),
  stepRow("lora", "4x256", 0.1),
  stepRow("lora", "12x768", 0.1),
  stepRow("full", "4x256", 0),
  stepRow("full", "12x768", 0),
  stepRow("full", "4x256", 0.1),
  stepRow("full", "12x768", 0.1),
  stepRow("causal", "4x256", 0),
  stepRow("causal", "4x256", 0.1),
  stepRow("smollm2", "30x576", 0),
  dropoutRow("4x256"),
  dropoutRow("12x768"),
  scalingRow("256"),
  scalingRow("768"),
  flatnessRow,
];
const names = selectNames(
  rows.map(({ name }) => name),
  values.only,
);
const chosen = rows.filter(({ name }) => names.includes(name));
if (values.list) {
  console.log(chosen.map(({ name }) => name).join("\n"));
  process.exit(0);
}
console.log(JSON.stringify(describeMachine("train")));
for (const row of chosen) row.run();
