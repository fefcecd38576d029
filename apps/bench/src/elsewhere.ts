/**
 * `pnpm bench:elsewhere`: a LoRA that was trained on a language model held in few bits, on its way through `cambium chat`, `merge` and
 * `export` into other programs, and how far their logits are from those of the model in few bits and of the one in float32.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { disposeParameters, measureQuantisation, useBackend } from "@cambium/core";
import { collate, type LanguageModel, loadTokenizer, type TokenBatch } from "@cambium/models";
import { dispose } from "@tensorflow/tfjs-core";
import { distance, type Logits, logProbabilities } from "./elsewhere-compare.ts";
import {
  chatOf,
  type Example,
  examples,
  type Frozen,
  loadBase,
  logitsOf,
  type Reply,
  replies,
  trainAdapter,
  withAdapter,
} from "./elsewhere-here.ts";
import { showChats, sidesOf } from "./elsewhere-sides.ts";
import { parseFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { spreadOf } from "./processes.ts";

const HELP = `usage: [PEFT_PYTHON=/path/to/python] [NODE_LLAMA_CPP=/path/to/folder] pnpm bench:elsewhere --model FILE.gguf --data FOLDER [options]

Trains a LoRA to name the feeling of a comment in one word, on the model in few bits; chats with it, merges it in float32, exports it,
and compares logits of its replies: those of the model in few bits, of the same in float32, and of other programs on what was written.
FOLDER of the data holds goemotions/{train,dev}.tsv and goemotions/emotions.txt. Prints JSON lines.

  --out FOLDER     where adapters and models go (default runs/elsewhere)
  --frozen FORMS   of int4 and "as stored", separated by commas (default: both)
  --steps N        steps (default 150); 0 takes the adapters that are there
  --rows N         rows of a step (default 8)
  --unseen N       comments to reply to (default 96)
  --probes N       replies whose logits are compared (default 8)
  --seed N         (default 1)
  --only PARTS     other programs whose names contain one of these, separated by commas (default: all that are present)
`;

const { values } = parseFlags({
  options: {
    model: { type: "string" },
    data: { type: "string" },
    out: { type: "string", default: "runs/elsewhere" },
    frozen: { type: "string", default: "int4,as stored" },
    steps: { type: "string", default: "150" },
    rows: { type: "string", default: "8" },
    unseen: { type: "string", default: "96" },
    probes: { type: "string", default: "8" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help || values.model === undefined || values.data === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}
const file = resolve(values.model);
const steps = Number(values.steps);
const { train, unseen } = examples(values.data, { train: 4000, unseen: Number(values.unseen) });
const labels = new Set(train.map(({ label }) => label));

const print = (line: object): void => console.log(JSON.stringify({ bench: "elsewhere", ...line }));
const share = (count: number): string => `${count} of ${unseen.length}`;
const round = (number: number): number => Number(number.toPrecision(3));

/** How many of the replies are a feeling's name, and how many the right one. */
const judge = (said: readonly Reply[]): object => ({
  aFeeling: share(said.filter(({ text }) => labels.has(text.toLowerCase())).length),
  theRightOne: share(said.filter(({ text }, i) => text.toLowerCase() === unseen[i]!.label).length),
});

/** What 4 bits do to each layer, and the whole of the report. */
async function reportLayers(plain: LanguageModel, rows: readonly Example[]): Promise<object> {
  const tokenizer = await loadTokenizer(file);
  const batch: TokenBatch = collate(plain, tokenizer, { maxLength: 96 })(rows.map(chatOf));
  const errors = (await measureQuantisation(plain, batch, { frozen: "int4" })).map(({ output }) => output);
  dispose(Object.values(batch));
  return { layers: errors.length, output: spreadOf(errors), rootOfSquares: round(Math.hypot(...errors)) };
}

async function follow(frozen: Frozen): Promise<void> {
  const folder = join(resolve(values.out), frozen.replaceAll(" ", "-"));
  const adapter = join(folder, "adapter");
  mkdirSync(folder, { recursive: true });
  const tokenizer = await loadTokenizer(file);

  const base = await loadBase(file, frozen);
  if (steps > 0) {
    rmSync(adapter, { recursive: true, force: true });
    const trained = await trainAdapter(base, tokenizer, train, adapter, {
      steps,
      size: Number(values.rows),
      seed: Number(values.seed),
    });
    print({ frozen, step: "train", ...trained });
  }
  const texts = unseen.map(({ text }) => text);
  print({ frozen, step: "reply", with: "the base", ...judge(await replies(base, tokenizer, texts)) });
  const tuned = await withAdapter(base, adapter);
  const said = await replies(tuned, tokenizer, texts);
  print({ frozen, step: "reply", with: "the adapter", ...judge(said) });
  const probes = said.slice(0, Number(values.probes));
  const ids = probes.map((reply) => reply.ids);
  const inFewBits = await logitsOf(tuned, ids);
  for (const tree of [tuned.parameters, base.parameters]) disposeParameters(tree);

  const plain = await loadBase(file, "float32");
  const plainTuned = await withAdapter(plain, adapter);
  const inFloat = await logitsOf(plainTuned, ids);
  print({
    frozen,
    step: "reply",
    with: "the adapter, base in float32",
    ...judge(await replies(plainTuned, tokenizer, texts)),
  });
  if (frozen === "int4")
    print({ frozen, step: "report of layers", ...(await reportLayers(plain, unseen.slice(0, 8))) });
  for (const tree of [plainTuned.parameters, plain.parameters]) disposeParameters(tree);

  const [first] = unseen;
  const idsFile = join(folder, "ids.json");
  writeFileSync(idsFile, JSON.stringify(ids));
  const compare = (side: string, logits: Logits): void => {
    const spoken = logProbabilities(
      logits,
      ids,
      probes.map(({ from }) => from),
    );
    const written = probes.flatMap((probe) => probe.logProbabilities);
    const off = spoken.map((nats, i) => Math.abs(nats - written[i]!));
    const show = ({ error, worst, sameBest }: ReturnType<typeof distance>): object => ({
      error: round(error),
      worst: round(worst),
      sameBest: round(sameBest),
    });
    print({
      frozen,
      step: "logits",
      side,
      fewBits: show(distance(inFewBits, logits)),
      float32: show(distance(inFloat, logits)),
      chatNats: { mean: round(off.reduce((sum, each) => sum + each, 0) / off.length), most: round(Math.max(...off)) },
    });
  };
  compare("here, float32", inFloat);
  const way = { file, frozen, folder, adapter, idsFile, comment: first!.text, print };
  showChats(way);
  for (const { side, run } of sidesOf(way)) {
    if (values.only !== undefined && !values.only.split(",").some((part) => side.includes(part))) continue;
    const { buffer, byteOffset, byteLength } = readFileSync(run());
    const { vocabulary } = inFloat;
    compare(side, { values: new Float32Array(buffer, byteOffset, byteLength / 4), vocabulary });
  }
}

await useBackend("onnx");
print(describeMachine("elsewhere"));
for (const frozen of values.frozen.split(",")) await follow(frozen as Frozen);
