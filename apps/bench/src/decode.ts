/**
 * `pnpm bench:decode`: a token behind 64, 512 and 1,000 others, a text of 512 read, and four texts at once, against node-llama-cpp on the
 * same file and transformers.js on an export of it, in alternating fresh processes.
 */
import { alternate, type Measured, type Side } from "./alternate.ts";
import { parseFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { nodeLlamaCpp, transformersJs } from "./opponents.ts";
import { runLinesHere } from "./processes.ts";

const HELP = `usage: [NODE_LLAMA_CPP=/path/to/folder] [TRANSFORMERS_JS=/path/to/folder] pnpm bench:decode --model FILE [options]

Prints JSON lines: the machine, then for each process the median time of each row, and its resident memory then; and ours over that of
the others, as the median of the rounds' ratios with their spread. Progress goes to stderr.

  --model FILE       a GGUF file, for this library and node-llama-cpp
  --frozen FORM      how this library holds it: "as stored" (default), int4, int8 or float32
  --onnx FOLDER      what apps/bench/python/export_decoder.py made of the file, for transformers.js: its q4 stands beside "as stored" and
                     int4, its float32 beside float32
  --spinning         threads of this library and transformers.js wait by spinning, as node-llama-cpp's do
  --pairs N          rounds (default 3)
  --tokens N         measured tokens of a row (default 24)
`;

const { values } = parseFlags({
  options: {
    model: { type: "string" },
    frozen: { type: "string", default: "as stored" },
    onnx: { type: "string" },
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

/** Like bits against like bits. */
function transformersJsSide(folder: string): Side {
  const dtype = { "as stored": "q4", int4: "q4", float32: "fp32" }[values.frozen];
  if (dtype === undefined) throw new Error(`--onnx: there is no export with as many bits as ${values.frozen}`);
  return side(
    `transformers.js, ${dtype}`,
    "./decode-transformers-js.ts",
    "--model",
    folder,
    "--dtype",
    dtype,
    ...spinning,
  );
}
const others = [
  ...(nodeLlamaCpp === undefined ? [] : [side("node-llama-cpp", "./decode-llama-cpp.ts", "--model", values.model)]),
  ...(transformersJs === undefined || values.onnx === undefined ? [] : [transformersJsSide(values.onnx)]),
];
alternate("decode", ours, others, { rounds: Number(values.pairs), withMemory: true });
