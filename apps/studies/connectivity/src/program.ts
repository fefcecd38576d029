import type { StudyProgram } from "@cambium/study-kit";
import { partsOf } from "./parts.ts";
import { type Extent, FULL, SMOKE } from "./plan.ts";

/** What is said of a finished run, where it measured it. */
const TOLD = ["barrier", "scoreDrop", "trend"];

/** The study as a command. */
export const connectivity: StudyProgram<Extent> = {
  name: "connectivity",
  about: "Tests whether tuned models are connected, and what lies between them.",
  smokeAbout: "the smallest sapling and hardly any steps",
  example: "run --only pairs --workers 2",
  full: FULL,
  smoke: SMOKE,
  partsOf,
  resultText: (result) =>
    TOLD.flatMap((metric) => {
      const value = result[metric];
      return typeof value === "number" ? [`${metric} ${value.toFixed(3)}`] : [];
    }).join(", "),
  page: {
    title: "Mode connectivity of tuned models",
    lead: ({ model }) =>
      `Qin et al. (2022, arXiv:2210.14102) find that full fine-tunings of one pretrained model are connected by lines of low loss, that small deltas are less so, and that more pretraining brings tunings closer. This page is what came of testing it on ${model}.`,
    about: () => [
      "Barriers are the largest loss above the chord between both ends (Entezari et al. 2022), in nats, on rows that neither end learned from. Intervals are 95 % t intervals over seeds and tasks. Learning rates were not tuned.",
    ],
    closing: [
      "Cut, so that it takes two hours on two cores: pairs that no claim is about (other orders of deltas, wide starts of other methods than adapters, short trainings of others), 11 points of a path in place of 26, 200 measured rows in place of 400, 300 steps in place of 400, curves of 200 steps in place of 300, and a second task on the encoder and over pretraining.",
    ],
  },
};
