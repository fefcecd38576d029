/**
 * Saplings against twins of random weights, on telling spam from ham: the same tokeniser, LoRA, rates, steps and seeds.
 * Each run is one JSON line in a file; a run that is there is not done again.
 */
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { disposeParameters, random } from "@cambium/core";
import { attach, head, lora } from "@cambium/delta";
import {
  type BertConfig,
  collate,
  createModel,
  type LanguageModel,
  loadModel,
  loadTokenizer,
  type Tokenizer,
} from "@cambium/models";
import { loadMail, type Mail, type MailSplit, mailSplit } from "@cambium/tasks/real";
import { accuracy, adamW, batches, f1, linear, predict, train } from "@cambium/train";
import { argMax, type Tensor2D } from "@tensorflow/tfjs-core";
import { formatComparison } from "./comparison-table.ts";

/** How many training messages there are: a few of each class, or all. */
export type Task = "few-shot" | "full";

/** One run. */
export interface ComparisonRow {
  readonly model: string;
  readonly weights: "grown" | "random";
  readonly task: Task;
  readonly seed: number;
  readonly trainCount: number;
  readonly steps: number;
  /** Development messages that it was measured on. */
  readonly devCount: number;
  readonly accuracy: number;
  readonly f1: number;
}

/** What is compared, and where its files are. */
export interface CompareOptions {
  readonly names: readonly string[];
  readonly tasks: readonly Task[];
  readonly seeds: number;
  /** Folder that holds the saplings' folders, and the results as `comparison.jsonl`. */
  readonly models: string;
  readonly report: (line: string) => void;
}

const HEAD = { kind: "sequence-classification", labels: ["ham", "spam"] } as const;
const SHOTS_PER_CLASS = 16;
const BATCH = 16;
const MAX_LENGTH = 64;
const FEW_SHOT_STEPS = 60;
const LEARNING_RATE = 2e-3;

function chooseMails(task: Task, mails: readonly Mail[], seed: number): readonly Mail[] {
  if (task === "full") return mails;
  const order = random(seed).at("shots").permutation(mails.length);
  const shuffled = Array.from(order, (index) => mails[index]!);
  return HEAD.labels.flatMap((label) => shuffled.filter((mail) => mail.label === label).slice(0, SHOTS_PER_CLASS));
}

async function openModel(
  name: string,
  weights: ComparisonRow["weights"],
  models: string,
  seed: number,
): Promise<LanguageModel> {
  const options = { head: HEAD, random: random(seed).at("head") };
  const grown = await loadModel<BertConfig>(join(models, name), options);
  if (weights === "grown") return grown;
  disposeParameters(grown.parameters);
  const {
    hidden_size,
    num_hidden_layers,
    num_attention_heads,
    intermediate_size,
    max_position_embeddings,
    vocab_size,
  } = grown.config;
  const sizes = {
    model_type: "bert",
    hidden_size,
    num_hidden_layers,
    num_attention_heads,
    intermediate_size,
    max_position_embeddings,
    vocab_size,
  } as const;
  return createModel({ ...sizes, hidden_dropout_prob: 0, attention_probs_dropout_prob: 0 }, random(seed).at("twin"), {
    head: HEAD,
  });
}

/** Tunes by LoRA on query and value and a new head, and measures. */
async function runOne(
  model: LanguageModel,
  tokenizer: Tokenizer,
  rows: readonly Mail[],
  dev: readonly Mail[],
  seed: number,
  steps: number,
): Promise<Pick<ComparisonRow, "accuracy" | "f1">> {
  const tuned = attach(
    model,
    lora(model, { rank: 8, targets: ["attn.q", "attn.v"] }, random(seed).at("lora")),
    head(model),
  );
  const toBatch = collate(model, tokenizer, { maxLength: MAX_LENGTH, padTo: [MAX_LENGTH] });
  const data = batches(rows, toBatch, { size: BATCH, random: random(seed).at("order"), last: "drop" });
  const optimiser = adamW({ learningRate: linear(LEARNING_RATE, { warmUp: Math.ceil(0.1 * steps), steps }) });
  for await (const event of train(tuned, data, { optimiser, steps, clipNorm: 1 })) {
    if (event.type !== "end") continue;
    const at = tuned.with(event.parameters);
    const { guess, label } = await predict(
      (batch) => ({ guess: argMax(at.forward(batch).logits as Tensor2D, -1), label: batch.labels! }),
      batches(dev, toBatch, { size: BATCH }),
    );
    disposeParameters(event.parameters);
    disposeParameters(tuned.parameters);
    return { accuracy: accuracy(guess, label), f1: f1(guess, label, { positive: 1 }) };
  }
  throw new Error("internal: train ended without an end event");
}

const keyOf = ({ model, weights, task, seed }: Pick<ComparisonRow, "model" | "weights" | "task" | "seed">): string =>
  `${model} ${weights} ${task} ${seed}`;

/** The results on file. */
export async function readComparison(models: string): Promise<readonly ComparisonRow[]> {
  const lines = (await readFile(join(models, "comparison.jsonl"), "utf8").catch(() => "")).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as ComparisonRow);
}

async function compareOnce(
  work: Pick<ComparisonRow, "model" | "weights" | "task" | "seed">,
  { train: mails, dev }: MailSplit,
  models: string,
): Promise<ComparisonRow> {
  const { model: name, weights, task, seed } = work;
  const rows = chooseMails(task, mails, seed);
  const steps = task === "full" ? Math.floor(rows.length / BATCH) : FEW_SHOT_STEPS;
  const model = await openModel(name, weights, models, seed);
  const measured = await runOne(model, await loadTokenizer(join(models, name)), rows, dev, seed, steps);
  disposeParameters(model.parameters);
  return { ...work, trainCount: rows.length, steps, devCount: dev.length, ...measured };
}

/** Runs what is not on file yet, and reports the table of all results. */
export async function compare({ names, tasks, seeds, models, report }: CompareOptions): Promise<void> {
  const split = mailSplit(await loadMail());
  const done = new Set((await readComparison(models)).map(keyOf));
  for (const task of tasks) {
    for (let seed = 1; seed <= seeds; seed++) {
      for (const model of names) {
        for (const weights of ["grown", "random"] as const) {
          const work = { model, weights, task, seed };
          if (done.has(keyOf(work))) continue;
          const line = JSON.stringify(await compareOnce(work, split, models));
          await appendFile(join(models, "comparison.jsonl"), `${line}\n`);
          report(line);
        }
      }
    }
  }
  report(formatComparison(await readComparison(models)));
}
