/** A study of two parts whose runs take no time, but those that wait until they are stopped. */
import { setTimeout } from "node:timers/promises";
import { type Cell, defineStudy, type RunContext, type Study } from "@cambium/experiments";
import type { NamedExtent, StudyProgram } from "./program.ts";

/** A run: its loss is its seed; one that waits goes on until it is told to stop, one that waits for mending fails before it. */
export async function run({ waits, seed }: Cell, { signal }: RunContext): Promise<{ loss: number }> {
  if (waits === "mending" && process.env["CAMBIUM_TOY_MENDED"] === undefined)
    throw new Error("what it needs is broken");
  while (waits === true && !signal.aborted) await setTimeout(5);
  signal.throwIfAborted();
  return { loss: Number(seed) };
}

const studyOf = (name: string, waits: boolean | string, seeds: readonly number[] = [1, 2, 3]): Study =>
  defineStudy({
    name,
    run: { module: import.meta.url, version: "1" },
    factors: { waits: [waits], seed: seeds },
    metrics: { loss: { digits: 1 } },
    claims: [
      { claim: "Losses are small", metric: "loss", atMost: 10 },
      { claim: "Losses are tiny | really", metric: "loss", atMost: 1 },
    ],
    figures: [{ title: "Loss", metric: "loss", series: ["waits"] }],
  });

export const toy: StudyProgram<NamedExtent> = {
  name: "toy",
  about: "Tests nothing.",
  smokeAbout: "hardly anything",
  example: "run --only first",
  full: { name: "full" },
  smoke: { name: "smoke" },
  options: { model: { value: "<name>", help: "which model" } },
  verbs: { compare: { help: "compares", run: async () => 0 } },
  partsOf: (_, folder) => [
    {
      name: "first",
      title: "First",
      about: "What comes first.",
      folder: `${folder}/first`,
      study: studyOf("toy-first", false),
    },
    {
      name: "endless",
      title: "Endless",
      about: "What never ends.",
      folder: `${folder}/endless`,
      study: studyOf("toy-endless", true),
    },
    {
      name: "later",
      title: "Later",
      about: "What cannot start.",
      folder: `${folder}/later`,
      study: studyOf("toy-later", false),
      waitsFor: "the end of time",
    },
  ],
  page: {
    title: "Toy",
    lead: () => "What comes of nothing?",
    about: () => ["Nothing is measured."],
    partText: ({ done }) => [`Told of ${done}.`],
    closing: ["That is all."],
  },
};

/** The same with one part, whose runs fail unless `CAMBIUM_TOY_MENDED` is set. */
export const frail: StudyProgram<NamedExtent> = {
  ...toy,
  partsOf: (_, folder) => [
    {
      name: "frail",
      title: "Frail",
      about: "What breaks.",
      folder: `${folder}/frail`,
      study: studyOf("toy-frail", "mending", [1, 2]),
    },
  ],
};

/** Its first part with one seed more. */
export const grown: StudyProgram<NamedExtent> = {
  ...toy,
  partsOf: (_, folder) => [
    {
      name: "first",
      title: "First",
      about: "What comes first.",
      folder: `${folder}/first`,
      study: studyOf("toy-first", false, [1, 2, 3, 4]),
    },
  ],
};
