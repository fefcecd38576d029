/** How well an encoder guesses whole words, in nats for each character. */
import type { LanguageModel, Tokenizer } from "@cambium/models";
import { dispose, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import { SPECIAL_PIECES } from "../encoder/special-pieces.ts";
import { BATCH, isHidden, lengthOf, paddedLength, rowsOfWords } from "./words.ts";

const idOf = (piece: string): number => SPECIAL_PIECES.indexOf(piece);

/** A row of pieces of which those of some words are to be guessed. */
interface HiddenRow {
  readonly ids: readonly number[];
  readonly labels: readonly { readonly at: number; readonly piece: number }[];
  readonly characters: number;
}

/** Rows of whole words, of which some are hidden. */
export function hiddenRows(documents: readonly string[], { pieces }: Pick<Tokenizer, "pieces">): HiddenRow[] {
  const rows = rowsOfWords(documents).map((words, index) => {
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
    const longest = paddedLength(some.map(({ ids }) => ids.length + 2));
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
