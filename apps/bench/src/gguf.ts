/** `pnpm bench:gguf`: a GGUF file to a model's first forward pass, against gguf-py, in alternating fresh processes. */
import { alternate, type Measured, type Side } from "./alternate.ts";
import { parseFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { python } from "./opponents.ts";
import { pathOf, runHere, runToLine } from "./processes.ts";

const HELP = `usage: pnpm bench:gguf --model model.gguf [options]

Prints JSON lines: the machine, then for each process the time from a GGUF file to the first forward pass of 16 tokens, and
the memory that loading needed at most over that of the tensors in float32. With PEFT_PYTHON=/path/to/python, in which the
package gguf is installed, that package reads the file and dequantises all tensors in turn with us, and the ratios of time and
memory follow. Progress goes to stderr.

  --model FILE    a language model
  --only NAMES    of float32, int8, int4 and "as stored", separated by commas (default: all)
  --pairs N       rounds (default 7)
`;

const { values } = parseFlags({
  options: {
    model: { type: "string" },
    only: { type: "string", default: "float32,int8,int4,as stored" },
    pairs: { type: "string", default: "7" },
    help: { type: "boolean", default: false },
  },
});
if (values.help || values.model === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}
const model = values.model;

console.log(JSON.stringify(describeMachine("gguf")));
for (const frozen of values.only.split(",")) {
  const ours: Side = {
    name: "ours",
    run: () => [runHere<Measured>("./measure-gguf.ts", ["--model", model, "--frozen", frozen])],
  };
  const others: Side[] =
    python === undefined
      ? []
      : [
          {
            name: "gguf-py",
            run: () => [runToLine<Measured>(python!, [pathOf("python/gguf_read.py"), model, "--row", frozen])],
          },
        ];
  alternate("gguf", ours, others, { rounds: Number(values.pairs), withMemory: true });
}
