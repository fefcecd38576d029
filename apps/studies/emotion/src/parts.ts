/** The parts of the study in the order in which they are run, each with its claims and their criteria. */
import { join } from "node:path";
import { type ClaimOptions, defineStudy, type Metric, type RunCode } from "@cambium/experiments";
import type { Part } from "@cambium/study-kit";
import { formOf } from "./models.ts";
import { decoderExtent, drawsOf, type Extent, type Representation } from "./plan.ts";

/** A part, and what its runs return. */
export interface EmotionPart extends Part {
  readonly kind: "similarity" | "ablation" | "prompts";
}

const RHO: Metric = { digits: 3 };
const COUNT: Metric = { digits: 0 };
const PERCENT: Metric = { unit: "%", digits: 1 };
const POINTS: Metric = { unit: "points", digits: 2 };

const SIMILARITY: Readonly<Record<string, Metric>> = {
  reliability: RHO,
  polarity: RHO,
  polarityAtBest: RHO,
  polarityP: { digits: 4 },
  valence: RHO,
  ekman: RHO,
  people: RHO,
  peopleGivenValence: RHO,
  peopleBeyondWords: RHO,
  valenceBeyondModel: RHO,
  valenceNeurons: COUNT,
  valenceExcess: COUNT,
  parametricShare: PERCENT,
  parametricExcess: PERCENT,
};
const ABLATION: Readonly<Record<string, Metric>> = {
  accuracy: PERCENT,
  majority: PERCENT,
  aboveMajority: POINTS,
  dropUnmatched: POINTS,
  dropLayer: POINTS,
  dueToLayers: POINTS,
  valenceUnmatched: POINTS,
  valenceLayer: POINTS,
  valenceActivation: POINTS,
  valenceMean: POINTS,
};
const OVER_ATTRIBUTES: Readonly<Record<string, Metric>> = {
  correspondenceUnmatched: RHO,
  correspondenceLayer: RHO,
  earlyLayers: RHO,
};
const TUNING: Readonly<Record<string, Metric>> = { promptAccuracy: PERCENT, passed: PERCENT };

/** The code of a part's runs; the numbers of the extent stand in its inputs, so that results of others are not taken for them. */
function codeOf(name: "similarity" | "ablation" | "prompts", extent: Extent): RunCode {
  return {
    module: new URL("./runs.ts", import.meta.url).href,
    name,
    version: "1",
    step: { name: `${name}Step`, per: ["representation"] },
    inputs: {
      extent: extent as never,
      data: extent.name === "smoke" ? "made up" : "GoEmotions, Demszky et al. 2020",
      models: { minilm: "all-MiniLM-L6-v2", smollm2: "SmolLM2-135M-Instruct, Q4_1" },
      ...(name !== "similarity" && { draws: drawsOf(extent) }),
    },
  };
}

const TEXTS: Readonly<Record<Representation, string>> = {
  prompts: "soft prompts",
  texts: "labelled texts",
  templates: "templates",
};

/** What small pretrained encoders were expected to show, and what the reference study's weak points let expect. */
function similarityClaims(where: { readonly representation: Representation }): ClaimOptions[] {
  const about = TEXTS[where.representation];
  const of = { weights: "pretrained", ...where };
  return [
    {
      claim: `By ${about}, similarity follows polarity in the best layer, which is chosen on other repeats`,
      metric: "polarityAtBest",
      where: of,
      atLeast: 0,
    },
    { claim: `By ${about}, that is no chance (p by permuted labels)`, metric: "polarityP", where: of, atMost: 0.05 },
    {
      claim: `By ${about}, more neurons follow valence than follow shuffled valence`,
      metric: "valenceExcess",
      where: of,
      atLeast: 1,
    },
    {
      claim: `By ${about}, the model says something of people's similarity beyond valence`,
      metric: "peopleGivenValence",
      where: of,
      atLeast: 0,
    },
    {
      claim: `By ${about}, the model says more of people's similarity than counts of words do`,
      metric: "peopleBeyondWords",
      where: of,
      atLeast: 0,
    },
    {
      claim: `By ${about}, valence alone says more of people's similarity than the model does`,
      metric: "valenceBeyondModel",
      where: of,
      atLeast: 0,
    },
    {
      claim: `By ${about}, tests as if pairs were independent find more than tests by permuted labels`,
      metric: "parametricExcess",
      where: of,
      atLeast: 0,
    },
  ];
}

function ablationClaims(where: { readonly representation: Representation }, few: boolean): ClaimOptions[] {
  const about = TEXTS[where.representation];
  const claims: ClaimOptions[] = [
    { claim: `By ${about}: the model does better than one answer by 5 points`, metric: "aboveMajority", atLeast: 5 },
    {
      claim: `By ${about}: attributes' neurons matter more than random ones`,
      metric: "dropUnmatched",
      atLeast: 0,
    },
    {
      claim: `By ${about}: they matter more than random ones of the same layers`,
      metric: "dropLayer",
      atLeast: 0,
    },
    { claim: `By ${about}: matching layers takes away a part of the effect`, metric: "dueToLayers", atLeast: 0 },
    {
      claim: `By ${about}: valence's neurons matter more than random ones of the same layers and activations`,
      metric: "valenceActivation",
      atLeast: 0,
    },
  ];
  const over: ClaimOptions[] = [
    {
      claim: `By ${about}: attributes that say more of people's similarity matter more, against random neurons`,
      metric: "correspondenceUnmatched",
      atLeast: 0,
    },
    {
      claim: `By ${about}: the same against random neurons of the same layers`,
      metric: "correspondenceLayer",
      atLeast: 0,
    },
    {
      claim: `By ${about}: attributes with more neurons in the first quarter of the layers look more important`,
      metric: "earlyLayers",
      atLeast: 0,
    },
  ];
  return [...claims, ...(few ? [] : over)].map((claim) => ({ ...claim, where }));
}

const factorsOf = (
  model: string,
  { name }: Extent,
  representation: readonly Representation[],
  seed: readonly number[],
) => ({
  model: [model],
  weights: ["pretrained"],
  representation,
  extent: [name],
  seed,
});

/** How a prompt's model is asked. */
const ASKED_BY = {
  continuation: "the model is asked for the next word, and read at the last token",
  mask: "the model is asked for the word at a mask, and read there",
  "class-head":
    "the model has no head for words, so a class head asks: random, frozen, the same for all emotions. That is not the reference study's way to ask",
} as const;

/** All parts, with their results in folders below `folder`. */
export function partsOf(full: Extent, folder: string): EmotionPart[] {
  return (["encoder", "decoder"] as const).flatMap((role) => {
    const model = full[role];
    const few = role === "decoder";
    const extent = few ? decoderExtent(full) : full;
    const both = ["texts", "templates"] as const;
    const seeds = few ? extent.fewSeeds : extent.seeds;
    const name = (kind: string): string => `${kind}-${role}`;
    const parts: Omit<EmotionPart, "folder">[] = [
      {
        name: name("similarity"),
        kind: "similarity",
        title: `Similarity and searchlight on ${model}`,
        about: `Mean activations of every FFN neuron over labelled texts (two halves) or over drawn templates, ${few ? "at the last token" : "over all tokens or at the mask"}; ${extent.emotions.length} emotions.`,
        study: defineStudy({
          name: `emotion-${name("similarity")}-${full.name}`,
          run: codeOf("similarity", extent),
          factors: { ...factorsOf(model, full, both, seeds), weights: few ? ["pretrained"] : ["pretrained", "random"] },
          where: ({ weights, representation }) => weights === "pretrained" || representation === "texts",
          metrics: SIMILARITY,
          claims: [
            ...both.flatMap((representation) => similarityClaims({ representation })),
            ...(few
              ? []
              : [
                  {
                    claim: "By labelled texts, polarity is followed more than in a twin of random weights",
                    metric: "polarity",
                    where: { weights: "pretrained", representation: "texts" },
                    minus: { weights: "random", representation: "texts" },
                    atLeast: 0,
                  },
                ]),
          ],
          figures: [
            { title: `Similarity with polarity, ${model}`, metric: "polarity", series: ["weights", "representation"] },
          ],
        }),
      },
      {
        name: name("ablation"),
        kind: "ablation",
        title: `Ablation on ${model}`,
        about: `The ${100 * extent.share} % of all neurons with the greatest tau are set to zero, attribute by attribute, and ${drawsOf(extent)} random sets of each control; the task is to name the emotion of test texts by a head on the frozen model (a linear discriminant, fitted on training texts).`,
        study: defineStudy({
          name: `emotion-${name("ablation")}-${full.name}`,
          run: codeOf("ablation", extent),
          factors: factorsOf(model, full, few ? ["texts"] : both, extent.fewSeeds),
          metrics: { ...ABLATION, ...OVER_ATTRIBUTES },
          claims: (few ? (["texts"] as const) : both).flatMap((representation) =>
            ablationClaims({ representation }, few),
          ),
          figures: [],
        }),
      },
      {
        name: name("prompts"),
        kind: "prompts",
        title: `Soft prompts on ${model}`,
        about: `A prompt of ${extent.length} rows for each of ${extent.promptEmotions.length} emotions, ${extent.repeats} of each in a run; ${ASKED_BY[formOf(model)]}. What is read depends on the prompt alone.`,
        study: defineStudy({
          name: `emotion-${name("prompts")}-${full.name}`,
          run: codeOf("prompts", extent),
          factors: factorsOf(model, full, ["prompts"], extent.fewSeeds),
          metrics: { ...SIMILARITY, ...TUNING, ...(few ? {} : ABLATION) },
          claims: [
            {
              claim: "Half of the prompts do better than chance by two standard errors",
              metric: "passed",
              atLeast: 50,
            },
            ...similarityClaims({ representation: "prompts" }),
            ...(few ? [] : ablationClaims({ representation: "prompts" }, true)),
          ],
          figures: [],
        }),
      },
    ];
    return parts.map((part) => ({ ...part, folder: join(folder, part.name) }));
  });
}
