import { ConfigError, checkOptions, StateError } from "@cambium/base";
import { dispose, tidy } from "@tensorflow/tfjs-core";
import { byLength, usualLength } from "./by-length.ts";
import { type CollateOptions, collate } from "./collate.ts";
import { type HeadConfig, outputNames, outputsOf } from "./head-config.ts";
import type { HeadOf, LabelScore, PredictionOf } from "./prediction.ts";
import type { Row } from "./row.ts";
import type { RunnableModel } from "./runnable.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** What is predicted for: a text, or a pair of texts. */
export type PredictorInput = string | Pick<Row, "text" | "pair">;

/** Settings of `predictor`. */
export interface PredictorOptions extends Partial<Pick<CollateOptions, "maxLength" | "truncation" | "padId">> {
  /** Texts in one forward pass. @default 32 */
  readonly batchSize?: number;
  /**
   * Of heads that give several labels: the least score of a label that is given, from 0 to 1. @default every label is given with
   * its score
   */
  readonly threshold?: number;
}

/** From texts to predictions: one for one, a list for a list, in the order of the texts. */
export interface Predictor<Prediction> {
  (text: PredictorInput): Promise<Prediction>;
  (texts: readonly PredictorInput[]): Promise<Prediction[]>;
}

const keys = ["maxLength", "truncation", "padId", "batchSize", "threshold"] as const;

/**
 * A function from texts to what the model's head says of them: of a sequence-classification head every label with its
 * probability, the most likely first (softmax of the logits, or with `multiLabel` a sigmoid of each, and then those from
 * `threshold` on); of a regression head a number, or several in a list or by name.
 *
 * Texts of similar length run together, whatever their order. Whatever runs like a model is taken, with or without deltas.
 * Longer texts are cut to `maxLength` tokens, by default what the model has positions for.
 *
 * @throws {ConfigError} When the model has another head or none, the tokenizer is not the model's, an option does not exist or is
 *   not one of this head's, or (from the function) something is no text.
 * @throws {StateError} From the function, when the model's scores are not finite.
 * @example
 * const classify = predictor(trained, tokenizer);
 * await classify("you have won"); // [{ label: "spam", score: 0.98 }, { label: "ham", score: 0.02 }]
 * await classify(["you have won", { text: "a premise", pair: "a hypothesis" }]);
 */
export function predictor<Model extends RunnableModel>(
  model: Model,
  tokenizer: Tokenizer,
  options: PredictorOptions = {},
): Predictor<PredictionOf<HeadOf<Model>>> {
  type Prediction = PredictionOf<HeadOf<Model>>;
  checkOptions("predictor", options, keys);
  const { batchSize = 32, maxLength, threshold, ...rest } = options;
  const interpret = interpreterOf(model.head, threshold);
  const most = usualLength(model.architecture.maximumLength(model.config));
  const toBatch = collate(model, tokenizer, { maxLength: maxLength ?? most, ...rest });
  byLength("predictor", [], batchSize); // a wrong size is an error now rather than later

  async function predictAll(inputs: readonly PredictorInput[]): Promise<Prediction[]> {
    const rows = inputs.map(rowOf);
    const predictions = new Array<Prediction>(rows.length);
    for (const group of byLength("predictor", rows, batchSize)) {
      const batch = toBatch(group.map(({ row }) => row));
      const logits = tidy(() => model.forward(batch).logits!);
      dispose([batch.ids, batch.mask, ...(batch.types === undefined ? [] : [batch.types])]);
      const values = await logits.data();
      dispose(logits);
      const width = values.length / group.length;
      group.forEach(({ index }, i) => {
        const row = Array.from(values.subarray(i * width, (i + 1) * width));
        checkFinite(row, index);
        predictions[index] = interpret(row, index) as Prediction;
      });
    }
    return predictions;
  }

  async function predict(input: PredictorInput | readonly PredictorInput[]): Promise<Prediction | Prediction[]> {
    if (Array.isArray(input)) return predictAll(input);
    const [only] = await predictAll([input as PredictorInput]);
    return only!;
  }
  return predict as unknown as Predictor<Prediction>;
}

/** A row without what is to be predicted. */
function rowOf(input: PredictorInput, index: number): Row {
  if (typeof input === "string") return { text: input };
  if (typeof input?.text !== "string" || !["string", "undefined"].includes(typeof input.pair)) {
    throw new ConfigError({
      message: `predictor: text ${index} must be a string or { text, pair }, got ${JSON.stringify(input)}`,
      index,
    });
  }
  const { text, pair } = input;
  return pair === undefined ? { text } : { text, pair };
}

/** What a row of logits means. */
type Interpret = (logits: readonly number[], index: number) => PredictionOf<HeadConfig>;

function interpreterOf(head: HeadConfig | undefined, threshold: number | undefined): Interpret {
  if (threshold !== undefined) checkThreshold(head, threshold);
  if (head?.kind === "regression") {
    const names = outputNames(head);
    if (names !== undefined) return (logits) => Object.fromEntries(names.map((name, i) => [name, logits[i]!]));
    return outputsOf(head) === 1 ? (logits) => logits[0]! : (logits) => logits;
  }
  if (head?.kind === "sequence-classification") {
    const { labels, multiLabel } = head;
    if (multiLabel !== true) return (logits) => byScore(labels, softmax(logits));
    return (logits) => byScore(labels, logits.map(sigmoid)).filter(({ score }) => score >= (threshold ?? 0));
  }
  throw new ConfigError({
    message: `predictor: it takes a model with a sequence-classification or regression head, got one ${head === undefined ? "without a head" : `with a ${head.kind} head`}; load it with one`,
    head: head?.kind,
  });
}

function checkThreshold(head: HeadConfig | undefined, threshold: number): void {
  if (head?.kind !== "sequence-classification" || head.multiLabel !== true) {
    throw new ConfigError({
      message: "predictor: threshold is an option of heads that give several labels (multiLabel: true)",
      threshold,
    });
  }
  if (threshold >= 0 && threshold <= 1) return;
  throw new ConfigError({ message: `predictor: threshold must be from 0 to 1, got ${threshold}`, threshold });
}

function checkFinite(logits: ArrayLike<number>, index: number): void {
  const strange = Array.from(logits).find((logit) => !Number.isFinite(logit));
  if (strange === undefined) return;
  throw new StateError({
    message: `predictor: the model gives ${strange} for text ${index}; did its training diverge?`,
    index,
  });
}

function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** The largest first; equal scores in the order of the labels. */
function byScore(labels: readonly string[], scores: readonly number[]): LabelScore[] {
  return labels.map((label, i) => ({ label, score: scores[i]! })).sort((a, b) => b.score - a.score);
}
