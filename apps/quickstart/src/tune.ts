/** The program of the README at work: a pretrained model, a delta, a loop over events. */
import { disposeParameters, type Random, random } from "@cambium/core";
import { attach, type Delta, head, lora, whole } from "@cambium/delta";
import { collate, type LanguageModel, loadModel, loadTokenizer, predictor, type Tokenizer } from "@cambium/models";
import { sapling } from "@cambium/saplings";
import { measureClassification } from "@cambium/tasks";
import { adamW, batches, linear, train } from "@cambium/train";
import { BATCH_SIZE, MAX_LENGTH, type Method, RECIPES, SAPLING } from "./plan.ts";

/** A definition and the field of meaning of its noun. */
export interface Definition {
  readonly text: string;
  readonly label: string;
}

/** The pretrained model with a fresh head, and its tokenizer. */
export interface Ground {
  readonly base: LanguageModel;
  readonly tokenizer: Tokenizer;
}

export async function loadGround(labels: readonly string[]): Promise<Ground> {
  const base = await loadModel(sapling(SAPLING), {
    head: { kind: "sequence-classification", labels },
    random: random(0),
  });
  return { base, tokenizer: await loadTokenizer(sapling(SAPLING)) };
}

/** What is trained: each is a value that is attached to the model, which itself stays as it is. */
function deltasOf(method: Method, base: LanguageModel, seed: Random): readonly Delta[] {
  switch (method) {
    case "frozen body, new head":
      return [head(base)];
    case "LoRA and head":
      return [lora(base, { rank: 8, targets: ["attn.q", "attn.v"] }, seed), head(base)];
    case "all weights":
      return [whole(base)];
  }
}

/** A tuned model. Whoever asked for it disposes of its parameters. */
export type TunedDefinitions = ReturnType<typeof attach<LanguageModel>>;

/** A model tuned on some definitions. */
export async function tune(
  { base, tokenizer }: Ground,
  rows: readonly Definition[],
  method: Method,
  seed: Random,
  { steps = RECIPES[method].steps, onStep }: { readonly steps?: number; readonly onStep?: (step: number) => void } = {},
): Promise<TunedDefinitions> {
  const tuned = attach(base, ...deltasOf(method, base, seed.at("delta")));
  const toBatch = collate(base, tokenizer, { maxLength: MAX_LENGTH });
  const data = batches(rows, toBatch, { size: BATCH_SIZE, random: seed.at("order"), buckets: toBatch.lengthOf });
  const learningRate = linear(RECIPES[method].learningRate, { warmUp: Math.ceil(steps / 10), steps });
  const run = train(tuned, data, {
    optimiser: adamW({ learningRate }),
    steps,
    clipNorm: 1,
    random: seed.at("dropout"),
  });
  for await (const event of run) {
    if (event.type === "step") onStep?.(event.step);
    if (event.type !== "end") continue;
    disposeParameters(tuned.parameters);
    return tuned.with(event.parameters);
  }
  throw new Error("internal: the training run ended without an end event");
}

/** Accuracy on definitions that were not trained on. */
export async function measure(
  tuned: TunedDefinitions,
  tokenizer: Tokenizer,
  rows: readonly Definition[],
): Promise<number> {
  const predictions = await predictor(tuned, tokenizer, { maxLength: MAX_LENGTH })(rows.map(({ text }) => text));
  return measureClassification(
    predictions as never,
    rows.map(({ label }) => label),
  ).accuracy;
}
