/** A child process: trains one model for a few steps, and says what a step took and how much memory there was. */
import { random, useBackend } from "@cambium/core";
import { attach } from "@cambium/delta";
import { createModel } from "@cambium/models";
import { adamW, batches, train } from "@cambium/train";
import { deltaMethods } from "./delta-methods.ts";
import { madeUpBatch } from "./made-up-batch.ts";
import type { StepCost, StepJob } from "./step-job.ts";

/** Three steps are traced, the fourth is the first replay. */
const WARM_UP = 4;
const STEPS = 5;

async function measure({ config, head, method, batch, seq }: StepJob): Promise<StepCost> {
  await useBackend();
  const base = createModel(config as never, random(0), { head });
  const tuned = attach(base, deltaMethods.get(method)!(base, {}, random(1)));
  const rows = Array.from({ length: batch * (WARM_UP + STEPS) }, (_, i) => i);
  const data = batches(rows, () => madeUpBatch(base.config, head, batch, seq), { size: batch });
  const durations: number[] = [];
  for await (const event of train(tuned, data, { optimiser: adamW({ learningRate: 1e-4 }), epochs: 1 })) {
    if (event.type === "step" && event.step > WARM_UP) durations.push(event.durationMs);
  }
  durations.sort((a, b) => a - b);
  return { stepMs: durations[durations.length >> 1]!, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

process.once("message", async (job: StepJob) => {
  try {
    process.send!({ cost: await measure(job) }, () => process.exit(0));
  } catch (error) {
    process.send!({ problem: (error as Error).message }, () => process.exit(1));
  }
});
process.on("disconnect", () => process.exit(1));
