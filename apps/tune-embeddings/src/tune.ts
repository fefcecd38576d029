/** The tuning itself: a model with an embedding head, a delta, pairs, a loop over events. */
import { join } from "node:path";
import { random } from "@cambium/core";
import { attach, lora, type Tuned } from "@cambium/delta";
import { collate, type LanguageModel, type Row, type Tokenizer } from "@cambium/models";
import { adamW, batches, linear, train } from "@cambium/train";
import type { Settings } from "./settings.ts";

/** A tuned model, or nothing where the run was stopped. */
export async function tune(
  base: LanguageModel,
  tokenizer: Tokenizer,
  rows: readonly Row[],
  settings: Settings,
  { signal, report }: { readonly signal: AbortSignal; readonly report: (line: string) => void },
): Promise<Tuned<LanguageModel> | undefined> {
  const { steps, batchSize, maxLength, rank, learningRate, out } = settings;
  const seed = random(settings.seed);
  const tuned = attach(base, lora(base, { rank, targets: "all-linear" }, seed.at("delta")));
  const data = batches(
    rows,
    collate(base, tokenizer, { maxLength, padTo: [maxLength / 2, (3 * maxLength) / 4, maxLength] }),
    {
      size: batchSize,
      random: seed.at("order"),
      buckets: ({ text }) => text.length,
      last: "drop",
    },
  );
  const run = train(tuned, data, {
    optimiser: adamW({ learningRate: linear(learningRate, { warmUp: Math.ceil(steps / 10), steps }) }),
    steps,
    clipNorm: 1,
    random: seed.at("dropout"),
    checkpoint: { files: join(out, "checkpoints"), every: 50 },
    signal,
  });
  const start = performance.now();
  let [sum, since] = [0, 0];
  for await (const event of run) {
    if (event.type === "step") {
      sum += event.loss;
      since++;
      if (event.step % Math.ceil(steps / 30) === 0 || event.step === steps) {
        const seconds = ((performance.now() - start) / 1000).toFixed(0);
        report(`step ${event.step}/${steps}  loss ${(sum / since).toFixed(3)}  ${seconds} s`);
        [sum, since] = [0, 0];
      }
    }
    if (event.type === "end") return event.reason === "stopped" ? undefined : tuned.with(event.parameters);
  }
  throw new Error("internal: the training run ended without an end event");
}
