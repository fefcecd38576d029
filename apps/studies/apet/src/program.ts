import type { StudyProgram } from "@cambium/study-kit";
import { partsOf } from "./parts.ts";
import { type Extent, FULL, SMOKE } from "./plan.ts";
import { thresholdTable } from "./thresholds.ts";

/** The study as a command. */
export const apet: StudyProgram<Extent> = {
  name: "apet",
  about: "Tests whether trainable parameters may lie anywhere, and how many it takes.",
  smokeAbout: "the smallest sapling and hardly any steps",
  example: "run --only position-ladder --workers 2",
  full: FULL,
  smoke: SMOKE,
  partsOf,
  page: {
    title: "Arbitrary parameter-efficient tuning",
    lead: () =>
      "Su et al. (2023, EMNLP 2023, pp. 15062-15078) claim that it matters little which parameters are trained, and less the larger a model is; what matters is how many. This page is what came of testing it here.",
    about: ({ ladder, rates }) => [
      `The ladder has ${ladder.length} ${ladder.length === 1 ? "size" : "sizes"} (${ladder.join(", ")}): all saplings of version 1 that are shipped. Another size joins it by being shipped; three are wanted before anything is said of a trend. Counts leave out tables that are looked up. Rates are chosen by successive halving, ${rates.length} levels with one budget for every method, position and count, on development rows and a seed that is not reported; a rate at which a run diverged counts as the worst. Intervals are 95 % t intervals; times of the plan are processor time.`,
    ],
    partText: ({ part, state }) => (part.name.startsWith("quantity") ? [thresholdTable(state)] : []),
    closing: ["No table of the papers could be had, so shapes are compared and no numbers."],
  },
};
