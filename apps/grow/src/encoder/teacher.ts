/** What saplings learn from besides text: a larger encoder's representations of pieces and of whole rows. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fingerprint } from "@cambium/core";
import { type BertConfig, type LanguageModel, loadModel, type TokenBatch } from "@cambium/models";
import { div, mean, norm, sqrt, square, sub, type Tensor2D, type Tensor3D, tidy } from "@tensorflow/tfjs-core";

/** A frozen encoder. */
export interface Teacher {
  readonly width: number;
  /** Of its weights. */
  readonly fingerprint: string;
  /** Word embeddings, `[vocabulary, width]`. */
  readonly embeddings: Tensor2D;
  /** What it makes of a batch under its own ids: each piece with mean 0 and variance 1, `[batch, seq, width]`, and rows of length 1, `[batch, width]`. */
  represent(batch: TokenBatch): { readonly pieces: Tensor3D; readonly rows: Tensor2D };
}

/** A name in every checkpoint of this family. */
const EMBEDDINGS = "embeddings.word_embeddings.weight";

/** Wraps an encoder whose sentence vectors are means of its pieces. */
export async function teacherOf(model: LanguageModel<BertConfig>): Promise<Teacher> {
  return {
    fingerprint: await fingerprint(model.parameters),
    width: model.config.hidden_size,
    embeddings: model.parameters.get(EMBEDDINGS) as Tensor2D,
    represent: (batch) =>
      tidy(() => {
        const { hidden } = model.forward(batch);
        const centred = sub(hidden, mean(hidden, -1, true));
        const pieces = div(centred, sqrt(mean(square(centred), -1, true))) as Tensor3D;
        const pooled = mean(hidden, 1);
        return { pieces, rows: div(pooled, norm(pooled, "euclidean", -1, true)) as Tensor2D };
      }),
  };
}

/** Reads all-MiniLM-L6-v2 or another BERT encoder from a folder, with its matrices in 8 bits. */
export async function loadTeacher(folder: string): Promise<Teacher> {
  return teacherOf(await loadModel<BertConfig>(folder, { frozen: "int8" }));
}

/** Its `tokenizer.json`. */
export const teacherTokenizer = async (folder: string): Promise<unknown> =>
  JSON.parse(await readFile(join(folder, "tokenizer.json"), "utf8"));
