/** Rows of texts that belong together, as batches for an embedding head. */
import { ConfigError } from "@cambium/base";
import { type Tensor, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import type { Collate } from "../collate.ts";
import { IGNORED } from "../heads/losses.ts";
import type { Row } from "../row.ts";
import type { ChatRow } from "../rows/chat-rows.ts";
import { checkRowKeys } from "../rows/check-keys.ts";
import { oncePerRow } from "../rows/once-per-row.ts";
import type { EmbeddingHead } from "./head-config.ts";

/** Makes batches of pairs with what makes batches of texts. */
export interface PairsOptions {
  readonly head: EmbeddingHead;
  /** Of single texts. */
  readonly texts: Collate;
  /** What the model reads of a text: texts of equal ids are the same to it. */
  idsOf(text: string): readonly number[];
}

function checkRow(row: Row, index: number, loss: EmbeddingHead["loss"]): void {
  const fail = (problem: string): ConfigError =>
    new ConfigError({ message: `collate: row ${index} ${problem}`, index });
  const { text, pair, label, negatives } = row ?? {};
  if (typeof text !== "string" || typeof pair !== "string") {
    throw fail(`needs a text and its pair for an embedding head, got ${typeof text} and ${typeof pair}`);
  }
  if (loss === "in-batch") {
    if (label !== undefined)
      throw fail('has a label, which the loss "in-batch" does not read; "cosine" and "cosent" do');
    if (negatives === undefined) return;
    if (Array.isArray(negatives) && negatives.every((each) => typeof each === "string")) return;
    throw fail("needs a list of texts as negatives");
  }
  if (negatives !== undefined) throw fail(`has negatives, which the loss "${loss}" does not read; "in-batch" does`);
  const most = loss === "cosine" ? 1 : Number.MAX_VALUE;
  if (typeof label !== "number" || !(Math.abs(Math.fround(label)) <= most)) {
    throw fail(
      `needs a number${loss === "cosine" ? " from -1 to 1" : ""} as label for the loss "${loss}", got ${JSON.stringify(label)}`,
    );
  }
}

/**
 * Which candidates of the batch are wrong for a text: 0, or −100 for those that are not counted. All pairs of the batch are
 * candidates, then all first negatives, and so on. A text's own pair is 1. What reads like the text itself, or like a pair of
 * the same text in any row, is no wrong answer and not counted.
 *
 * @param columns - A key of each text, equal for equal texts: of the texts, of their pairs, of their negatives.
 */
function answers(columns: readonly (readonly string[])[]): Int32Array {
  const [texts, pairs] = columns as [readonly string[], readonly string[]];
  const right = new Map<string, Set<string>>();
  texts.forEach((text, i) => {
    const known = right.get(text) ?? new Set([text]);
    right.set(text, known.add(pairs[i]!));
  });
  const candidates = columns.slice(1).flat();
  return Int32Array.from(
    texts.flatMap((text, i) =>
      candidates.map((candidate, j) => (j === i ? 1 : right.get(text)!.has(candidate) ? IGNORED : 0)),
    ),
  );
}

/**
 * A function from rows of pairs to a batch: the texts of all rows, then all their pairs, then their first negatives, and so on.
 *
 * Where rows have fewer negatives than others, their own pair stands in, which is not counted.
 */
export function collatePairs({ head, texts, idsOf }: PairsOptions): Collate {
  const { loss = "in-batch" } = head;
  function toBatch(given: readonly (Row | ChatRow)[]): ReturnType<Collate> {
    const rows = given as readonly Row[]; // `checkRow` refuses what has no text
    for (const [index, row] of rows.entries()) {
      checkRow(row, index, loss);
      checkRowKeys(row, index, head);
    }
    const most = rows.reduce((count, { negatives = [] }) => Math.max(count, negatives.length), 0);
    const columns = [
      rows.map(({ text }) => text),
      rows.map(({ pair }) => pair!),
      ...Array.from({ length: most }, (_, i) => rows.map(({ pair, negatives = [] }) => negatives[i] ?? pair!)),
    ];
    if (loss === "in-batch") checkNegatives(rows);
    const batch = texts(columns.flat().map((text) => ({ text })));
    return { ...batch, labels: loss === "in-batch" ? labelsOf(columns) : scoresOf(rows) };
  }

  const keyOf = (text: string): string => idsOf(text).join();

  function checkNegatives(rows: readonly Row[]): void {
    for (const [index, { pair, negatives = [] }] of rows.entries()) {
      const own = negatives.length === 0 ? undefined : keyOf(pair!);
      const wrong = negatives.findIndex((negative) => keyOf(negative) === own);
      if (wrong === -1) continue;
      throw new ConfigError({
        message: `collate: row ${index} has its own pair as negative ${wrong}: ${JSON.stringify(negatives[wrong])}`,
        index,
      });
    }
  }

  function labelsOf(columns: readonly (readonly string[])[]): Tensor {
    const rows = columns[0]!.length;
    const keys = columns.map((column) => column.map(keyOf));
    return tensor2d(answers(keys), [rows, rows * (columns.length - 1)], "int32");
  }

  const scoresOf = (rows: readonly Row[]): Tensor => tensor1d(Float32Array.from(rows, ({ label }) => label as number));
  return Object.assign(toBatch, {
    describe: () => ({ ...(texts.describe() as object), head: { ...head } }) as ReturnType<Collate["describe"]>,
    lengthOf: oncePerRow((row: Row | ChatRow) => {
      checkRow(row as Row, 0, loss);
      const { text, pair, negatives = [] } = row as Row;
      return Math.max(...[text, pair!, ...negatives].map((each) => idsOf(each).length));
    }),
    report: () => texts.report(),
  });
}
