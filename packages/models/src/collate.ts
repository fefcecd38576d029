import { ConfigError, checkOptions, type Json } from "@cambium/base";
import type { TokenBatch } from "./architecture.ts";
import { collatePairs } from "./embedding/pairs.ts";
import type { HeadConfig } from "./head-config.ts";
import { encodeRow, type Row } from "./row.ts";
import { assembler, type CollateModel } from "./rows/assembler.ts";
import { type ChatRow, type ChatSettings, checkChatSettings, encodeChat, isChatRow } from "./rows/chat-rows.ts";
import { beginCheck } from "./rows/check-begin.ts";
import type { EncodedRow } from "./rows/encoding.ts";
import { lengthOf as longestOf } from "./rows/fill.ts";
import { oncePerRow } from "./rows/once-per-row.ts";
import { checkPack } from "./rows/pack.ts";
import { checkTruncation, type Tokenizer } from "./tokenizer.ts";
import type { Truncation } from "./truncation.ts";

/** Settings of `collate`. */
export interface CollateOptions {
  /** Most tokens of a row, special ones included; longer texts are cut. */
  readonly maxLength: number;
  /** Lengths that batches are padded to, so that few shapes occur. @default multiples of 4 to 32, of 8 to 64, of 16 to 128 and so on */
  readonly padTo?: readonly number[];
  /** Which end a long text loses. @default what the tokenizer was made with */
  readonly truncation?: Truncation;
  /** Id that fills rows up; the mask hides it. @default the tokenizer's pad token, or its eos token where it has no pad token */
  readonly padId?: number;
  /**
   * How conversations are written: the template, more that it reads, and the date for templates that write one.
   *
   * @default the tokenizer's template
   */
  readonly chat?: ChatSettings;
  /**
   * Where rows are filled up. "start" is for models whose positions count real tokens only, and heads that do not read the first
   * one. The target of a sequence-to-sequence model is filled up at its end all the same. @default "end"
   */
  readonly padding?: "start" | "end";
  /**
   * Tokens that windows over a long text share, from 0: a text that does not fit becomes several rows of the batch, each with the
   * label, or with the labels of the tokens that it has. Of a pair the second text is cut into windows. An answer that a window does not
   * hold whole is none there, and words that two windows share are learnt once. Rows with a target that follows their text are cut
   * as without it. @default long texts are cut
   */
  readonly stride?: number;
  /**
   * Whether short rows share one, side by side, up to `maxLength` tokens: for language models, whose rows then see nothing of each
   * other, and learn what they would learn alone, with little padding. @default false
   */
  readonly pack?: boolean;
}

/** What became of the rows so far; a row that comes twice counts twice. */
export interface CollateReport {
  readonly rows: number;
  /** Rows that these became: more of them with `stride`, where some are windows. */
  readonly windows: number;
  /** Rows of which something did not fit into `maxLength`. */
  readonly cutRows: number;
  /** Tokens that these lost. */
  readonly cutTokens: number;
}

/** Makes batches of rows, and says how, so that a checkpoint knows them from others. */
export interface Collate {
  (rows: readonly (Row | ChatRow)[]): TokenBatch;
  /** All that decides what a row becomes, as JSON. */
  describe(): Json;
  /**
   * How many tokens a row needs room for in a batch: its own, or those of the longest of its windows or texts. They are counted once
   * for each row. `batches` puts rows of similar length together by it (`buckets`), which leaves less to fill up than letters do.
   *
   * @throws {ConfigError} When the row is none.
   */
  lengthOf(row: Row | ChatRow): number;
  /** How many rows there were since this function was made, and how many of them were cut. */
  report(): CollateReport;
}

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
 * const data = batches(mails, toBatch, { size: 16, random: random(2), buckets: toBatch.lengthOf });
 * const { rows, cutRows } = toBatch.report(); // after the run
 */
export function collate(model: CollateModel, tokenizer: Tokenizer, options: CollateOptions): Collate {
  checkOptions("collate", options, collateKeys);
  const { maxLength, padTo, truncation = tokenizer.truncation, padding = "end", stride, chat, pack = false } = options;
  const { architecture, config, head } = model;
  checkStride(head, stride);
  checkChatSettings(chat);
  if (head?.kind === "embedding") {
    checkPack(model, pack);
    const texts = collate({ architecture, config }, tokenizer, options);
    const idsOf = (text: string): number[] => tokenizer.encode(text, undefined, { maxLength, truncation }).ids;
    return collatePairs({ head, texts, idsOf });
  }
  checkTruncation("collate", truncation);
  const { padId, assemble, check } = assembler(model, tokenizer, {
    maxLength,
    padTo,
    padding,
    pack,
    padId: options.padId,
  });
  const checkBegin = beginCheck(tokenizer);
  const count = { rows: 0, windows: 0, cutRows: 0, cutTokens: 0 };

  function windowsOf(row: Row | ChatRow, index: number, onCut: (tokens: number) => void): readonly EncodedRow[] {
    const encoding = { head, tokenizer, maxLength, truncation, stride, onCut };
    return isChatRow(row) ? [encodeChat(row, index, encoding, chat)] : encodeRow(row, index, encoding);
  }

  function encode(row: Row | ChatRow, index: number): readonly EncodedRow[] {
    let lost = 0;
    const encoded = windowsOf(row, index, (tokens) => {
      lost += tokens;
    });
    for (const window of encoded) check(window, index);
    if (!isChatRow(row)) checkBegin({ windows: encoded, truncation, lost }, index);
    count.rows++;
    count.windows += encoded.length;
    count.cutTokens += lost;
    if (lost > 0) count.cutRows++;
    return encoded;
  }

  function toBatch(rows: readonly (Row | ChatRow)[]): TokenBatch {
    if (rows.length === 0) throw new ConfigError({ message: "collate: a batch needs at least one row, got none" });
    const encoded = rows.map(encode);
    checkLabelled(head, encoded);
    return assemble(encoded.flat());
  }

  const lengthOf = oncePerRow((row: Row | ChatRow) =>
    longestOf(
      windowsOf(row, 0, () => {}),
      ({ ids }) => ids,
    ),
  );

  const describe = (): Json => ({
    maxLength,
    truncation,
    padId,
    padding,
    stride: stride ?? null,
    ...(pack && { pack }),
    chat: chat === undefined ? null : (JSON.parse(JSON.stringify(chat)) as Json),
    padTo: padTo === undefined ? "eighths" : [...padTo],
    head: head === undefined ? null : { ...head },
    tokenizer: tokenizer.fingerprint,
  });
  return Object.assign(toBatch, { describe, lengthOf, report: () => ({ ...count }) });
}

const collateKeys = ["maxLength", "padTo", "truncation", "padId", "padding", "stride", "chat", "pack"] as const;

/** Throws for windows that the head cannot learn from. */
function checkStride(head: HeadConfig | undefined, stride: number | undefined): void {
  if (stride === undefined) return;
  const problem =
    head?.kind === "embedding" || head?.kind === "sequence-to-sequence"
      ? `is not for a head of kind "${head.kind}": its texts belong together whole`
      : Number.isInteger(stride) && stride >= 0
        ? undefined
        : `must be a whole number from 0, got ${stride}`;
  if (problem !== undefined) throw new ConfigError({ message: `collate: stride ${problem}`, stride });
}

/** Throws where some rows have a label and others have none; says of which. */
function checkLabelled(head: HeadConfig | undefined, rows: readonly (readonly EncodedRow[])[]): void {
  const hasLabel = rows.map(([first]) => first!.labels !== undefined);
  const index = hasLabel.indexOf(false);
  if (head === undefined || index === -1 || !hasLabel.includes(true)) return;
  throw new ConfigError({ message: `collate: row ${index} has no label, other rows of the batch have one`, index });
}
