/** What the adapter's path needs of this repository: a task of short answers, training, replies, logits. */
import { result } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { attach, loadAdapter, lora, saveAdapter, type Tuned } from "@cambium/delta";
import {
  type ChatRow,
  collate,
  generateBatch,
  type LanguageModel,
  type LoadModelOptions,
  loadModel,
  type RunnableModel,
  type Tokenizer,
} from "@cambium/models";
import { adamW, batches, linear, train } from "@cambium/train";
import { dispose, ones, type Tensor, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { tasks } from "./eight-bit-tasks.ts";
import type { Logits } from "./elsewhere-compare.ts";

/** A comment, and the feeling that readers found in it. */
export interface Example {
  readonly text: string;
  readonly label: string;
}

/** How frozen layers are held. */
export type Frozen = NonNullable<LoadModelOptions["frozen"]>;

export const question = (text: string): string => `Which feeling does this comment show?\n${text}`;

/** Comments with one feeling: what is trained on, and what is not. */
export function examples(
  folder: string,
  { train: trainCount, unseen }: { train: number; unseen: number },
): {
  readonly train: readonly Example[];
  readonly unseen: readonly Example[];
} {
  const { train: rows, dev } = tasks["emotion"]!(folder);
  const felt = (all: readonly unknown[]): Example[] => (all as Example[]).filter(({ label }) => label !== "neutral");
  return { train: felt(rows).slice(0, trainCount), unseen: felt(dev).slice(0, unseen) };
}

export const chatOf = ({ text, label }: Example): ChatRow => ({
  messages: [
    { role: "user", content: question(text) },
    { role: "assistant", content: label },
  ],
});

export const loadBase = (file: string, frozen: Frozen): Promise<LanguageModel> =>
  loadModel(file, { head: { kind: "causal-lm" }, frozen });

/** Trains a LoRA of rank 8 on every layer, and writes it; gives the loss of the first and the last steps. */
export async function trainAdapter(
  base: LanguageModel,
  tokenizer: Tokenizer,
  rows: readonly Example[],
  folder: string,
  { steps, size, seed }: { steps: number; size: number; seed: number },
): Promise<object> {
  const key = random(seed);
  const tuned = attach(base, lora(base, { rank: 8, targets: "all-linear" }, key.at("lora")));
  const toBatch = collate(base, tokenizer, { maxLength: 96, padTo: [48, 64, 80, 96] });
  const data = batches(rows.map(chatOf), toBatch, { size, random: key.at("data") });
  const losses: number[] = [];
  const options = { optimiser: adamW({ learningRate: linear(1e-3, { steps }) }), steps, random: key.at("train") };
  const start = performance.now();
  const { parameters } = await result(train(tuned, data, options), (event) => {
    if (event.type !== "step") return;
    losses.push(event.loss);
    if (event.step % 10 === 0)
      console.error(`bench:elsewhere: step ${event.step} of ${steps}, loss ${event.loss.toFixed(3)}`);
  });
  await saveAdapter(tuned.with(parameters), folder);
  for (const tree of [parameters, tuned.parameters]) disposeParameters(tree);
  const mean = (some: readonly number[]): number => some.reduce((sum, loss) => sum + loss, 0) / some.length;
  return {
    steps,
    rows: size,
    seconds: Math.round((performance.now() - start) / 1000),
    firstLosses: Number(mean(losses.slice(0, 10)).toFixed(3)),
    lastLosses: Number(mean(losses.slice(-10)).toFixed(3)),
  };
}

/** The base with an adapter from a folder. */
export async function withAdapter(base: LanguageModel, folder: string): Promise<Tuned<LanguageModel>> {
  const delta = await loadAdapter(base, folder);
  return attach(base, delta);
}

/** A reply with all that stands before it. */
export interface Reply {
  readonly ids: readonly number[];
  /** Where it begins. */
  readonly from: number;
  readonly text: string;
  /** Of its ids, as they were generated. */
  readonly logProbabilities: readonly number[];
}

/** What the model says to comments, the likeliest word each time. */
export async function replies(model: RunnableModel, tokenizer: Tokenizer, texts: readonly string[]): Promise<Reply[]> {
  const prompts = texts.map(
    (text) => tokenizer.chat([{ role: "user", content: question(text) }], { addGenerationPrompt: true }).ids,
  );
  const all: Reply[] = [];
  for (let i = 0; i < prompts.length; i += 8) {
    const some = prompts.slice(i, i + 8);
    const options = { maxTokens: 6, logProbabilities: 1, fileDefaults: false };
    const { generated } = await result(generateBatch(model, tokenizer, some, options));
    for (const [row, { ids, text, tokens }] of generated.entries())
      all.push({
        ids: [...some[row]!, ...ids],
        from: some[row]!.length,
        text: text.trim(),
        logProbabilities: tokens!.map(({ logProbability }) => logProbability),
      });
  }
  return all;
}

/** Logits of the whole of each text, by one forward pass each. */
export async function logitsOf(model: RunnableModel, texts: readonly (readonly number[])[]): Promise<Logits> {
  const vocabulary = model.config.vocab_size;
  const values = new Float32Array(texts.reduce((sum, ids) => sum + ids.length, 0) * vocabulary);
  let at = 0;
  for (const ids of texts) {
    const batch = { ids: tensor2d([[...ids]], undefined, "int32"), mask: ones([1, ids.length]) as never };
    const logits: Tensor = tidy(() => model.forward(batch).logits!);
    values.set((await logits.data()) as Float32Array, at);
    at += ids.length * vocabulary;
    dispose([logits, ...Object.values(batch)]);
  }
  return { values, vocabulary };
}
