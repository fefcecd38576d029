/** A head that names the emotion of a text: a linear discriminant on the frozen model's states, which needs no training. */
import type { Random } from "@cambium/core";
import { type AblationTask, type GoEmotions, shrunkPrecision } from "@cambium/emotion-probing";
import { collate, type LanguageOutput, lastRow, meanRow, type TokenBatch } from "@cambium/models";
import {
  add,
  argMax,
  cast,
  dispose,
  equal,
  matMul,
  type Tensor,
  type Tensor2D,
  tensor1d,
  tensor2d,
  tidy,
} from "@tensorflow/tfjs-core";
import { draw, ofEmotion } from "./emotions.ts";
import { isDecoder, type Opened } from "./models.ts";
import { type Extent, MAX_LENGTH, PAD_TO } from "./plan.ts";

/** A head, and the tasks that ask it, one for each emotion; `dispose` frees their batches. */
export interface AskedHead {
  readonly tasks: readonly AblationTask[];
  dispose(): void;
}

const BATCH = 32;

/**
 * Fits the head on texts of the training part, and asks it about others of the test part: which of all the emotions is it?
 *
 * @see Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4, for the covariance that is shrunk.
 */
export async function askedHead(
  name: string,
  { model, tokenizer }: Opened,
  data: GoEmotions,
  { emotions, headTexts, askedTexts }: Extent,
  random: Random,
): Promise<AskedHead> {
  const toBatch = collate(model, tokenizer, { maxLength: MAX_LENGTH, padTo: PAD_TO });
  const pool = (output: LanguageOutput): Tensor2D => (isDecoder(name) ? lastRow(output) : meanRow(output));
  async function statesOf(texts: readonly string[]): Promise<Float32Array[]> {
    const rows: Float32Array[] = [];
    for (let from = 0; from < texts.length; from += BATCH) {
      const part = texts.slice(from, from + BATCH);
      const states = tidy(() => pool(model.forward(toBatch(part.map((text) => ({ text }))))));
      const values = (await states.data()) as Float32Array;
      const width = states.shape[1];
      states.dispose();
      part.forEach((_, i) => {
        rows.push(values.slice(i * width, (i + 1) * width));
      });
    }
    return rows;
  }

  const means: Float64Array[] = [];
  const residuals: Float64Array[] = [];
  for (const emotion of emotions) {
    const states = await statesOf(draw(ofEmotion(data.train, emotion), headTexts, random.at("fit").at(emotion)));
    const mean = Float64Array.from(states[0]!, (_, i) => states.reduce((sum, row) => sum + row[i]!, 0) / states.length);
    means.push(mean);
    residuals.push(...states.map((row) => mean.map((value, i) => row[i]! - value)));
  }
  const { values: precision } = shrunkPrecision(residuals, { target: "identity" });
  const width = means[0]!.length;
  // Of the score of a class: `x P μ − μ P μ / 2`, for classes that are equally likely.
  const weights = means.map((mean) =>
    Float64Array.from({ length: width }, (_, i) =>
      mean.reduce((sum, value, j) => sum + precision[i * width + j]! * value, 0),
    ),
  );
  const bias = means.map((mean, c) => -mean.reduce((sum, value, i) => sum + value * weights[c]![i]!, 0) / 2);
  const [matrix, offset] = [tensor2d(weights.map((row) => [...row])), tensor1d(bias)];

  const tasks = emotions.map((emotion, label): AblationTask => {
    const texts = draw(ofEmotion(data.test, emotion), askedTexts, random.at("asked").at(emotion));
    const batch = toBatch(texts.map((text) => ({ text })));
    return {
      name: emotion,
      batches: [{ ...batch, labels: tensor1d(new Int32Array(texts.length).fill(label), "int32") } as TokenBatch],
      score: (output, { labels }) => {
        const scores = add(matMul(pool(output), matrix, false, true), offset); // [batch, emotions]
        return cast(equal(argMax(scores, 1), cast(labels!, "int32")), "float32");
      },
    };
  });
  return {
    tasks,
    dispose() {
      for (const { batches } of tasks) for (const batch of batches) dispose(Object.values(batch) as Tensor[]);
      dispose([matrix, offset]);
    },
  };
}
