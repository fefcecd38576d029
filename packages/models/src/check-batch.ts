/** What a batch must be, found out before anything is computed with it. */
import { ConfigError, nearest, ShapeError } from "@cambium/base";
import { hostValues } from "@cambium/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Architecture, ModelConfig, TokenBatch } from "./architecture.ts";

const known: readonly (keyof TokenBatch)[] = [
  "ids",
  "mask",
  "types",
  "targetIds",
  "labels",
  "positions",
  "sequences",
  "rows",
];

/** What transformers calls the parts of a batch, and the one that is meant here. */
const elsewhere: Readonly<Record<string, keyof TokenBatch | undefined>> = {
  input_ids: "ids",
  attention_mask: "mask",
  token_type_ids: "types",
  decoder_input_ids: "targetIds",
  label: "labels",
  decoder_attention_mask: undefined,
  head_mask: undefined,
  inputs_embeds: undefined,
  past_key_values: undefined,
  position_ids: undefined,
};

/** What of a model decides which batches it reads. */
export interface BatchReader {
  readonly architecture: Architecture;
  readonly config: ModelConfig;
}

/** Segments that a model tells apart, where its config says how many. */
export function segmentCount(config: ModelConfig): number | undefined {
  const { type_vocab_size: count } = config as { readonly type_vocab_size?: unknown };
  return typeof count === "number" ? count : undefined;
}

/**
 * Throws for values outside of a range from 0, naming the place of the first.
 *
 * @param seq - Values in a row.
 * @param row - Row of the first value. @default 0
 */
export function checkIds(
  caller: string,
  name: string,
  values: ArrayLike<number>,
  { count, seq, of, row: first = 0 }: { count: number; seq: number; of: string; row?: number },
): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value >= 0 && value < count) continue;
    const [row, column] = [first + Math.floor(i / seq), i % seq];
    throw new ShapeError({
      message: `${caller}: ${name} must be from 0 to ${count - 1}, ${of}, got ${value} in row ${row}, column ${column}`,
      name,
      value,
      row,
      column,
    });
  }
}

/**
 * Throws for a key that is meant for a model and that no model reads: left alone, it would change nothing without a word. What
 * a loss of the caller's reads may stand in the batch under any other name.
 */
function checkKeys(batch: TokenBatch): void {
  if (typeof batch !== "object" || batch === null) {
    throw new ConfigError({ message: `forward: a batch is an object of tensors, got ${String(batch)}` });
  }
  for (const key of Object.keys(batch)) {
    if ((known as readonly string[]).includes(key)) continue;
    const isForeign = Object.hasOwn(elsewhere, key);
    const near = isForeign ? elsewhere[key] : nearest(key, known);
    if (near === undefined && !isForeign) continue;
    throw new ConfigError({
      message: `forward: a batch has no "${key}"${near === undefined ? `; it has ${known.join(", ")}` : `; is "${near}" meant?`}`,
      key,
    });
  }
}

/** Throws for a part that this architecture would pass over. */
function checkRead({ types, targetIds }: TokenBatch, { architecture, config }: BatchReader): void {
  if (types !== undefined && architecture.batch !== "tokens+types" && segmentCount(config) === undefined) {
    throw new ConfigError({
      message: `forward: a ${config.model_type} tells no segments apart; leave types out of the batch`,
    });
  }
  if (targetIds !== undefined && architecture.batch !== "source+target") {
    throw new ConfigError({
      message: `forward: a ${config.model_type} has no decoder beside an encoder; leave targetIds out of the batch`,
    });
  }
}

/** Throws for packed rows that this architecture would take for one, and for parts of a batch that go with whole rows. */
function checkPacked({ ids, sequences, rows }: TokenBatch, { architecture, config }: BatchReader): void {
  if (sequences === undefined) return;
  if (architecture.packs !== true) {
    throw new ConfigError({
      message: `forward: a ${config.model_type} reads no packed rows; leave sequences out of the batch, and give each row its own`,
    });
  }
  if (rows !== undefined) {
    throw new ConfigError({
      message: "forward: a batch has sequences or rows, not both: packed rows have the same deltas",
    });
  }
  if (sequences.dtype !== "int32" || sequences.shape.join() !== ids.shape.join()) {
    throw new ShapeError({
      message: `forward: sequences must be int32 [${ids.shape}] like ids, got ${sequences.dtype} [${sequences.shape}]`,
    });
  }
}

/** Throws for ids and types that the model has no row for, where looking at them costs nothing. */
function checkValues({ ids, types, targetIds, positions }: TokenBatch, { config }: BatchReader): void {
  const words = { count: config.vocab_size, of: "the model's vocabulary" };
  for (const [name, tensor] of Object.entries({ ids, targetIds })) {
    const values = tensor === undefined ? undefined : hostValues(tensor);
    if (values !== undefined) checkIds("forward", name, values, { ...words, seq: tensor!.shape[1]! });
  }
  const count = segmentCount(config);
  const values = types === undefined || count === undefined ? undefined : hostValues(types);
  if (values !== undefined) {
    checkIds("forward", "types", values, { count: count!, seq: ids.shape[1], of: "the model's segments" });
  }
  const places = positions === undefined ? undefined : hostValues(positions);
  if (places !== undefined) {
    checkIds("forward", "positions", places, { count: ids.size, seq: places.length, of: "the batch's tokens" });
  }
}

/**
 * Throws unless a batch can be meant for a model: its keys, dtypes and shapes; and on the backends cpu and wasm its ids and
 * types. On the others looking at ids would mean waiting for all the work before, and `collate` has looked at its own.
 *
 * @throws {ConfigError} For a part that this model does not read, and a key that can be taken for one.
 * @throws {ShapeError} For dtypes and shapes that do not fit together, and ids out of range, naming row and column.
 */
export function checkBatch(batch: TokenBatch, reader: BatchReader): void {
  checkKeys(batch);
  const { ids, mask, types, targetIds, rows } = batch;
  for (const [name, tensor] of Object.entries({ ids, mask })) {
    if (typeof tensor?.dtype !== "string") {
      throw new ShapeError({ message: `forward: a batch needs a tensor as ${name}, got ${String(tensor)}`, name });
    }
  }
  if (ids.dtype !== "int32" || ids.rank !== 2 || ids.size === 0) {
    throw new ShapeError({
      message: `forward: ids must be int32 [batch, seq] and not empty, got ${ids.dtype} [${ids.shape}]`,
    });
  }
  const fits = (tensor: Tensor): boolean => tensor.rank === 2 && tensor.shape.every((size, i) => size === ids.shape[i]);
  if (mask.dtype !== "float32" || !fits(mask)) {
    throw new ShapeError({
      message: `forward: mask must be float32 [${ids.shape}] like ids, got ${mask.dtype} [${mask.shape}]`,
    });
  }
  if (types !== undefined && (types.dtype !== "int32" || !fits(types))) {
    throw new ShapeError({
      message: `forward: types must be int32 [${ids.shape}] like ids, got ${types.dtype} [${types.shape}]`,
    });
  }
  if (targetIds !== undefined && (targetIds.dtype !== "int32" || targetIds.shape[0] !== ids.shape[0])) {
    throw new ShapeError({
      message: `forward: targetIds must be int32 [${ids.shape[0]}, targetSeq], got ${targetIds.dtype} [${targetIds.shape}]`,
    });
  }
  if (rows !== undefined && (rows.dtype !== "int32" || rows.rank !== 1)) {
    throw new ShapeError({
      message: `forward: rows must be int32 [${ids.shape[0]}], a number for each row, got ${rows.dtype} [${rows.shape}]`,
    });
  }
  checkRead(batch, reader);
  checkPacked(batch, reader);
  checkValues(batch, reader);
}
