import { folder } from "@cambium/base";
import { disposeParameters, type Objective, random } from "@cambium/core";
import { createModel, type LanguageModel, loadModel, saveModel, type TokenBatch } from "@cambium/models";
import { ones, type Tensor2D, tensor2d } from "@tensorflow/tfjs-core";
import type { RowShape } from "../encoder/framing.ts";
import type { Growing } from "../growth/growing.ts";
import { sourceOf, type TextRecipe } from "../growth/recipes.ts";
import { natsByCorpus } from "../measures/nats-by-corpus.ts";
import { tokenizerOf } from "../text/byte-vocabulary.ts";
import { growingData } from "../text/data.ts";
import type { Text } from "../text/text.ts";
import { nextNatsPerCharacter } from "./nats.ts";

const HEAD = { kind: "causal-lm" } as const;

/** Shapes of batches, of as many pieces each. */
export interface DecoderShapes {
  readonly short: RowShape;
  /** In turn with short ones while the rate falls. */
  readonly long: RowShape;
}

const SHAPES: DecoderShapes = { short: { batch: 16, seq: 256 }, long: { batch: 8, seq: 512 } };

/** Rows of a corpus that are looked at on the way. */
const FEW_ROWS = 24;

/** Rows of text, each piece of which is to be guessed from those before it. */
export function toNextBatch(texts: readonly Uint16Array[], seq: number): TokenBatch {
  const ids = Int32Array.from(texts.flatMap((text) => [...text]));
  const shape: [number, number] = [texts.length, seq];
  return {
    ids: tensor2d(ids, shape, "int32"),
    mask: ones(shape) as Tensor2D,
    labels: tensor2d(ids, shape, "int32"),
  };
}

/** The model's own loss. */
export function ownLoss(model: LanguageModel, kind: string): Objective<TokenBatch> {
  return {
    parameters: model.parameters,
    describe: () => ({ kind, config: JSON.parse(JSON.stringify(model.config)) }),
    loss: (parameters, batch, context) => model.loss!(batch, { parameters, ...context }),
  };
}

/**
 * A decoder that learns to guess the next piece.
 *
 * @param from - Folder of the version to continue.
 */
export async function growDecoder(
  recipe: TextRecipe,
  text: Text,
  from: string | undefined,
  { short, long }: DecoderShapes = SHAPES,
): Promise<Growing<TokenBatch>> {
  const key = random(recipe.seed).at("weights");
  const model =
    from === undefined
      ? createModel(recipe.config, key, { head: HEAD })
      : await loadModel(folder(from), { head: HEAD });
  const tokenizer = await tokenizerOf(text.files);
  const source = await sourceOf(recipe, text);
  return {
    objective: ownLoss(model, "next piece"),
    piecesPerStep: short.batch * short.seq,
    data: (stage, _, own) =>
      growingData(source, {
        phases: [{ shapes: stage === "level" ? [short] : [short, long] }],
        random: own,
        about: null,
        toBatch: ({ texts }, { seq }) => toNextBatch(texts, seq),
      }),
    evaluate: (parameters) =>
      natsByCorpus(nextNatsPerCharacter, model, tokenizer, text, { parameters, mostRows: FEW_ROWS }),
    save: (parameters, files) => saveModel({ ...model, parameters }, files, { dtype: "F16", tokenizer }),
    async describe(files) {
      const stored = await loadModel(files, { head: HEAD });
      const natsPerCharacter = await natsByCorpus(nextNatsPerCharacter, stored, tokenizer, text);
      disposeParameters(stored.parameters);
      return { natsPerCharacter };
    },
  };
}
