/** Rows as the tensors of a batch. */
import { StateError } from "@cambium/base";
import { type Tensor, type Tensor1D, tensor, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import type { TokenBatch } from "../architecture.ts";
import { type HeadConfig, outputsOf } from "../head-config.ts";
import { IGNORED } from "../heads/losses.ts";
import type { EncodedRow } from "./encoding.ts";

/** Masked words of a batch are filled up to a multiple of this, so that few shapes occur. */
const POSITION_STEP = 8;

/** The longest of some lists. */
export function lengthOf(rows: readonly EncodedRow[], valuesOf: (row: EncodedRow) => readonly number[]): number {
  return rows.reduce((length, row) => Math.max(length, valuesOf(row).length), 0);
}

/** A table `[rows, seq]` of what each row has. */
export type Fill = (
  valuesOf: (row: EncodedRow) => readonly number[],
  filler: number,
  dtype: "int32" | "float32",
) => TokenBatch["ids"];

/** Tables of rows that are filled up to one length. */
export function fill(rows: readonly EncodedRow[], seq: number, padding: "start" | "end"): Fill {
  return (valuesOf, filler, dtype) => {
    const size = rows.length * seq;
    const values = dtype === "int32" ? new Int32Array(size).fill(filler) : new Float32Array(size).fill(filler);
    for (const [i, row] of rows.entries()) {
      const own = valuesOf(row);
      values.set(own, i * seq + (padding === "start" ? seq - own.length : 0));
    }
    return tensor2d(values, [rows.length, seq], dtype);
  };
}

/** How a batch is filled up. */
export interface Filling {
  readonly seq: number;
  readonly padding: "start" | "end";
  /** The length for targets as long as this. */
  padded(longest: number): number;
}

/** What the loss of a head compares with, of rows that all have labels or all have none. */
export function targets(
  head: HeadConfig | undefined,
  rows: readonly EncodedRow[],
  { seq, padding, padded }: Filling,
): Pick<TokenBatch, "labels" | "positions"> {
  if (head === undefined || rows[0]!.labels === undefined) return {};
  const labelsAt = fill(rows, seq, padding);
  switch (head.kind) {
    case "sequence-classification":
    case "regression":
      return { labels: sequenceLabels(head, rows) };
    case "question-answering": {
      const shifts = rows.map(({ ids }) => (padding === "start" ? seq - ids.length : 0));
      const labels = rows.flatMap((row, i) => row.labels!.map((label) => label + shifts[i]!));
      return { labels: tensor2d(labels, [rows.length, 2], "int32") };
    }
    case "token-classification":
    case "causal-lm":
      return { labels: labelsAt((row) => row.labels!, IGNORED, "int32") };
    case "sequence-to-sequence": {
      const longest = padded(lengthOf(rows, (row) => row.labels!));
      return { labels: fill(rows, longest, "end")((row) => row.labels!, IGNORED, "int32") };
    }
    case "masked-lm":
      return hiddenWords(rows, seq, padding);
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
function hiddenWords(
  rows: readonly EncodedRow[],
  seq: number,
  padding: "start" | "end",
): { labels: Tensor1D; positions: Tensor1D } {
  const hidden = rows.flatMap((row, i) => {
    const first = i * seq + (padding === "start" ? seq - row.ids.length : 0);
    return row.labels!.flatMap((label, j) => (label === IGNORED ? [] : [{ label, position: first + j }]));
  });
  const count = Math.max(1, Math.ceil(hidden.length / POSITION_STEP)) * POSITION_STEP;
  const labels = new Int32Array(count).fill(IGNORED);
  const positions = new Int32Array(count);
  hidden.forEach(({ label, position }, i) => {
    labels[i] = label;
    positions[i] = position;
  });
  return { labels: tensor1d(labels, "int32"), positions: tensor1d(positions, "int32") };
}
