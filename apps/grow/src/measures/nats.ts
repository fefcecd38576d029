/**
 * How well a sapling guesses whole words, in nats for each character, which is fair between vocabularies: the same words of the
 * same texts are hidden whatever their pieces are.
 */
import { createHash } from "node:crypto";
import type { LanguageModel, Tokenizer } from "@cambium/models";
import { dispose, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import { SPECIAL_PIECES } from "./special-pieces.ts";

/** Characters of a row's words, at most: there are never more pieces, so that rows are the same in every vocabulary. */
const ROW_CHARACTERS = 254;
/** Rows of a corpus that are looked at. */
const MOST_ROWS = 240;
const HIDDEN_SHARE = 0.15;
const BATCH = 8;
/** Lengths of batches are multiples of this, so that few graphs are compiled. */
const LENGTH_STEP = 64;

const idOf = (piece: string): number => SPECIAL_PIECES.indexOf(piece);

/** A row of pieces of which those of some words are to be guessed. */
interface HiddenRow {
  readonly ids: readonly number[];
  readonly labels: readonly { readonly at: number; readonly piece: number }[];
  readonly characters: number;
}

/** Whether a word of a row is hidden: its place and text decide, and nothing else. */
const isHidden = (row: number, place: number, word: string): boolean =>
  createHash("sha256").update(`${row} ${place} ${word}`).digest().readUInt32BE(0) / 2 ** 32 < HIDDEN_SHARE;

const lengthOf = (word: string): number => [...word].length;

/** The words of a text in rows. Words are what spaces part; one that fits no row is left out. */
function rowsOfWords(document: string): string[][] {
  const rows: string[][] = [[]];
  let characters = 0;
  for (const word of document.split(/\s+/)) {
    const length = lengthOf(word);
    if (length === 0 || length > ROW_CHARACTERS) continue;
    if (characters + length > ROW_CHARACTERS) {
      rows.push([]);
      characters = 0;
    }
    rows.at(-1)!.push(word);
    characters += length;
  }
  return rows;
}

/** Rows of whole words, of which some are hidden. */
export function hiddenRows(documents: readonly string[], { pieces }: Pick<Tokenizer, "pieces">): HiddenRow[] {
  const all = documents.flatMap(rowsOfWords).slice(0, MOST_ROWS);
  const rows = all.map((words, index) => {
    const ids: number[] = [];
    const labels: { at: number; piece: number }[] = [];
    let characters = 0;
    for (const [place, word] of words.entries()) {
      const own = pieces(word);
      if (isHidden(index, place, word)) {
        characters += lengthOf(word);
        labels.push(...own.map((piece, i) => ({ at: ids.length + i, piece })));
        ids.push(...own.map(() => idOf("[MASK]")));
      } else ids.push(...own);
    }
    return { ids, labels, characters };
  });
  return rows.filter(({ labels }) => labels.length > 0);
}

/** Mean nats of a hidden character over some documents; an unknown piece counts as it is guessed. */
export async function natsPerCharacter(
  model: LanguageModel,
  tokenizer: Pick<Tokenizer, "pieces">,
  documents: readonly string[],
): Promise<number> {
  const rows = hiddenRows(documents, tokenizer);
  let nats = 0;
  let characters = 0;
  for (let from = 0; from < rows.length; from += BATCH) {
    const some = rows.slice(from, from + BATCH);
    const longest = LENGTH_STEP * Math.ceil((Math.max(...some.map(({ ids }) => ids.length)) + 2) / LENGTH_STEP);
    const ids = new Int32Array(some.length * longest);
    const mask = new Float32Array(ids.length);
    const [positions, labels]: [number[], number[]] = [[], []];
    for (const [i, row] of some.entries()) {
      const at = i * longest;
      ids.set([idOf("[CLS]"), ...row.ids, idOf("[SEP]")], at);
      mask.fill(1, at, at + row.ids.length + 2);
      for (const label of row.labels) {
        positions.push(at + 1 + label.at);
        labels.push(label.piece);
      }
      characters += row.characters;
    }
    const batch = {
      ids: tensor2d(ids, [some.length, longest], "int32"),
      types: tensor2d(new Int32Array(ids.length), [some.length, longest], "int32"),
      mask: tensor2d(mask, [some.length, longest]),
      positions: tensor1d(positions, "int32"),
      labels: tensor1d(labels, "int32"),
    };
    const loss = model.loss!(batch);
    nats += (await loss.data())[0]! * labels.length;
    dispose([loss, ...Object.values(batch)]);
  }
  return nats / characters;
}
