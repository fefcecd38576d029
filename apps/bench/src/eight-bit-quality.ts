/**
 * `pnpm bench:eight-bit-quality`: the loss on unseen rows after training the same LoRA, from the same seeds, on frozen layers
 * held and multiplied in several ways. Rows that the file of results has already are not run again.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { configureOnnx } from "@cambium/backend-onnx";
import { result } from "@cambium/base";
import { disposeParameters, random, useBackend } from "@cambium/core";
import { attach, head, lora } from "@cambium/delta";
import { collate, loadTokenizer } from "@cambium/models";
import { adamW, batches, evaluate, train } from "@cambium/train";
import { modes } from "./eight-bit-modes.ts";
import { tasks } from "./eight-bit-tasks.ts";
import { parseFlags } from "./flags.ts";

const MODES = "float32,int8,int4,weights only,per tensor";
const TASKS = "emotion,valence";

const HELP = `usage: pnpm bench:eight-bit-quality --model FOLDER --data FOLDER [options]

Prints a JSON line for each task, seed and mode: mean loss of the development rows after training LoRA (rank 8 on query and
value) and a head, where the model has none. The model may be a GGUF file. FOLDER of the data holds goemotions/{train,dev}.tsv, goemotions/emotions.txt and emobank/emobank.csv.

  --results FILE  where lines are appended and looked up (default eight-bit-quality.jsonl)
  --seeds N       seeds 1 to N (default 5)
  --modes NAMES   of ${Object.keys(modes).join(", ")}, separated by commas (default ${MODES})
  --tasks NAMES   of ${Object.keys(tasks).join(", ")}, separated by commas (default ${TASKS})
  --steps N       steps (default 200)
  --rows N        rows of a step (default 16)
  --dev N         development rows (default 1000)
  --threads N     threads of the runtime (default all)
`;

const { values } = parseFlags({
  options: {
    model: { type: "string" },
    data: { type: "string" },
    results: { type: "string", default: "eight-bit-quality.jsonl" },
    seeds: { type: "string", default: "5" },
    modes: { type: "string", default: MODES },
    tasks: { type: "string", default: TASKS },
    steps: { type: "string", default: "200" },
    rows: { type: "string", default: "16" },
    dev: { type: "string", default: "1000" },
    threads: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help || values.model === undefined || values.data === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}
const LENGTH = 32;
const [steps, devRows, rowCount] = [Number(values.steps), Number(values.dev), Number(values.rows)];

interface Line {
  readonly task: string;
  readonly mode: string;
  readonly seed: number;
  readonly steps: number;
  /** Rows of a step. @default 16 */
  readonly rows?: number;
  readonly devRows: number;
  readonly devLoss: number;
}

const done: Line[] = existsSync(values.results)
  ? readFileSync(values.results, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Line)
  : [];

if (values.threads !== undefined) configureOnnx({ threads: Number(values.threads) });
await useBackend("onnx");
const tokenizer = await loadTokenizer(values.model);

async function measure(taskName: string, mode: string, seed: number): Promise<Line> {
  const task = tasks[taskName]!(values.data!);
  const key = random(seed);
  const { base, deltas } = await modes[mode]!(values.model!, { head: task.head, random: key.at("head") });
  const tuned = attach(
    base,
    ...deltas,
    lora(base, { rank: 8, targets: ["attn.q", "attn.v"] }, key.at("lora")),
    ...(base.created.length > 0 ? [head(base)] : []),
  );
  const toBatch = collate(base, tokenizer, { maxLength: LENGTH, padTo: [LENGTH] });
  const data = batches(task.train, toBatch, { size: rowCount, random: key.at("data") });
  const options = { optimiser: adamW({ learningRate: 1e-3 }), steps, random: key.at("train") };
  const { parameters } = await result(train(tuned, data, options));
  const dev = batches(task.dev.slice(0, devRows), toBatch, { size: rowCount });
  const { loss, rows } = await evaluate(tuned, dev, parameters);
  for (const tree of [parameters, tuned.parameters, base.parameters]) disposeParameters(tree);
  const line = { task: taskName, mode, seed, steps, rows: rowCount, devRows: rows };
  return { ...line, devLoss: Number(loss.toFixed(5)) };
}

for (let seed = 1; seed <= Number(values.seeds); seed++)
  for (const mode of values.modes.split(","))
    for (const task of values.tasks.split(",")) {
      const isSame = (line: Line): boolean =>
        line.task === task &&
        line.mode === mode &&
        line.seed === seed &&
        line.steps === steps &&
        (line.rows ?? 16) === rowCount;
      if (done.some(isSame)) continue;
      const line = JSON.stringify(await measure(task, mode, seed));
      appendFileSync(values.results, `${line}\n`);
      console.log(line);
    }
