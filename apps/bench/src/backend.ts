/** `pnpm bench:backend`: single operations on onnx against other backends and PyTorch, in alternating fresh processes. */
import { alternate, type Measured, type Side } from "./alternate.ts";
import { parseFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { flopsOf, isPlain, operations } from "./operations.ts";
import { chooseOpponents, OPPONENTS_HELP, type Opponent, python, selectNames } from "./opponents.ts";
import { pathOf, runLinesHere, runToLines } from "./processes.ts";

const HELP = `usage: pnpm bench:backend [options]

Prints JSON lines: the machine, then for each process and operation the median time, then our time over that of each other
side, as the median of the rounds' ratios with their spread. Products are also held against ONNX Runtime alone ("runtime",
the better of weights fed and as initialiser). Progress goes to stderr.

  --only TEXTS     operations of these names, or whose names contain these, separated by commas
  --list           only print the operations' names
${OPPONENTS_HELP}
  --pairs N        rounds (default 5; operations of more than 10 GFLOP meet wasm and cpu in the first two only,
                   and what a backend cannot run is left out)
  --seconds N      time for each measurement (default 1)
`;

const { values } = parseFlags({
  options: {
    only: { type: "string", default: "" },
    list: { type: "boolean", default: false },
    against: { type: "string" },
    pairs: { type: "string", default: "5" },
    seconds: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const names = selectNames(Object.keys(operations), values.only);
if (values.list) {
  console.log(names.join("\n"));
  process.exit(0);
}

/** Slow backends would take minutes for what they do at one speed anyway. */
const SLOW_FLOPS = 1e10;
const SLOW_ROUNDS = 2;

const isSlow = (name: string): boolean => (flopsOf(operations[name]!) ?? 0) > SLOW_FLOPS;
const isGemm = (name: string): boolean => name.startsWith("gemm");
const inRound = (round: number, opponent: Opponent): string[] =>
  opponent === "wasm" || opponent === "cpu" ? names.filter((name) => round < SLOW_ROUNDS || !isSlow(name)) : names;

function measure(start: (parameters: readonly string[]) => Measured[], chosen: readonly string[]): Measured[] {
  return chosen.length === 0 ? [] : start(["--operations", chosen.join(";"), "--seconds", values.seconds]);
}
const onBackend = (backend: string, chosen: readonly string[]): Measured[] =>
  measure((parameters) => runLinesHere("./measure-operation.ts", ["--backend", backend, ...parameters]), chosen);

/** Kinds and numbers of operations, as the Python side reads them. */
const specs = (chosen: readonly string[]): string => JSON.stringify(chosen.map((row) => ({ row, ...operations[row] })));

const opponents: Side[] = chooseOpponents(values.against).map((name) => ({
  name,
  run: (round) =>
    name === "pytorch"
      ? measure(
          ([, chosen, ...rest]) =>
            runToLines(python!, [pathOf("python/operation.py"), "--operations", specs(chosen!.split(";")), ...rest]),
          names.filter((row) => !isPlain(operations[row]!)),
        )
      : onBackend(name, inRound(round, name)),
}));
const runtime: Side = {
  name: "runtime",
  run: () => measure((parameters) => runLinesHere("./measure-gemm.ts", parameters), names.filter(isGemm)),
};

console.log(JSON.stringify(describeMachine("backend")));
alternate("backend", { name: "onnx", run: () => onBackend("onnx", names) }, [runtime, ...opponents], {
  rounds: Number(values.pairs),
  withMemory: false,
});
