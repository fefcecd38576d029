/** The parts of the study in the order in which they are run. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { defineStudy, loadStudy, type RunCode, type Study } from "@cambium/experiments";
import type { Part } from "@cambium/study-kit";
import { modelSource } from "@cambium/study-kit/runs";
import { FEW_METRICS, fewClaims, TASK_METRICS, taskClaims } from "./claims.ts";
import { fileAt, keptSteps, recipeOf, versionsFolder } from "./continuation.ts";
import { CONTINUATIONS, type Extent, GROWN, type MethodName, REPLAY_EVERY, SETTINGS } from "./plan.ts";
import { DOMAINS } from "./text.ts";
import { grownFingerprint, missingGrown } from "./versions.ts";

const code = (name: string, step: string, per: readonly string[], inputs: RunCode["inputs"]): RunCode => ({
  module: new URL("./runs.ts", import.meta.url).href,
  name,
  version: "1",
  ...(inputs !== undefined && { inputs }),
  step: { name: step, per },
});

const ELSEWHERE = "a model that computes the same with its units in other places";
const OTHER_SEED = "a model of the same recipe from another seed";

/** Versions that are made here. */
const versions = (extent: Extent, model: string): Study =>
  defineStudy({
    name: `recycling-versions-${extent.name}-${model}`,
    run: code("makeVersions", "versionsStep", ["model"], {
      ...recipeOf(model),
      first: model === "smollm2" ? "SmolLM2-135M-Instruct" : "sapling, version 1",
    }),
    factors: { model: [model] },
    replicate: "model",
    metrics: Object.fromEntries(
      ["learnedSecond", "learnedThird", "forgotten"].map((name) => [name, { unit: "nats", digits: 2 }]),
    ),
  });

/** What a part of tuned models takes besides its claims. Costs are those of the first task, whose texts are the longest. */
const tasksOf = (extent: Extent, model: string, versionsId: string, methods: readonly MethodName[]) => ({
  model: [model],
  versions: [versionsId],
  method: methods,
  task: extent.tasks,
  tasks: [extent.tasks.join(" ")],
  ...single(extent.sizes),
  seed: extent.seeds,
});

const single = (sizes: Extent["sizes"]) =>
  Object.fromEntries(Object.entries(sizes).map(([name, value]) => [name, [value]]));

const FIGURES = [
  { title: "Gain that is left without training, by method", metric: "kept", series: ["method"] },
  { title: "Few rows: what a start from the old delta gains, by method", metric: "initGain", series: ["method"] },
  { title: "Few rows: what the old model's answers gain, by method", metric: "distilGain", series: ["method"] },
  { title: "Drop of the score between versions, by method", metric: "drop", series: ["method"] },
];

const INPUTS = { saplings: 1, smollm2: "SmolLM2-135M-Instruct", settings: SETTINGS } as const;

const tuned = (extent: Extent, model: string, versionsId: string): Study =>
  defineStudy({
    name: `recycling-${extent.name}-${model}`,
    run: code("task", "taskStep", ["method"], INPUTS),
    factors: tasksOf(extent, model, versionsId, extent.methods),
    metrics: TASK_METRICS,
    claims: taskClaims(model === GROWN ? OTHER_SEED : ELSEWHERE),
    figures: [
      ...FIGURES,
      { title: "Share of the steps of a new delta, by method", metric: "stepsShare", series: ["method"] },
      { title: "How alike equal heads attend beyond others, by method", metric: "headGap", series: ["method"] },
    ],
  });

const projections = (extent: Extent, model: string, versionsId: string): Study => {
  const claimed = {
    meanShift: "A mean shift",
    scaleShift: "A scale and a shift of each tensor",
    ridge: "A ridge regression",
  };
  const metrics = { unit: "points", digits: 1 } as const;
  return defineStudy({
    name: `recycling-projection-${extent.name}-${model}`,
    run: code("projection", "projectionStep", ["method"], INPUTS),
    factors: tasksOf(extent, model, versionsId, extent.methods),
    metrics: { identity: { unit: "%", digits: 1 }, meanShift: metrics, scaleShift: metrics, ridge: metrics },
    claims: Object.entries(claimed).map(([metric, what]) => ({
      claim: `${what}, fitted on the other tasks, beats the delta as it is`,
      metric,
      over: ["seed", "task", "method"],
      atLeast: 0,
    })),
    figures: Object.keys(claimed).map((metric) => ({
      title: `Gain over the delta as it is by ${metric}, by method`,
      metric,
      series: ["method"],
    })),
  });
};

const decoder = (extent: Extent, versionsId: string): Study =>
  defineStudy({
    name: `recycling-few-${extent.name}-${extent.decoder}`,
    run: code("few", "fewStep", ["method"], INPUTS),
    factors: {
      model: [extent.decoder],
      versions: [versionsId],
      method: ["lora"],
      task: extent.fewTasks,
      ...single(extent.fewSizes),
      seed: extent.seeds,
    },
    metrics: FEW_METRICS,
    claims: fewClaims(ELSEWHERE),
    figures: [],
  });

/** What is known of versions that a part makes: their fingerprint, or why what needs them waits. */
async function madeBy(
  study: Study,
  folder: string,
  out: string,
  model: string,
): Promise<{ readonly id: string; readonly waitsFor?: string }> {
  const [record] = [...(await loadStudy(study, folder)).records.values()];
  const id = record?.status === "done" ? record.result["fingerprint"] : undefined;
  if (typeof id !== "string") return { id: "none", waitsFor: "the versions, which the part before makes" };
  const home = versionsFolder(out, model);
  for (const step of keptSteps(CONTINUATIONS[model]!)) {
    const isThere = await access(join(home, fileAt(step))).then(
      () => true,
      () => false,
    );
    if (!isThere)
      return { id, waitsFor: `${fileAt(step)} in ${home}, which is gone: remove ${folder}, and run makes it again` };
  }
  return { id };
}

/** What is missing of a model that is read from a folder or file; nothing where it is there. */
async function missing(model: string): Promise<string | undefined> {
  const source = modelSource(model);
  if (typeof source !== "string") return undefined;
  return access(source).then(
    () => undefined,
    () => `a model in ${source}, or in what CAMBIUM_SMOLLM2 names`,
  );
}

/** All parts, with their results in folders below `folder`. */
export async function partsOf(extent: Extent, folder: string): Promise<Part[]> {
  const at = (name: string): string => join(folder, name);
  const { encoder, methods, tasks, seeds } = extent;
  const made = versions(extent, encoder);
  const encoders = await madeBy(made, at("versions"), folder, encoder);
  const isOne = extent.decoder === encoder; // as in a smoke run: one model in both places
  const decoders = versions(extent, extent.decoder);
  const decoderVersions = isOne ? encoders : await madeBy(decoders, at("decoder-versions"), folder, extent.decoder);
  const lacksDecoder = await missing(extent.decoder);
  const lacksGrown = await missingGrown();
  const grownId = lacksGrown === undefined ? await grownFingerprint() : "none";
  const waits = ({ waitsFor }: { readonly waitsFor?: string }) => (waitsFor === undefined ? {} : { waitsFor });
  const lacks = (what: string | undefined) => (what === undefined ? {} : { lacks: what });
  const aboutOf = (model: string): string => {
    const { domains, steps, rows, length, change } = CONTINUATIONS[model]!;
    return `${model} is trained on for ${steps} steps of ${rows} × ${length} tokens on ${DOMAINS[domains[0]!]}, which gives the second version, and for as many on ${DOMAINS[domains[1]!]}, which gives the third; every ${REPLAY_EVERY}th step is text of before, ${DOMAINS.prose} at first. ${change === "whole" ? "All weights learn." : "A LoRA of rank 16 in every layer learns, and is merged."}`;
  };
  const parts: readonly Part[] = [
    {
      name: "versions",
      title: `Versions of ${encoder}`,
      about: aboutOf(encoder),
      study: made,
      folder: at("versions"),
    },
    {
      name: "encoder",
      title: `Tunings of ${encoder} on its later versions`,
      about: `${tasks.length} tasks by ${methods.join(", ")}: applied as they are along the versions, paths, heads and states between versions, and the second version tuned afresh, from the old delta, by the old model's answers and by both.`,
      study: tuned(extent, encoder, encoders.id),
      folder: at("encoder"),
      ...waits(encoders),
    },
    {
      name: "projection",
      title: "Maps from old deltas to new ones",
      about:
        "Fitted on pairs of old and recycled deltas of all tasks but one, and applied to that one without training. Heads stay as they are.",
      study: projections(extent, encoder, encoders.id),
      folder: at("projection"),
      ...waits(encoders),
    },
    {
      name: "decoder-versions",
      title: `Versions of ${extent.decoder}`,
      about: aboutOf(extent.decoder),
      study: decoders,
      folder: at("decoder-versions"),
      ...lacks(lacksDecoder),
    },
    {
      name: "decoder",
      title: `Tunings of ${extent.decoder} on its later versions`,
      about: `The central claims once more on a decoder that others pretrained: LoRA on ${extent.fewTasks.join(" and ")}, ${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"}.`,
      study: decoder(extent, decoderVersions.id),
      folder: at("decoder"),
      ...waits(decoderVersions),
      ...lacks(lacksDecoder),
    },
    {
      name: "grown",
      title: "Versions that were grown",
      about:
        "The same on versions of a sapling that `pnpm grow` makes, with its checkpoints, and with another seed as the control.",
      study: tuned(extent, GROWN, grownId),
      folder: at("grown"),
      ...lacks(lacksGrown),
    },
  ];
  return parts.filter(({ name }) => !isOne || name !== "decoder-versions");
}
