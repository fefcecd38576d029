import { join } from "node:path";
import type { Part, StudyProgram } from "@cambium/study-kit";
import { type Extent, encoderExtent, FULL, SMOKE } from "./plan.ts";
import { subspaceStudy } from "./study.ts";

/** The sapling with all dimensions, and once more the encoder with one. */
function partsOf(extent: Extent, folder: string): readonly Part[] {
  const encoder = encoderExtent(extent);
  const about = ({ families, pairs }: Extent): string =>
    `${families.length * pairs} tasks by three methods make the subspace, and ${families.length} more are solved in it`;
  return [
    {
      name: "sapling",
      title: `On ${extent.model}`,
      about: `${about(extent)}, by ${extent.dimensions.join(", ")} coordinates.`,
      study: subspaceStudy(extent, "sapling"),
      folder: join(folder, "sapling"),
    },
    {
      name: "encoder",
      title: `On ${encoder.model}`,
      about: `The central claims once more on an encoder that others pretrained: ${about(encoder)}, by ${encoder.dimensions.join(", ")} coordinates.`,
      study: subspaceStudy(encoder, "encoder"),
      folder: join(folder, "encoder"),
    },
  ];
}

/** The study as a command. */
export const subspace: StudyProgram<Extent> = {
  name: "subspace",
  about: "Tests whether solutions of several tasks and methods lie in one small subspace.",
  notes: "Ordinary training leaves its solutions in runs/subspace-solutions, or where CAMBIUM_SUBSPACE_SOLUTIONS says.",
  smokeAbout: "the smallest sapling and hardly any steps",
  example: "run --only sapling --minutes 30",
  full: FULL,
  smoke: SMOKE,
  partsOf,
  page: {
    title: "One subspace for several tasks and methods",
    lead: () =>
      "Yi et al. (2022, arXiv:2210.13311) find that solutions of one task by adapters, LoRA and prefixes are images of one point of few coordinates, so that new tasks are solved by these, and one method's coordinates serve another without training. This page is what came of testing it here.",
    about: ({ steps, fewSteps, rows }) => [
      `Tasks are pairs of classes of real tasks, answered by yes and no with one head that is random and frozen. Ordinary training takes ${steps} steps on ${rows} rows of each class, coordinates ${fewSteps} steps. Numbers are in percent of ordinary training's accuracy by the same method. The subspace is the closed form; beside it stand random directions and each method's own principal components. Intervals are 95 % t intervals over seeds, which draw rows, starts and directions.`,
    ],
    closing: [
      "Cut, so that it takes two hours: full fine-tuning as a fourth method, the trained form with mixtures, more than one dimension and a fourth family on the encoder, and dimensions 2 and 4 on the sapling.",
    ],
  },
};
