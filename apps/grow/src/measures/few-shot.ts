/**
 * Whether a grown encoder is to replace a shipped one: both and a bag of words, from 8 and 32 rows a class of the small real tasks, with
 * the rows, steps and rates of the table of tasks. Each run is one JSON line in a file; a run that is there is not done again.
 */
import { appendFile, mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { folder } from "@cambium/base";
import { disposeParameters, type Random, random } from "@cambium/core";
import { attach, head, lora } from "@cambium/delta";
import { collate, loadModel, loadTokenizer, type RunnableModel } from "@cambium/models";
import { fewShot, fitBagOfWords, measureClassification } from "@cambium/tasks";
import { type LoadedTask, loadTask, type RealRow, realTasks } from "@cambium/tasks/real";
import { adamW, batches, linear, train } from "@cambium/train";
import { modelFingerprint } from "../growth/lineage.ts";
import { type Comparison, type FewShotRow, formatFewShot } from "./few-shot-table.ts";

/** A model that is compared. */
export interface Contender {
  readonly name: string;
  readonly path: string;
}

/** What is compared, and where the results are. */
export interface FewShotOptions {
  readonly grown: Contender;
  /** What it is to replace. @default nothing: words alone are compared */
  readonly shipped?: Contender;
  /** @default all that have classes */
  readonly tasks?: readonly string[];
  readonly seeds: number;
  /** File of the results. */
  readonly results: string;
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
}

/** Tasks that have classes. */
const fewShotTasks: readonly string[] = realTasks.flatMap(({ name, type }) => (type === "writing" ? [] : [name]));

const PER_CLASS = [8, 32] as const;
const STEPS = 120;
const BATCH = 16;
const LEARNING_RATE = 1e-3;
const MAX_LENGTH = 96;
const PAD_TO = [32, 64, MAX_LENGTH];
/** Letters of a text that are looked at: more than its tokens have. */
const LETTERS = 12 * MAX_LENGTH;
/** Looks at the development rows; the best of them is what is tested. */
const EVALUATIONS = 4;

/** One run to be done. */
type Work = Omit<FewShotRow, "accuracy">;

const keyOf = ({ model, print, task, perClass, seed }: Work): string => [model, print, task, perClass, seed].join(" ");

interface LabelledRow {
  readonly text: string;
  readonly pair?: string;
  readonly label: string;
}

const labelled = (rows: readonly RealRow[]): LabelledRow[] =>
  rows.map(({ text, pair, label }) => ({
    text: text.slice(0, LETTERS),
    ...(pair !== undefined && { pair }),
    label: label!,
  }));

const labelsOf = (rows: readonly RealRow[]): string[] => rows.map(({ label }) => label!);

/** Words in one text or in two count: the better on the development rows. */
function scoreWords({ dev, test }: LoadedTask, rows: readonly RealRow[]): number {
  const fitted = [1, 2].map((leastTexts) => fitBagOfWords(labelled(rows), labelled(dev), { leastTexts }));
  const best = fitted.reduce((one, other) => (other.devLoss < one.devLoss ? other : one));
  return measureClassification(best.predict(labelled(test)), labelsOf(test)).accuracy;
}

/** LoRA on query and value, and a new head. */
async function scoreModel(loaded: LoadedTask, rows: readonly RealRow[], path: string, key: Random): Promise<number> {
  const base = await loadModel(folder(path), { head: loaded.task.head("class-head"), random: key.at("head") });
  const tokenizer = await loadTokenizer(folder(path));
  const tuned = attach(base, lora(base, { rank: 8, targets: ["attn.q", "attn.v"] }, key.at("delta")), head(base));
  const accuracyOf = async (at: RunnableModel, some: readonly RealRow[]): Promise<number> => {
    const classify = loaded.task.classifier(at, tokenizer, { form: "class-head", maxLength: MAX_LENGTH });
    return measureClassification(await classify(labelled(some)), labelsOf(some)).accuracy;
  };
  const data = batches(labelled(rows), collate(base, tokenizer, { maxLength: MAX_LENGTH, padTo: PAD_TO }), {
    size: BATCH,
    random: key.at("order"),
    buckets: ({ text, pair = "" }) => text.length + pair.length,
  });
  const events = train(tuned, data, {
    optimiser: adamW({ learningRate: linear(LEARNING_RATE, { warmUp: Math.ceil(STEPS / 10), steps: STEPS }) }),
    steps: STEPS,
    clipNorm: 1,
    random: key.at("dropout"),
    evaluate: {
      every: Math.ceil(STEPS / EVALUATIONS),
      run: async (parameters) => ({ accuracy: await accuracyOf(tuned.with(parameters), loaded.dev) }),
      best: { metric: "accuracy", direction: "highest" },
    },
  });
  for await (const event of events) {
    if (event.type !== "end") continue;
    const accuracy = await accuracyOf(tuned.with(event.parameters), loaded.test);
    for (const tree of [event.parameters, tuned.parameters, base.parameters]) disposeParameters(tree);
    return accuracy;
  }
  throw new Error("internal: train ended without an end event");
}

/** The results on file. */
async function readResults(file: string): Promise<FewShotRow[]> {
  const lines = (await readFile(file, "utf8").catch(() => "")).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as FewShotRow);
}

/** Runs what is not on file yet, and reports tables and whether the grown model is to replace the other. */
export async function compareFewShot(options: FewShotOptions): Promise<Comparison | undefined> {
  const { grown, shipped, tasks = fewShotTasks, seeds, results, signal, report } = options;
  const strange = tasks.find((task) => !fewShotTasks.includes(task));
  if (strange !== undefined)
    throw new Error(`few-shot: there is no task "${strange}"; there are ${fewShotTasks.join(", ")}`);
  const models = await Promise.all(
    [grown, ...(shipped === undefined ? [] : [shipped])].map(async (contender, i) => ({
      ...contender,
      role: (["grown", "shipped"] as const)[i]!,
      print: (await modelFingerprint(folder(contender.path))).slice(0, 16),
    })),
  );
  const contenders = [...models, { name: "words", role: "words" as const, path: "", print: "" }];
  const works = tasks.flatMap((task) =>
    PER_CLASS.flatMap((perClass) =>
      Array.from({ length: seeds }, (_, i) => i + 1).flatMap((seed) =>
        contenders.map(({ name, print, path, role }) => ({
          work: { model: name, print, task, perClass, seed },
          path,
          role,
        })),
      ),
    ),
  );
  await mkdir(dirname(results), { recursive: true });
  const done = new Map((await readResults(results)).map((row) => [keyOf(row), row]));
  const missing = works.filter(({ work }) => !done.has(keyOf(work)));
  const startedAt = performance.now();
  for (const [i, { work, path }] of missing.entries()) {
    if (signal.aborted) return undefined;
    const loaded = await loadTask(work.task);
    const key = random(work.seed).at(work.task);
    const rows = fewShot(loaded.train, { perClass: work.perClass, random: key.at("rows") });
    const accuracy = path === "" ? scoreWords(loaded, rows) : await scoreModel(loaded, rows, path, key.at("tuning"));
    const row: FewShotRow = { ...work, accuracy };
    done.set(keyOf(work), row);
    await appendFile(results, `${JSON.stringify(row)}\n`);
    const minutes = (((performance.now() - startedAt) / (i + 1)) * (missing.length - i - 1)) / 60_000;
    report(`${JSON.stringify(row)}  ${Math.round(minutes)} min left`);
  }
  const comparison: Comparison = works.map(({ work, role }) => ({ role, ...done.get(keyOf(work))! }));
  report(formatFewShot(comparison));
  return comparison;
}
