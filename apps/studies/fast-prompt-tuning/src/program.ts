import type { StudyProgram } from "@cambium/study-kit";
import { partsOf } from "./parts.ts";
import { type Extent, FULL, SMOKE } from "./plan.ts";

/** The study as a command. */
export const fastPromptTuning: StudyProgram<Extent> = {
  name: "fast-prompt-tuning",
  about: "Tests whether prompts learn as well on a model that grows, and what that saves.",
  smokeAbout: "the smallest sapling and hardly any steps",
  example: "run --only encoder --workers 2",
  full: FULL,
  smoke: SMOKE,
  partsOf,
  page: {
    title: "Fast prompt tuning",
    lead: () =>
      "Huang et al. (Findings of EMNLP 2022, arXiv:2211.06840) train a prompt on a part of the model first, fewer layers and fewer feed-forward neurons, and grow the model in stages: over 30 % of the training compute saved at comparable scores on T5-large. This page is what came of testing it here.",
    about: ({ steps }) => [
      `Five methods on the same rows, seed by seed: ordinary prompt tuning; growth of depth, of width and of both, by the paper's shares (20, 20, 20 and 40 % of ${steps} steps); and ordinary prompt tuning stopped at the cost of growth of both. Operations are counted by hand, forward and backward, with the passes that score neurons; the wall clock counts scoring and the making of parts and graphs. Intervals are 95 % t intervals over seeds.`,
    ],
    closing: [
      "Cut, so that it takes two hours on two cores: on the decoder half of the 200 steps, half of the 400 measured rows, and growth of depth or of width alone; on the encoder more than 200 steps, more rows than 32 of each class, and rates tuned task by task. Peaks of memory are those of the whole process.",
      "Not measured here: T5, tasks that generate text, ablations of the number, the order and the shares of stages, and the similarity of prompts of different parts, for which the package has the instruments.",
    ],
  },
};
