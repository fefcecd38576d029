/** The survey's combinations of a prompt, biases and adapters (Ding et al. 2023, section on simultaneous combination), with few rows. */
import { defineStudy, type Study } from "@cambium/experiments";
import { codeOf, METRICS, tuningOf } from "./common.ts";
import { type Extent, FEW_ROWS } from "./plan.ts";

const PARTS = ["prompt", "bias", "adapter"] as const;

/** All eight on an encoder. It has a class head in place of label words, so only the survey's rows without templates have a counterpart. */
export const combinations = (extent: Extent): Study =>
  defineStudy({
    name: `apet-combination-${extent.name}`,
    run: codeOf("combination", ["model", "adapter", "prompt"]),
    factors: {
      model: [extent.encoder],
      prompt: [false, true],
      bias: [false, true],
      adapter: [false, true],
      task: extent.fourTasks,
      rows: [FEW_ROWS],
      steps: [extent.steps],
      seed: extent.fewSeeds,
    },
    metrics: METRICS,
    tuning: tuningOf(extent, ["model", ...PARTS], FEW_ROWS),
    claims: [
      {
        claim: "Adding adapters raises the mean over tasks and combinations",
        metric: "accuracy",
        where: { adapter: true },
        minus: { adapter: false },
        atLeast: 0,
      },
      {
        claim: "Adding biases raises it",
        metric: "accuracy",
        where: { bias: true },
        minus: { bias: false },
        atLeast: 0,
      },
      {
        claim: "Adding a prompt lowers it",
        metric: "accuracy",
        where: { prompt: true },
        minus: { prompt: false },
        atMost: 0,
      },
    ],
    figures: [{ title: "Accuracy by prompt, bias, adapter", metric: "accuracy", series: [...PARTS] }],
  });
