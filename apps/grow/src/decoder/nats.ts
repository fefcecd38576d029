/** How well a decoder guesses what comes next, in nats for each character: fair between vocabularies. */
import type { Parameters } from "@cambium/core";
import { IGNORED, type LanguageModel, type Tokenizer } from "@cambium/models";
import { dispose, tensor2d } from "@tensorflow/tfjs-core";
import { BATCH, lengthOf, MOST_ROWS, paddedLength, rowsOfWords } from "../measures/words.ts";
import { END_ID, PAD_ID } from "../text/byte-vocabulary.ts";

/** What is measured, and in how many rows. */
export interface NextNatsOptions {
  /** @default the model's own */
  readonly parameters?: Parameters;
  readonly mostRows?: number;
}

/** Mean nats of a character over rows of whole words with single spaces, each read from the beginning of a text on. */
export async function nextNatsPerCharacter(
  model: LanguageModel,
  { pieces }: Pick<Tokenizer, "pieces">,
  documents: readonly string[],
  { parameters, mostRows = MOST_ROWS }: NextNatsOptions = {},
): Promise<number> {
  const rows = rowsOfWords(documents, mostRows).flatMap((words) => {
    const text = words.join(" ");
    return text === "" ? [] : [{ own: pieces(text), characters: lengthOf(text) }];
  });
  let nats = 0;
  for (let from = 0; from < rows.length; from += BATCH) {
    const some = rows.slice(from, from + BATCH);
    const longest = paddedLength(some.map(({ own }) => own.length + 1));
    const filled = (first: number, rest: number) =>
      some.flatMap(({ own }) => [first, ...own, ...Array<number>(longest - 1 - own.length).fill(rest)]);
    const shape: [number, number] = [some.length, longest];
    const batch = {
      ids: tensor2d(filled(END_ID, PAD_ID), shape, "int32"),
      mask: tensor2d(
        some.flatMap(({ own }) => Array.from({ length: longest }, (_, i) => (i <= own.length ? 1 : 0))),
        shape,
      ),
      labels: tensor2d(filled(IGNORED, IGNORED), shape, "int32"),
    };
    const loss = model.loss!(batch, parameters === undefined ? {} : { parameters });
    nats += (await loss.data())[0]! * some.reduce((sum, { own }) => sum + own.length, 0);
    dispose([loss, ...Object.values(batch)]);
  }
  return nats / rows.reduce((sum, { characters }) => sum + characters, 0);
}
