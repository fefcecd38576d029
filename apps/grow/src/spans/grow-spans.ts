import { folder } from "@cambium/base";
import { disposeParameters, type Random, random } from "@cambium/core";
import { createModel, loadModel, saveModel, type TokenBatch } from "@cambium/models";
import { ones, type Tensor2D, tensor2d } from "@tensorflow/tfjs-core";
import { ownLoss } from "../decoder/grow-decoder.ts";
import type { RowShape } from "../encoder/framing.ts";
import type { Growing } from "../growth/growing.ts";
import { sourceOf, type TextRecipe } from "../growth/recipes.ts";
import { natsByCorpus } from "../measures/nats-by-corpus.ts";
import { PAD_ID, spanFiles, tokenizerOf } from "../text/byte-vocabulary.ts";
import { growingData } from "../text/data.ts";
import type { Text } from "../text/text.ts";
import { corruptSpans } from "./corrupt.ts";
import { spanNatsPerCharacter } from "./nats.ts";

const HEAD = { kind: "sequence-to-sequence" } as const;
const SHAPE = { batch: 16, seq: 256 };

/** Rows of a corpus that are looked at on the way. */
const FEW_ROWS = 24;

/** Texts of equal length as sources with hidden runs, and these runs as targets. */
function toSpanBatch(texts: readonly Uint16Array[], random: Random): TokenBatch {
  const rows = texts.map((text, i) => corruptSpans(text, random.at(i)));
  const matrix = (all: readonly (readonly number[])[]): Tensor2D =>
    tensor2d(all.flat(), [all.length, all[0]!.length], "int32");
  const ids = matrix(rows.map(({ source }) => source));
  return { ids, mask: ones(ids.shape) as Tensor2D, labels: matrix(rows.map(({ target }) => target)) };
}

/**
 * An encoder-decoder that learns to write what is hidden.
 *
 * @param from - Folder of the version to continue.
 */
export async function growSpans(
  recipe: TextRecipe,
  text: Text,
  from: string | undefined,
  shape: RowShape = SHAPE,
): Promise<Growing<TokenBatch>> {
  const key = random(recipe.seed).at("weights");
  const config = { ...recipe.config, pad_token_id: PAD_ID, decoder_start_token_id: PAD_ID };
  const model =
    from === undefined ? createModel(config, key, { head: HEAD }) : await loadModel(folder(from), { head: HEAD });
  const tokenizer = await tokenizerOf(spanFiles(text.files));
  const source = await sourceOf(recipe, text);
  return {
    objective: ownLoss(model, "hidden spans"),
    piecesPerStep: shape.batch * shape.seq,
    data: (_, __, own) =>
      growingData(source, {
        phases: [{ shapes: [shape] }],
        random: own,
        about: null,
        toBatch: ({ texts }, ___, lots) => toSpanBatch(texts, lots),
      }),
    evaluate: (parameters) =>
      natsByCorpus(spanNatsPerCharacter, model, tokenizer, text, { parameters, mostRows: FEW_ROWS }),
    save: (parameters, files) => saveModel({ ...model, parameters }, files, { dtype: "F16", tokenizer }),
    async describe(files) {
      const stored = await loadModel(files, { head: HEAD });
      const natsPerCharacter = await natsByCorpus(spanNatsPerCharacter, stored, tokenizer, text);
      disposeParameters(stored.parameters);
      return { natsPerCharacter };
    },
  };
}
