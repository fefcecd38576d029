/**
 * `pnpm bench:mask --model FOLDER`: a step of a scalar mask over all weights of a BERT against steps of full fine-tuning and of
 * LoRA, in alternating fresh processes.
 */
import { alternate, type Measured, type Side } from "./alternate.ts";
import { parseFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { runHere } from "./processes.ts";

const HELP = `usage: pnpm bench:mask --model FOLDER [options]

Prints JSON lines: the machine, each process, then time, memory and processor time of the mask over those of each other side.

  --model FOLDER   a BERT as a Hugging Face folder, such as all-MiniLM-L6-v2
  --share X        of the weights that are trained (default 0.001)
  --pairs N        rounds (default 5)
  --steps N        measured steps in a process (default 20)
`;

const { values } = parseFlags({
  options: {
    model: { type: "string" },
    share: { type: "string", default: "0.001" },
    pairs: { type: "string", default: "5" },
    steps: { type: "string", default: "20" },
    help: { type: "boolean", default: false },
  },
});
if (values.help || values.model === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}

const side = (method: string): Side => ({
  name: method,
  run: () => [
    runHere<Measured>("./measure-mask.ts", [
      ...["--model", values.model!, "--method", method, "--share", values.share, "--steps", values.steps],
    ]),
  ],
});

console.log(JSON.stringify(describeMachine("mask")));
alternate("mask", side("mask"), [side("full"), side("lora")], { rounds: Number(values.pairs), withMemory: true });
