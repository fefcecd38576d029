/**
 * `pnpm bench:decode`: a token behind 64, 512 and 1,000 others, a text of 512 read, and four texts at once, against node-llama-cpp on the
 * same file, in alternating fresh processes.
 */
import { parseArgs } from "node:util";
import { alternate, type Measured, type Side } from "./alternate.ts";
import { describeMachine } from "./machine.ts";
import { nodeLlamaCpp } from "./opponents.ts";
import { runLinesHere } from "./processes.ts";

const HELP = `usage: [NODE_LLAMA_CPP=/path/to/folder] pnpm bench:decode --model FILE [options]

Prints JSON lines: the machine, then for each process the median time of each row, and its resident memory then; and ours over that of
node-llama-cpp, as the median of the rounds' ratios with their spread. Progress goes to stderr.

  --model FILE       a GGUF file, for this library and node-llama-cpp
  --frozen FORM      how this library holds it: "as stored" (default), int4, int8 or float32
  --spinning         threads of this library wait by spinning, as node-llama-cpp's do
  --pairs N          rounds (default 3)
  --tokens N         measured tokens of a row (default 24)
`;

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    frozen: { type: "string", default: "as stored" },
    spinning: { type: "boolean", default: false },
    pairs: { type: "string", default: "3" },
    tokens: { type: "string", default: "24" },
    help: { type: "boolean", default: false },
  },
});
if (values.help || values.model === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}

const side = (name: string, file: string, ...own: readonly string[]): Side => ({
  name,
  run: () => runLinesHere<Measured>(file, ["--tokens", values.tokens, ...own]),
});

console.log(JSON.stringify(describeMachine("decode")));
const spinning = values.spinning ? ["--spinning"] : [];
const ours = side(values.frozen, "./decode-row.ts", "--model", values.model, "--frozen", values.frozen, ...spinning);
const others = [
  ...(nodeLlamaCpp === undefined ? [] : [side("node-llama-cpp", "./decode-llama-cpp.ts", "--model", values.model)]),
];
alternate("decode", ours, others, { rounds: Number(values.pairs), withMemory: true });
