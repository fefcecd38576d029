/** Encoded rows as batches of a model: what both must agree on, checked once. */
import { ConfigError } from "@cambium/base";
import type { TokenBatch } from "../architecture.ts";
import { checkIds, segmentCount } from "../check-batch.ts";
import { poolOf } from "../head-config.ts";
import type { RunnableModel } from "../runnable.ts";
import { needToken } from "../special-tokens.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { EncodedRow } from "./encoding.ts";
import { fill, lengthOf, targets } from "./fill.ts";
import { checkPack, NO_ROW, type PackedRow, packRows } from "./pack.ts";

/** What of a model decides how its batches look. */
export type CollateModel = Pick<RunnableModel, "config" | "head" | "architecture">;

/** How rows are filled up. */
export interface AssemblerOptions {
  readonly maxLength: number;
  readonly padTo?: readonly number[] | undefined;
  readonly padding?: "start" | "end";
  readonly padId?: number | undefined;
  /** Whether several rows become one, side by side. @default false */
  readonly pack?: boolean;
}

/** Makes batches. */
export interface Assembler {
  /** The id that fills rows up. */
  readonly padId: number;
  /** Rows as one batch, with what the loss compares with where they have labels. */
  assemble(rows: readonly EncodedRow[]): TokenBatch;
  /** Throws for a row that the model cannot read. */
  check(row: EncodedRow, index: number): void;
}

/**
 * A maker of batches for a model.
 *
 * @throws {ConfigError} The tokenizer is not the model's, or an option is out of range.
 */
export function assembler(model: CollateModel, tokenizer: Tokenizer, options: AssemblerOptions): Assembler {
  const { maxLength, padTo, padding = "end", pack = false } = options;
  const { architecture, config, head } = model;
  checkPadding(model, padding);
  checkPack(model, pack);
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
  const padded = (longest: number): number => paddedLength(longest, maxLength, padTo);
  return {
    padId,
    check: (row, index) => checkRow(row, index, config),
    assemble(encoded) {
      const packed = pack ? packRows(encoded, maxLength) : undefined;
      const rows = packed ?? encoded;
      const seq = padded(lengthOf(rows, (row) => row.ids));
      const filled = fill(rows, seq, padding);
      return {
        ids: filled((row) => row.ids, padId, "int32"),
        mask: filled((row) => row.ids.map(() => 1), 0, "float32"),
        ...(architecture.batch === "tokens+types" && { types: filled((row) => row.types, 0, "int32") }),
        ...(packed !== undefined && { sequences: filled((row) => (row as PackedRow).sequences, NO_ROW, "int32") }),
        ...targets(head, rows, { seq, padding, padded }),
      };
    },
  };
}

/** Throws for padding at the start where the model would read it. */
function checkPadding({ architecture, config, head }: CollateModel, padding: unknown): void {
  if (padding !== "start" && padding !== "end") {
    throw new ConfigError({
      message: `collate: padding must be "start" or "end", got ${JSON.stringify(padding)}`,
      padding,
    });
  }
  if (padding === "end") return;
  const reads = head === undefined || head.kind === "embedding" ? undefined : architecture.heads[head.kind]?.pools?.[0];
  const problem =
    architecture.countsPadding === true
      ? `a ${config.model_type} counts its positions from the first column on`
      : reads === "first" && poolOf(head!) === undefined
        ? `the ${head!.kind} head reads the first column`
        : undefined;
  if (problem === undefined) return;
  throw new ConfigError({ message: `collate: ${problem}, padding or not: pad at the "end"`, padding });
}

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

function paddedLength(longest: number, maxLength: number, padTo: readonly number[] | undefined): number {
  const rounded =
    padTo === undefined ? usualPadding(longest) : Math.min(...padTo.filter((length) => length >= longest));
  return Math.min(rounded, maxLength);
}

/**
 * A length rounded up so that few occur, and an eighth of it or four tokens are the most that is filled up: 4, 8, …, 32, then in steps
 * of 8 to 64, of 16 to 128, of 32 to 256.
 */
function usualPadding(longest: number): number {
  const step = Math.max(4, 2 ** Math.ceil(Math.log2(longest)) / 8);
  return Math.ceil(longest / step) * step;
}
