/** Classes of texts by a head, by the word at a mask, or by which answer a model finds likeliest. */
import { ConfigError, checkOptions, StateError } from "@cambium/base";
import {
  choose,
  collate,
  type LabelScore,
  predictor,
  type RunnableModel,
  type TokenBatch,
  type Tokenizer,
} from "@cambium/models";
import { dispose, gather, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import type { Form, TaskParts } from "./define-task.ts";
import { type Asking, askingOf, askRow, maskText, type TaskRow } from "./rows.ts";
import { render, type Texts } from "./template.ts";

/** Settings of a task's `classifier`. */
export interface ClassifierOptions {
  readonly form: Form;
  /** Most tokens of a row. */
  readonly maxLength: number;
  /** Rows in one forward pass; the forms that write judge a row at a time. @default 32 */
  readonly batchSize?: number;
}

/** From texts to classes with their probabilities. */
export type TaskClassifier = (rows: readonly Texts[]) => Promise<(readonly LabelScore[])[]>;

export function createClassifier(
  task: TaskParts,
  model: RunnableModel,
  tokenizer: Tokenizer,
  options: ClassifierOptions,
): TaskClassifier {
  checkOptions("task.classifier", options, ["form", "maxLength", "batchSize"]);
  const { form, maxLength, batchSize = 32 } = options;
  for (const [name, value] of Object.entries({ maxLength, batchSize })) {
    if (Number.isInteger(value) && value > 0) continue;
    throw new ConfigError({ message: `task.classifier: ${name} must be a whole number above 0, got ${value}` });
  }
  if (task.kind !== "classes") {
    throw new ConfigError({ message: `task.classifier: task "${task.name}" has no classes, it has ${task.kind}` });
  }
  if (form === "class-head") {
    const classify = predictor(model, tokenizer, { maxLength, batchSize });
    return async (rows) => (await classify(rows)) as (readonly LabelScore[])[];
  }
  const asking = askingOf(task, form, tokenizer, maxLength);
  const score = form === "mask" ? maskScores(task, model, asking) : answerScores(task, model, asking);
  const inBatches = inGroups(score, batchSize);
  return async (rows) => (await inBatches(rows)).map((logits, i) => probabilities(task.labels, logits, i));
}

/** Logits of each label, for some rows. */
type Score = (rows: readonly TaskRow[]) => Promise<number[][]>;

/** Rows of similar length together, given back in their order. */
function inGroups(score: Score, size: number): Score {
  return async (rows) => {
    const lengthOf = ({ text, pair = "" }: TaskRow): number => text.length + pair.length;
    const order = [...rows.keys()].sort((a, b) => lengthOf(rows[a]!) - lengthOf(rows[b]!));
    const results = new Array<number[]>(rows.length);
    for (let from = 0; from < order.length; from += size) {
      const group = order.slice(from, from + size);
      const logits = await score(group.map((i) => rows[i]!));
      for (const [n, i] of group.entries()) results[i] = logits[n]!;
    }
    return results;
  };
}

function probabilities(labels: readonly string[], logits: readonly number[], row: number): LabelScore[] {
  const strange = logits.find((logit) => !Number.isFinite(logit));
  if (strange !== undefined) {
    throw new StateError({
      message: `task.classifier: the model gives ${strange} for row ${row}; did its training diverge?`,
      row,
    });
  }
  const largest = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - largest));
  const total = weights.reduce((all, weight) => all + weight, 0);
  return labels.map((label, i) => ({ label, score: weights[i]! / total })).sort((a, b) => b.score - a.score);
}

/** Scores of the words at a mask. */
function maskScores(task: TaskParts, model: RunnableModel, asking: Asking): Score {
  const { tokenizer, maxLength } = asking;
  checkHead(model, "masked-lm", asking.form);
  const toBatch = collate(model, tokenizer, { maxLength });
  const ids = task.labels.map((label) => wordId(task.words[label]!, asking));
  const anyWord = task.words[task.labels[0]!]!; // stands where the mask is, so that the batch says where that is
  return async (rows) => {
    const batch = toBatch(rows.map((row, i) => askRow(asking, row, i, anyWord).row));
    // One a row: a mask that stands in a text itself hides no word.
    const labels = await batch.labels!.data();
    const own = [...labels.keys()].filter((place) => labels[place] === ids[0]);
    return readRows(batch, rows.length, () => {
      const logits = gather(model.forward(batch).logits!, tensor1d(own, "int32")); // [rows, vocab], of [positions, vocab]
      return gather(logits, tensor1d(ids, "int32"), 1); // [rows, labels]
    });
  };
}

/** The id of a word where the template has its answer. */
function wordId(word: string, { template, tokenizer }: Asking): number {
  const texts = { text: "a", pair: "a" };
  const hidden = tokenizer.encode(render(template, { ...texts, answer: maskText(tokenizer) })).ids;
  const shown = tokenizer.encode(render(template, { ...texts, answer: word })).ids;
  const place = hidden.indexOf(tokenizer.special.mask!);
  const isOne = shown.length === hidden.length && shown.every((id, i) => i === place || id === hidden[i]);
  if (isOne && shown[place] !== tokenizer.special.unknown) return shown[place]!;
  throw new ConfigError({
    message: `task: the word "${word}" is ${isOne ? "unknown to" : `${shown.length - hidden.length + 1} tokens of`} this tokenizer, and a mask hides one; choose another by words`,
    word,
  });
}

/** How likely each answer is as what follows: the sum of its tokens' log-probabilities, of an encoder-decoder with its end. */
function answerScores(task: TaskParts, model: RunnableModel, asking: Asking): Score {
  const { tokenizer, form } = asking;
  checkHead(model, form === "continuation" ? "causal-lm" : "sequence-to-sequence", form);
  const words = task.labels.map((label) => task.words[label]!);
  return async (rows) => {
    const scores: number[][] = [];
    for (const [i, row] of rows.entries()) {
      const asked = words.map((word) => askRow(asking, row, i, word).row);
      const targets = asked.map(({ target }) => target as string);
      const choices = await choose(model, tokenizer, asked[0]!.text, targets, { ended: form === "text-to-text" });
      scores.push(choices.map(({ logProbability }) => logProbability));
    }
    return scores;
  };
}

/** The values of `[rows, n]`, row by row; the batch is disposed of. */
async function readRows(batch: TokenBatch, rows: number, run: () => Tensor): Promise<number[][]> {
  const result = tidy(run);
  dispose(Object.values(batch) as Tensor[]);
  const values = Array.from(await result.data());
  result.dispose();
  const width = values.length / rows;
  return Array.from({ length: rows }, (_, i) => values.slice(i * width, (i + 1) * width));
}

function checkHead({ head }: RunnableModel, kind: string, form: Form): void {
  if (head?.kind === kind) return;
  throw new ConfigError({
    message: `task.classifier: the form "${form}" needs a head of kind "${kind}", got ${head === undefined ? "none" : `"${head.kind}"`}; load the model with task.head("${form}")`,
  });
}
