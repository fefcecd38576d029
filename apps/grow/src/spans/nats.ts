/** How well an encoder-decoder guesses whole hidden words, in nats for each of their characters: the words that encoders guess. */
import type { Parameters } from "@cambium/core";
import { IGNORED, type LanguageModel, type Tokenizer } from "@cambium/models";
import { dispose, tensor2d } from "@tensorflow/tfjs-core";
import { BATCH, isHidden, lengthOf, MOST_ROWS, paddedLength, rowsOfWords } from "../measures/words.ts";
import { MOST_SPANS, PAD_ID } from "../text/byte-vocabulary.ts";
import { type Corrupted, hideRuns } from "./corrupt.ts";

/** A row of which words are hidden, neighbours as one span. */
export interface HiddenWords extends Corrupted {
  /** Of the hidden words. */
  readonly characters: number;
}

/** Rows of which some words are hidden; those that hide none are left out. */
export function hiddenWords(
  documents: readonly string[],
  { pieces }: Pick<Tokenizer, "pieces">,
  mostRows: number = MOST_ROWS,
): HiddenWords[] {
  return rowsOfWords(documents, mostRows).flatMap((words, row) => {
    const runs: { visible: string; hidden: string }[] = [{ visible: "", hidden: "" }];
    let characters = 0;
    for (const [place, word] of words.entries()) {
      const text = place === 0 ? word : ` ${word}`;
      const last = runs.at(-1)!;
      if (isHidden(row, place, word) && runs.length < MOST_SPANS) {
        last.hidden += text;
        characters += lengthOf(word);
      } else if (last.hidden === "") last.visible += text;
      else runs.push({ visible: text, hidden: "" });
    }
    if (characters === 0) return [];
    const rest = runs.at(-1)!.hidden === "" ? runs.pop()!.visible : "";
    const encoded = runs.map(({ visible, hidden }) => ({ visible: pieces(visible), hidden: pieces(hidden) }));
    return [{ ...hideRuns(encoded, pieces(rest)), characters }];
  });
}

function filled(rows: readonly (readonly number[])[], rest: number) {
  const length = paddedLength(rows.map((row) => row.length));
  const ids = rows.flatMap((row) => [...row, ...Array<number>(length - row.length).fill(rest)]);
  return tensor2d(ids, [rows.length, length], "int32");
}

/** Mean nats of a hidden character; the tokens between spans count, for they say where words end. */
export async function spanNatsPerCharacter(
  model: LanguageModel,
  tokenizer: Pick<Tokenizer, "pieces">,
  documents: readonly string[],
  { parameters, mostRows }: { readonly parameters?: Parameters; readonly mostRows?: number } = {},
): Promise<number> {
  const rows = hiddenWords(documents, tokenizer, mostRows);
  let nats = 0;
  for (let from = 0; from < rows.length; from += BATCH) {
    const some = rows.slice(from, from + BATCH);
    const ids = filled(
      some.map(({ source }) => source),
      PAD_ID,
    );
    const length = ids.shape[1];
    const mask = tensor2d(
      some.flatMap(({ source }) => Array.from({ length }, (_, i) => (i < source.length ? 1 : 0))),
      ids.shape,
    );
    const labels = filled(
      some.map(({ target }) => target),
      IGNORED,
    );
    const loss = model.loss!({ ids, mask, labels }, parameters === undefined ? {} : { parameters });
    nats += (await loss.data())[0]! * some.reduce((sum, { target }) => sum + target.length, 0);
    dispose([loss, ids, mask, labels]);
  }
  return nats / rows.reduce((sum, { characters }) => sum + characters, 0);
}
