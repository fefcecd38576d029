/**
 * From texts to what a model's head says of them. What is special about a kind of head is its `Reading`, in `predict/`; here is what
 * all share: texts become windows, windows of similar length run together, and their scores go back to their texts.
 */
import { ConfigError, checkOptions } from "@cambium/base";
import { dispose, type Tensor, type Tensor1D, tensor1d, tidy } from "@tensorflow/tfjs-core";
import type { TokenBatch } from "./architecture.ts";
import { checkBatchSize, usualLength } from "./by-length.ts";
import type { CollateOptions } from "./collate.ts";
import type { HeadConfig } from "./head-config.ts";
import { answerReading } from "./predict/answers.ts";
import { type Aggregation, entityReading } from "./predict/entities.ts";
import { fillingReading } from "./predict/fillings.ts";
import type { Input, PredictorEncoding, Reading } from "./predict/reading.ts";
import { checkFinite } from "./predict/scores.ts";
import { sequenceReading } from "./predict/sequences.ts";
import type { HeadOf, PredictionOf } from "./prediction.ts";
import type { Row } from "./row.ts";
import { type Assembler, assembler } from "./rows/assembler.ts";
import { beginCheck } from "./rows/check-begin.ts";
import type { RunnableModel } from "./runnable.ts";
import type { Tokens } from "./tokenizer/frame.ts";
import { checkTruncation, type Tokenizer } from "./tokenizer.ts";

/** What is predicted for: a text, or a pair of texts. */
export type PredictorInput = string | Pick<Row, "text" | "pair">;

/** Settings of `predictor`. Those of one kind of head are refused for others. */
export interface PredictorOptions extends Partial<Pick<CollateOptions, "maxLength" | "truncation" | "padId">> {
  /** Texts or windows in one forward pass. @default 32 */
  readonly batchSize?: number;
  /**
   * Of heads that give several labels: the least score of a label that is given, from 0 to 1. @default every label is given with
   * its score
   */
  readonly threshold?: number;
  /** Of token classification: how labels of tokens become those of words and entities. @default "simple" */
  readonly aggregation?: Aggregation;
  /** Of token classification and question answering: tokens that windows over a long text share. @default a quarter of `maxLength` */
  readonly stride?: number;
  /** How many predictions are given: answers of a question, or words for a mask. @default 1 answer, 5 words */
  readonly topK?: number;
  /** Of question answering: most tokens of an answer. @default 15 */
  readonly maxAnswerTokens?: number;
  /** Of question answering: whether no answer may be one, with the text `""`. @default false */
  readonly noAnswer?: boolean;
}

/** What became of the texts so far. */
export interface PredictorReport {
  readonly texts: number;
  /** Rows that these became: more of them where long texts are read in windows. */
  readonly windows: number;
  /** Texts of which something did not fit into `maxLength`. */
  readonly cutTexts: number;
  /** Tokens that these lost. */
  readonly cutTokens: number;
}

/** From texts to predictions: one for one, a list for a list, in the order of the texts. */
export interface Predictor<Prediction> {
  (text: PredictorInput): Promise<Prediction>;
  (texts: readonly PredictorInput[]): Promise<Prediction[]>;
  /** How many texts there were since this function was made, and how many of them were cut. */
  report(): PredictorReport;
}

const shared = ["maxLength", "padId", "batchSize"] as const;
const optionsOf: { readonly [Kind in HeadConfig["kind"]]?: readonly (keyof PredictorOptions)[] } = {
  "sequence-classification": ["truncation", "threshold"],
  regression: ["truncation"],
  "token-classification": ["aggregation", "stride"],
  "question-answering": ["stride", "topK", "maxAnswerTokens", "noAnswer"],
  "masked-lm": ["truncation", "topK"],
};
const keys = [...shared, ...new Set(Object.values(optionsOf).flat())];

/**
 * A function from texts to what the model's head says of them.
 *
 * - Sequence classification: every label with its probability, the most likely first (softmax of the logits, or with
 *   `multiLabel` a sigmoid of each, and then those from `threshold` on).
 * - Regression: a number, or several in a list or by name.
 * - Token classification: pieces of the text with their labels, without those of the label `O`, joined as `aggregation` says.
 * - Question answering, of `{ text: question, pair: text }`: the `topK` likeliest places of the second text.
 * - Masked words: the `topK` likeliest words for each mask token.
 *
 * Texts of similar length run together, whatever their order. Whatever runs like a model is taken, with or without deltas.
 * Texts longer than `maxLength` tokens, by default what the model has positions for, are read in windows by the third and fourth
 * kind, and cut by the others: `report` says how many.
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
  const most = usualLength(model.architecture.maximumLength(model.config));
  const { batchSize = 32, maxLength = most, truncation = tokenizer.truncation, padId } = options;
  const stride = options.stride ?? Math.floor(maxLength / 4);
  checkOwn(model.head, options);
  const reading = readingOf(model.head, tokenizer, { ...options, stride });
  checkTruncation("predictor", truncation);
  const batches = assembler(model, tokenizer, { maxLength, padId });
  const checkBegin = beginCheck(tokenizer);
  checkBatchSize("predictor", batchSize);
  const count = { texts: 0, windows: 0, cutTexts: 0, cutTokens: 0 };

  function windowsOf(input: Input, index: number): readonly Window[] {
    let lost = 0;
    const encoding: PredictorEncoding = {
      tokenizer,
      maxLength,
      truncation,
      stride,
      onCut: (tokens) => {
        lost += tokens;
      },
    };
    const windows = reading.windows(input, index, encoding);
    for (const tokens of windows) batches.check(tokens, index);
    checkBegin({ windows, truncation, lost }, index);
    count.texts++;
    count.windows += windows.length;
    count.cutTokens += lost;
    if (lost > 0) count.cutTexts++;
    return windows.map((tokens, window) => ({ tokens, input, index, window }));
  }

  async function predictAll(given: readonly PredictorInput[]): Promise<Prediction[]> {
    const inputs = given.map(inputOf);
    const windows = inputs.flatMap(windowsOf).sort((a, b) => a.tokens.ids.length - b.tokens.ids.length);
    const parts: unknown[][] = inputs.map(() => []);
    for (let from = 0; from < windows.length; from += batchSize) {
      const group = windows.slice(from, from + batchSize);
      const scores = await scoresOf(model, batches, group, reading);
      group.forEach(({ tokens, input, index, window }, i) => {
        for (const row of scores[i]!) checkFinite(row, index);
        parts[index]![window] = reading.digest(scores[i]!, tokens, input);
      });
    }
    return inputs.map((input, index) => reading.combine(parts[index]!, input) as Prediction);
  }

  async function predict(input: PredictorInput | readonly PredictorInput[]): Promise<Prediction | Prediction[]> {
    if (Array.isArray(input)) return predictAll(input);
    const [only] = await predictAll([input as PredictorInput]);
    return only!;
  }
  return Object.assign(predict, { report: () => ({ ...count }) }) as unknown as Predictor<Prediction>;
}

/** A part of a text that is run, and whose it is. */
interface Window {
  readonly tokens: Tokens;
  readonly input: Input;
  /** The text's place among the texts. */
  readonly index: number;
  /** Its place among the windows of the text. */
  readonly window: number;
}

/** Scores of each window: one row, or one for each of its tokens, or of its positions. */
async function scoresOf(
  model: RunnableModel,
  { assemble }: Assembler,
  group: readonly Window[],
  { positions }: Reading<unknown, unknown>,
): Promise<number[][][]> {
  const batch = assemble(group.map(({ tokens: { ids, types } }) => ({ ids, types })));
  const seq = batch.ids.shape[1];
  const places = positions === undefined ? undefined : group.map(({ tokens }) => positions(tokens));
  const flat = places?.flatMap((own, i) => own.map((place) => i * seq + place));
  const asked: TokenBatch = { ...batch, ...(flat !== undefined && { positions: filledUp(flat) }) };
  const logits = tidy(() => model.forward(asked, { scoresOnly: true }).logits!);
  dispose(Object.values(asked) as Tensor[]);
  const width = logits.shape.at(-1)!;
  const values = (await logits.data()) as Float32Array;
  dispose(logits);
  const row = (index: number): number[] => Array.from(values.subarray(index * width, (index + 1) * width));
  const rows = (first: number, length: number): number[][] => Array.from({ length }, (_, i) => row(first + i));
  if (places !== undefined) {
    let first = 0;
    return places.map((own) => {
      first += own.length;
      return rows(first - own.length, own.length);
    });
  }
  return group.map(({ tokens }, i) => (logits.rank === 2 ? [row(i)] : rows(i * seq, tokens.ids.length)));
}

/** Positions filled up with the first, so that few shapes occur. */
function filledUp(positions: readonly number[]): Tensor1D {
  const length = Math.ceil(positions.length / 8) * 8;
  return tensor1d(
    Array.from({ length }, (_, i) => positions[i] ?? 0),
    "int32",
  );
}

/** A text without what is to be predicted. */
function inputOf(input: PredictorInput, index: number): Input {
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

/** Throws for options of other heads. */
function checkOwn(head: HeadConfig | undefined, options: PredictorOptions): void {
  const own = head === undefined ? undefined : optionsOf[head.kind];
  if (own === undefined) {
    const instead = head?.kind === "causal-lm" || head?.kind === "sequence-to-sequence" ? "generate" : "embed";
    throw new ConfigError({
      message: `predictor: it takes a model with a head of kind ${Object.keys(optionsOf).join(", ")}, got one ${head === undefined ? "without a head" : `with a ${head.kind} head`}; load it with one, or use ${instead}`,
      head: head?.kind,
    });
  }
  const isOfOneLabel = head?.kind === "sequence-classification" && head.multiLabel !== true;
  const strange = Object.entries(options).find(
    ([key, value]) =>
      value !== undefined &&
      (!([...shared, ...own] as readonly string[]).includes(key) || (key === "threshold" && isOfOneLabel)),
  );
  if (strange === undefined) return;
  const whose = Object.entries(optionsOf).flatMap(([kind, theirs]) =>
    (theirs as readonly string[]).includes(strange[0]) ? [kind] : [],
  );
  throw new ConfigError({
    message:
      strange[0] === "threshold"
        ? "predictor: threshold is an option of heads that give several labels (multiLabel: true)"
        : `predictor: ${strange[0]} is an option of heads of kind ${whose.join(", ")}, got one of kind ${head!.kind}`,
    option: strange[0],
  });
}

function checkCount(name: string, count: number): void {
  if (Number.isSafeInteger(count) && count >= 1) return;
  throw new ConfigError({ message: `predictor: ${name} must be a whole number from 1, got ${count}`, [name]: count });
}

function readingOf(
  head: HeadConfig | undefined,
  tokenizer: Tokenizer,
  options: PredictorOptions & { readonly stride: number },
): Reading<unknown, unknown> {
  const { topK, threshold, aggregation = "simple", stride, maxAnswerTokens = 15, noAnswer = false } = options;
  if (topK !== undefined) checkCount("topK", topK);
  checkCount("maxAnswerTokens", maxAnswerTokens);
  switch (head?.kind) {
    case "token-classification":
      return entityReading(head, { aggregation, stride }) as Reading<unknown, unknown>;
    case "question-answering":
      return answerReading(tokenizer, { topK: topK ?? 1, maxAnswerTokens, noAnswer }) as Reading<unknown, unknown>;
    case "masked-lm":
      return fillingReading(tokenizer, topK ?? 5) as Reading<unknown, unknown>;
    default:
      return sequenceReading(head as never, threshold) as Reading<unknown, unknown>;
  }
}
