import { finishedRuns, type StudyProgram } from "@cambium/study-kit";
import type { VersionsResult } from "./continuation.ts";
import { partsOf } from "./parts.ts";
import { type Extent, FULL, SMOKE } from "./plan.ts";
import { GROWN_VARIABLE } from "./versions.ts";

/** What is said of a finished run, where it measured it. */
const TOLD = ["learnedSecond", "learnedThird", "kept", "drop", "initGain", "distilGain", "ridge"];

/** The study as a command. */
export const recycling: StudyProgram<Extent> = {
  name: "recycling",
  about: "Tests what a tuned model is worth on the next version of its base.",
  notes: `Grown versions are read from .cache/grow/models, or the folder that ${GROWN_VARIABLE} names; SmolLM2 from models/smollm2-135m-instruct, or CAMBIUM_SMOLLM2.`,
  smokeAbout: "the smallest sapling, trained on for a few steps",
  example: "run --only versions,encoder --workers 2",
  full: FULL,
  smoke: SMOKE,
  partsOf,
  resultText: (result) =>
    TOLD.flatMap((metric) => {
      const value = result[metric];
      return typeof value === "number" ? [`${metric} ${value.toFixed(2)}`] : [];
    }).join(", "),
  page: {
    title: "Tuned models on the next version of their base",
    lead: () =>
      "Qin et al. (Findings of ACL 2023, arXiv:2305.08702) find that what was tuned on a model serves its later versions: applied as it is to some extent, and as the start and the teacher of a new tuning. This page is what came of testing it here.",
    about: ({ sizes }) => [
      `An old model is tuned on ${sizes.rows} rows of each class, for ${sizes.steps} steps; the new version has ${sizes.fewRows} rows of each class and ${sizes.fewSteps} steps, and as many rows to choose its end by, but where learning curves are compared. Scores are of ${sizes.measuredRows} rows that nothing learned from. The control of versions that are made here computes the same as the second version, with neurons, heads, the columns between layers and pooled units in another order: it is as good a model, and nothing but places differs. Intervals are 95 % t intervals over seeds, tasks and methods. Learning rates were not tuned, and are the same for all ways. What is tuned to survive updates has a tenth of the hidden feed-forward units masked at each step.`,
    ],
    partText: ({ state }) =>
      finishedRuns<Partial<VersionsResult>>(state).flatMap(({ result: { learnedSecond, learnedThird, forgotten } }) =>
        learnedSecond === undefined
          ? []
          : [
              `On text that was held back a word of its text costs the second version ${learnedSecond.toFixed(2)} nats less than it costs the first, and the third ${learnedThird!.toFixed(2)} less than the second; of old prose a word costs the third ${Math.abs(forgotten!).toFixed(2)} ${forgotten! < 0 ? "less" : "more"} than the first.`,
            ],
      ),
    closing: [
      "Cut, so that it takes some hours of one core: three tasks, two of the first version's text and one of the second's, none of the third's; whole models and adapters on the encoder, LoRA on the decoder alone; 150 steps on many rows and 60 on few; one setting of distillation (alpha 0.9, temperature 5, no hidden states) in place of a grid; the paper's 26 points of a path are 11. On the decoder one task by LoRA, versions whose change has rank 16, and neither heads nor learning curves.",
      "Not measured here: related tasks as the start, unlabelled rows, paths as regularisers, projections that are trained, and upgrades over two versions with training in between, for which the package has the instruments.",
    ],
  },
};
