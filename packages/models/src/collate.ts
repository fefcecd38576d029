import { ConfigError, checkOptions, type Json, StateError } from "@cambium/base";
import { type Tensor, type Tensor1D, tensor, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import type { TokenBatch } from "./architecture.ts";
import { checkIds, segmentCount } from "./check-batch.ts";
import { collatePairs } from "./embedding/pairs.ts";
import { type HeadConfig, outputsOf } from "./head-config.ts";
import { IGNORED } from "./heads/losses.ts";
import { type EncodedRow, encodeRow, type Row } from "./row.ts";
import type { RunnableModel } from "./runnable.ts";
import { needToken } from "./special-tokens.ts";
import { checkTruncation, type Tokenizer } from "./tokenizer.ts";
import type { Truncation } from "./truncation.ts";

/** Settings of `collate`. */
export interface CollateOptions {
  /** Most tokens of a row, special ones included; longer texts are cut. */
  readonly maxLength: number;
  /** Lengths that batches are padded to, so that few shapes occur. @default multiples of 16 */
  readonly padTo?: readonly number[];
  /** Which end a long text loses. @default what the tokenizer was made with */
  readonly truncation?: Truncation;
  /** Id that fills rows up; the mask hides it. @default the tokenizer's pad token, or its eos token where it has no pad token */
  readonly padId?: number;
}

/** What became of the rows so far; a row that comes twice counts twice. */
export interface CollateReport {
  readonly rows: number;
  /** Rows of which something did not fit into `maxLength`. */
  readonly cutRows: number;
  /** Tokens that these lost. */
  readonly cutTokens: number;
}

/** What of a model decides how its batches look. */
export type CollateModel = Pick<RunnableModel, "config" | "head" | "architecture">;

/** Makes batches of rows, and says how, so that a checkpoint knows them from others. */
export interface Collate {
  (rows: readonly Row[]): TokenBatch;
  /** All that decides what a row becomes, as JSON. */
  describe(): Json;
  /** How many rows there were since this function was made, and how many of them were cut. */
  report(): CollateReport;
}

/** Masked words of a batch are filled up to a multiple of this, so that few shapes occur. */
const POSITION_STEP = 8;

/**
 * A function from rows to the batch that the model's head and its loss read. The caller owns the batch's tensors.
 *
 * An embedding head gets two or more texts of each row, the `text`, its `pair` and `negatives`, each as a sequence.
 *
 * Rows need no labels for prediction; when one has a label, all need one. The batch is as long as its longest row,
 * rounded up as `padTo` says. Longer texts are cut, at their end unless `truncation` says otherwise, and `report` counts them.
 * Ids and types are checked against the model here, on every backend.
 *
 * @throws {ConfigError} The tokenizer is not the model's, `maxLength` is more than the model has positions for, an option does
 *   not exist, or (from the function) a row has no token or its label is not one of the head's; its index is named.
 * @throws {ShapeError} From the function, when the tokenizer gives ids that the model has no row for.
 * @example
 * const toBatch = collate(model, tokenizer, { maxLength: 128 });
 * const data = batches(mails, toBatch, { size: 16, random: random(2) });
 * const { rows, cutRows } = toBatch.report(); // after the run
 */
export function collate(model: CollateModel, tokenizer: Tokenizer, options: CollateOptions): Collate {
  checkOptions("collate", options, collateKeys);
  const { maxLength, padTo, truncation = tokenizer.truncation } = options;
  const { architecture, config, head } = model;
  if (head?.kind === "embedding") {
    const texts = collate({ architecture, config }, tokenizer, options);
    const idsOf = (text: string): number[] => tokenizer.encode(text, undefined, { maxLength, truncation }).ids;
    return collatePairs({ head, texts, idsOf });
  }
  checkTruncation("collate", truncation);
  const padId = paddingOf(model, tokenizer, options.padId);
  checkTokenizer(model, tokenizer, padId);
  checkPadTo(padTo);
  const most = architecture.maximumLength(config);
  if (!Number.isInteger(maxLength) || maxLength < 3 || maxLength > most) {
    throw new ConfigError({
      message: `collate: maxLength must be from 3 to ${most}, the model's positions, got ${maxLength}`,
      maxLength,
    });
  }
  const count = { rows: 0, cutRows: 0, cutTokens: 0 };
  function encode(row: Row, index: number): EncodedRow {
    let lost = 0;
    const onCut = (tokens: number): void => {
      lost += tokens;
    };
    const encoded = encodeRow(row, index, { head, tokenizer, maxLength, truncation, onCut });
    checkRow(encoded, index, config);
    count.rows++;
    count.cutTokens += lost;
    if (lost > 0) count.cutRows++;
    return encoded;
  }
  function toBatch(rows: readonly Row[]): TokenBatch {
    if (rows.length === 0) throw new ConfigError({ message: "collate: a batch needs at least one row, got none" });
    const encoded = rows.map(encode);
    const seq = paddedLength(
      lengthOf(encoded, (row) => row.ids),
      maxLength,
      padTo,
    );
    return {
      ids: fill(encoded, seq, (row) => row.ids, padId, "int32"),
      mask: fill(encoded, seq, (row) => row.ids.map(() => 1), 0, "float32"),
      ...(architecture.batch === "tokens+types" && {
        types: fill(encoded, seq, (row) => row.types, 0, "int32"),
      }),
      ...targets(head, encoded, seq, (longest) => paddedLength(longest, maxLength, padTo)),
    };
  }
  const describe = (): Json => ({
    maxLength,
    truncation,
    padId,
    padTo: padTo === undefined ? "multiples of 16" : [...padTo],
    head: head === undefined ? null : { ...head },
    tokenizer: tokenizer.fingerprint,
  });
  return Object.assign(toBatch, { describe, report: () => ({ ...count }) });
}

const collateKeys = ["maxLength", "padTo", "truncation", "padId"] as const;

/** The id that fills rows up. */
function paddingOf({ config }: CollateModel, tokenizer: Tokenizer, given: number | undefined): number {
  if (given === undefined) {
    const { pad, eos } = tokenizer.special;
    return pad ?? eos ?? needToken(tokenizer, "pad", "collate without padId");
  }
  if (Number.isInteger(given) && given >= 0 && given < config.vocab_size) return given;
  throw new ConfigError({
    message: `collate: padId must be an id of the model's vocabulary, from 0 to ${config.vocab_size - 1}, got ${given}`,
    padId: given,
  });
}

function checkPadTo(padTo: readonly number[] | undefined): void {
  const index = padTo?.findIndex((length) => !Number.isInteger(length) || length < 1) ?? -1;
  if (index === -1) return;
  throw new ConfigError({
    message: `collate: padTo[${index}] must be a length of at least 1, got ${padTo![index]}`,
    padTo: padTo![index],
  });
}

/** Throws for a row without tokens, of which nothing could be read but padding, and for ids and types without a row in the model. */
function checkRow({ ids, types }: EncodedRow, index: number, config: CollateModel["config"]): void {
  if (ids.length === 0) {
    throw new ConfigError({
      message: `collate: row ${index} has no token, and the tokenizer adds none to an empty text; leave the row out`,
      index,
    });
  }
  const where = { seq: ids.length, row: index };
  checkIds("collate", "ids", ids, { count: config.vocab_size, of: "the model's vocabulary", ...where });
  const count = segmentCount(config);
  // A model of one segment gets no types.
  if (count !== undefined && count > 1) {
    checkIds("collate", "types", types, { count, of: "the model's segments", ...where });
  }
}

/** Throws unless every id of the tokenizer has a row in the model's word embeddings, and padding is the same id. */
function checkTokenizer({ config, architecture }: CollateModel, { vocabularySize }: Tokenizer, padId: number): void {
  if (vocabularySize > config.vocab_size) {
    throw new ConfigError({
      message: `collate: the tokenizer has ${vocabularySize} tokens, the model embeds ${config.vocab_size}; load the tokenizer of the same model`,
      vocabularySize,
    });
  }
  const padding = architecture.padding?.(config);
  if (padding !== undefined && padId !== padding) {
    throw new ConfigError({
      message: `collate: the tokenizer pads with id ${padId}, the model's positions count on ${padding}; load the tokenizer of the same model`,
      pad: padId,
    });
  }
}

function lengthOf(rows: readonly EncodedRow[], valuesOf: (row: EncodedRow) => readonly number[]): number {
  return rows.reduce((length, row) => Math.max(length, valuesOf(row).length), 0);
}

function paddedLength(longest: number, maxLength: number, padTo: readonly number[] | undefined): number {
  const rounded =
    padTo === undefined ? Math.ceil(longest / 16) * 16 : Math.min(...padTo.filter((length) => length >= longest));
  return Math.min(rounded, maxLength);
}

function fill(
  rows: readonly EncodedRow[],
  seq: number,
  valuesOf: (row: EncodedRow) => readonly number[],
  padding: number,
  dtype: "int32" | "float32",
): TokenBatch["ids"] {
  const size = rows.length * seq;
  const values = dtype === "int32" ? new Int32Array(size).fill(padding) : new Float32Array(size).fill(padding);
  for (const [i, row] of rows.entries()) values.set(valuesOf(row), i * seq);
  return tensor2d(values, [rows.length, seq], dtype);
}

function targets(
  head: HeadConfig | undefined,
  rows: readonly EncodedRow[],
  seq: number,
  padded: (longest: number) => number,
): Pick<TokenBatch, "labels" | "positions"> {
  const labelled = rows.filter((row) => row.labels !== undefined).length;
  if (head === undefined || labelled === 0) return {};
  if (labelled < rows.length) {
    const index = rows.findIndex((row) => row.labels === undefined);
    throw new ConfigError({ message: `collate: row ${index} has no label, other rows of the batch have one`, index });
  }
  switch (head.kind) {
    case "sequence-classification":
    case "regression":
      return { labels: sequenceLabels(head, rows) };
    case "question-answering":
      return {};
    case "token-classification":
    case "causal-lm":
      return { labels: fill(rows, seq, (row) => row.labels!, IGNORED, "int32") };
    case "sequence-to-sequence": {
      const longest = padded(lengthOf(rows, (row) => row.labels!));
      return { labels: fill(rows, longest, (row) => row.labels!, IGNORED, "int32") };
    }
    case "masked-lm":
      return hiddenWords(rows, seq);
    case "embedding":
      throw new StateError({ message: "internal: labels of an embedding head are made of pairs" });
  }
}

/** A number for each row, or a list of them. */
function sequenceLabels(head: HeadConfig, rows: readonly EncodedRow[]): Tensor {
  const isOfIndices = head.kind === "sequence-classification" && head.multiLabel !== true;
  const values = rows.flatMap((row) => row.labels!);
  if (isOfIndices) return tensor1d(Int32Array.from(values), "int32");
  const width = outputsOf(head);
  const isOfOne = head.kind === "regression" && width === 1;
  return tensor(Float32Array.from(values), isOfOne ? [rows.length] : [rows.length, width]);
}

/** Where words are hidden, and which; filled up with position 0 and ignored labels. */
function hiddenWords(rows: readonly EncodedRow[], seq: number): { labels: Tensor1D; positions: Tensor1D } {
  const hidden = rows.flatMap((row, i) =>
    row.labels!.flatMap((label, j) => (label === IGNORED ? [] : [{ label, position: i * seq + j }])),
  );
  const count = Math.max(1, Math.ceil(hidden.length / POSITION_STEP)) * POSITION_STEP;
  const labels = new Int32Array(count).fill(IGNORED);
  const positions = new Int32Array(count);
  hidden.forEach(({ label, position }, i) => {
    labels[i] = label;
    positions[i] = position;
  });
  return { labels: tensor1d(labels, "int32"), positions: tensor1d(positions, "int32") };
}
