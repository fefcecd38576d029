import { ConfigError, checkOptions, StateError } from "@cambium/base";
import { dispose, tidy } from "@tensorflow/tfjs-core";
import { byLength, usualLength } from "./by-length.ts";
import { type CollateOptions, collate } from "./collate.ts";
import type { HeadConfig } from "./head-config.ts";
import type { Row } from "./row.ts";
import type { RunnableModel } from "./runnable.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A label of the head, and how likely it is. */
export interface LabelScore {
  readonly label: string;
  /** Probability, from 0 to 1; those of all labels add up to 1. */
  readonly score: number;
}

/** What is predicted for: a text, or a pair of texts. */
export type PredictorInput = string | Pick<Row, "text" | "pair">;

/** Settings of `predictor`. */
export interface PredictorOptions extends Partial<Pick<CollateOptions, "maxLength" | "truncation" | "padId">> {
  /** Texts in one forward pass. @default 32 */
  readonly batchSize?: number;
}

/** From texts to predictions: one for one, a list for a list, in the order of the texts. */
export interface Predictor<Prediction> {
  (text: PredictorInput): Promise<Prediction>;
  (texts: readonly PredictorInput[]): Promise<Prediction[]>;
}

const keys = ["maxLength", "truncation", "padId", "batchSize"] as const;

/**
 * A function from texts to what the model's head says of them: of a sequence-classification head every label with its
 * probability (softmax of the logits), the most likely first; of a regression head a number.
 *
 * Texts of similar length run together, whatever their order. Whatever runs like a model is taken, with or without deltas.
 * Longer texts are cut to `maxLength` tokens, by default what the model has positions for.
 *
 * @typeParam Prediction - What the head gives; `number` for regression.
 * @throws {ConfigError} When the model has another head or none, the tokenizer is not the model's, an option does not exist, or
 *   (from the function) something is no text.
 * @throws {StateError} From the function, when the model's scores are not finite.
 * @example
 * const classify = predictor(trained, tokenizer);
 * await classify("you have won"); // [{ label: "spam", score: 0.98 }, { label: "ham", score: 0.02 }]
 * await classify(["you have won", { text: "a premise", pair: "a hypothesis" }]);
 */
export function predictor<Prediction extends readonly LabelScore[] | number = readonly LabelScore[]>(
  model: RunnableModel,
  tokenizer: Tokenizer,
  options: PredictorOptions = {},
): Predictor<Prediction> {
  checkOptions("predictor", options, keys);
  const { batchSize = 32, maxLength = usualLength(model.architecture.maximumLength(model.config)), ...rest } = options;
  const interpret = interpreterOf(model.head);
  const toBatch = collate(model, tokenizer, { maxLength, ...rest });
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
        predictions[index] = interpret(values.slice(i * width, (i + 1) * width), index) as Prediction;
      });
    }
    return predictions;
  }

  async function predict(input: PredictorInput | readonly PredictorInput[]): Promise<Prediction | Prediction[]> {
    if (Array.isArray(input)) return predictAll(input);
    const [only] = await predictAll([input as PredictorInput]);
    return only!;
  }
  return predict as Predictor<Prediction>;
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

/** From a row of logits to what it means. */
function interpreterOf(
  head: HeadConfig | undefined,
): (logits: ArrayLike<number>, index: number) => LabelScore[] | number {
  if (head?.kind === "regression") {
    return (logits, index) => {
      checkFinite(logits, index);
      return logits[0]!;
    };
  }
  if (head?.kind === "sequence-classification") {
    return (logits, index) => {
      checkFinite(logits, index);
      return scoresOf(logits, head.labels);
    };
  }
  throw new ConfigError({
    message: `predictor: it takes a model with a sequence-classification or regression head, got one ${head === undefined ? "without a head" : `with a ${head.kind} head`}; load it with one`,
    head: head?.kind,
  });
}

function checkFinite(logits: ArrayLike<number>, index: number): void {
  const strange = Array.from(logits).find((logit) => !Number.isFinite(logit));
  if (strange === undefined) return;
  throw new StateError({
    message: `predictor: the model gives ${strange} for text ${index}; did its training diverge?`,
    index,
  });
}

/** Softmax, the largest first; equal scores in the order of the labels. */
function scoresOf(logits: ArrayLike<number>, labels: readonly string[]): LabelScore[] {
  const largest = labels.reduce((most, _, i) => Math.max(most, logits[i]!), Number.NEGATIVE_INFINITY);
  const weights = labels.map((_, i) => Math.exp(logits[i]! - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return labels.map((label, i) => ({ label, score: weights[i]! / total })).sort((a, b) => b.score - a.score);
}
