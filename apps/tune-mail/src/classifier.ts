import { type Runtime, random, useBackend } from "@cambium/core";
import { collate, type LanguageModel, loadModel, loadTokenizer, type Row, type TokenBatch } from "@cambium/models";
import { sapling } from "@cambium/saplings";
import type { Mail } from "@cambium/tasks/real";
import { dispose, type Tensor2D } from "@tensorflow/tfjs-core";
import type { Settings } from "./settings.ts";

/** A model that can be tuned to tell spam from ham, and what turns messages into its batches. */
export interface Classifier {
  readonly runtime: Runtime;
  readonly base: LanguageModel;
  toBatch(rows: readonly Row[]): TokenBatch;
}

/** Letters of a message that are looked at, per word piece that is read: more than enough, and long mails stay cheap. */
const LETTERS_PER_PIECE = 12;

/**
 * Loads the model of the settings with a fresh head for two classes. The head is the same for every method.
 *
 * @param frozen - How the body's matrices are held.
 */
export async function loadClassifier(
  { model, backend, seed, maxLength }: Settings,
  frozen: "float32" | "int8" = "float32",
): Promise<Classifier> {
  const runtime = await useBackend(backend);
  const source = model ?? sapling("bert-4x256");
  const base = await loadModel(source, {
    head: { kind: "sequence-classification", labels: ["ham", "spam"] },
    random: random(seed).at("head"),
    frozen,
  });
  const toBatch = collate(base, await loadTokenizer(source), { maxLength });
  const cut = <R extends Row>(row: R): R => ({ ...row, text: row.text.slice(0, maxLength * LETTERS_PER_PIECE) });
  return { runtime, base, toBatch: (rows) => toBatch(rows.map(cut)) };
}

/** Rows of messages in one forward pass when nothing is trained. */
const PREDICTION_ROWS = 32;

/** Log-odds of spam, in nats, one a message, in their order. */
export async function scoreMails(
  model: Pick<LanguageModel, "forward">,
  mails: readonly Mail[],
  toBatch: Classifier["toBatch"],
  onProgress: (done: number) => void = () => {},
): Promise<number[]> {
  const order = mails.map(({ text }, index) => ({ text, index })).sort((a, b) => a.text.length - b.text.length);
  const scores = new Array<number>(mails.length);
  for (let from = 0; from < order.length; from += PREDICTION_ROWS) {
    const rows = order.slice(from, from + PREDICTION_ROWS);
    const batch = toBatch(rows.map(({ text }) => ({ text })));
    const output = model.forward(batch);
    const logits = await (output.logits as Tensor2D).data(); // [rows, 2]
    dispose([batch as never, output as never]);
    rows.forEach(({ index }, i) => {
      scores[index] = logits[2 * i + 1]! - logits[2 * i]!;
    });
    onProgress(from + rows.length);
  }
  return scores;
}
