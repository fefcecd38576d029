/**
 * The whole probe: what a model's neurons make of emotions, or of any other concepts.
 *
 * Texts become activations (`representations.ts`), activations become RDMs of the whole model and of every layer; these are
 * compared with attributes' RDMs, with permutation tests, bootstrap intervals and ceilings; and a searchlight finds the neurons
 * whose distances follow an attribute.
 */
import { ConfigError, checkOptions } from "@cambium/base";
import { type Random, random as seeded } from "@cambium/core";
import type { RunnableModel, Tokenizer } from "@cambium/models";
import { type ReadTextsOptions, readKeys } from "../capture/read-texts.ts";
import { usualSites } from "../capture/site-names.ts";
import { compareRdms } from "../compare/compare-rdms.ts";
import type { Similarity } from "../compare/methods.ts";
import { valence } from "../data/valence.ts";
import { bootstrapSimilarity } from "../inference/bootstrap.ts";
import { measureNoiseCeiling, type NoiseCeiling } from "../inference/noise-ceiling.ts";
import { measureSplitHalf, type SplitHalf } from "../inference/reliability.ts";
import { testSimilarity } from "../inference/test-similarity.ts";
import {
  type ConditionActivations,
  type NeuronSite,
  repeatRdms,
  similarityOf,
} from "../neurons/condition-activations.ts";
import { scoreNeurons } from "../neurons/score-neurons.ts";
import { type NamedNeuron, type NeuronScores, scoresOf, selectUnits } from "../neurons/scores.ts";
import { runSearchlight, type Searchlight } from "../neurons/searchlight.ts";
import { type Metric, measureRdm } from "../rdm/measure-rdm.ts";
import { checkSameConditions, type Rdm } from "../rdm/rdm.ts";
import { labelledTexts, represent, templateTexts } from "./representations.ts";

/** Settings of `runEmotionProbe`. */
export interface RunEmotionProbeOptions extends ReadTextsOptions {
  /** The concepts: emotions, or whatever else texts can be about. At least four, all different. */
  readonly emotions: readonly string[];
  /** Texts with `{emotion}`, and `{mask}` where the tokenizer's mask token belongs. This or `texts`. */
  readonly templates?: readonly string[];
  /** Labelled texts by emotion, in place of templates. */
  readonly texts?: Readonly<Record<string, readonly string[]>>;
  /** Disjoint parts of each emotion's texts, which are the repeats. For `texts`. @default 2 */
  readonly folds?: number;
  /**
   * What neurons are compared with: a number for each emotion, whose distances are differences, or an RDM.
   *
   * @default valence, where VADER's lexicon rates every emotion, else none
   */
  readonly attributes?: Readonly<Record<string, Readonly<Record<string, number>> | Rdm>>;
  /** RDMs of people, for their noise ceiling and the model's similarity with them. @default none */
  readonly human?: readonly Rdm[];
  /** Names of sites of neurons, as `findSites` takes them. @default ff.act of all layers, in models of two stacks the encoder's */
  readonly sites?: readonly string[];
  /** Of the model's RDMs. @default "correlation" */
  readonly metric?: Metric;
  /** How RDMs are compared. @default "spearman" */
  readonly method?: Similarity;
  /** Of every permutation test; where there are at most seven emotions, all orders are tried. @default 1000 */
  readonly permutations?: number;
  /** Resamples of the intervals. @default 500 */
  readonly resamples?: number;
  /** Neurons that are named for each attribute and emotion: a number, or a share below 1. @default 20, or all where there are fewer */
  readonly top?: number;
  /** @default random(0) */
  readonly random?: Random;
  /** Stops between batches of texts and chunks of neurons, without a result. */
  readonly signal?: AbortSignal;
}

/** Similarity of the model's RDM, at a layer or over all, with an attribute's. */
export interface ProbeSimilarity {
  readonly attribute: string;
  /** The path of a site, or `all`. */
  readonly site: string;
  readonly similarity: number;
  /** By permutation of the labels. */
  readonly p: number;
  /** Of any attribute at this site, by the maximum over attributes. */
  readonly pAny: number;
  /** 95 % interval over conditions; absent for fewer than six, which are too few to draw from. */
  readonly low?: number;
  readonly high?: number;
}

/** What neurons follow an attribute. */
export interface AttributeNeurons {
  readonly attribute: string;
  /** The best ones, best first. */
  readonly top: readonly NamedNeuron[];
  /** Neurons at a rate of false discoveries of 5 %, over all neurons and attributes. */
  readonly discoveries: number;
  /** Neurons that exceed what the best of all does by chance, in 95 % of permutations. */
  readonly beyondChance: number;
}

/** What a probe found. */
export interface EmotionProbe {
  readonly conditions: readonly string[];
  readonly sites: readonly NeuronSite[];
  /** The RDM of all sites' neurons side by side, mean over repeats (templates, parts of texts). */
  readonly similarity: Rdm;
  /** The same at each site, by its path. */
  readonly layers: ReadonlyMap<string, Rdm>;
  /** How far repeats agree; absent with one repeat. */
  readonly reliability?: SplitHalf;
  /** What the best model of similarity could reach for a single repeat; absent with one. */
  readonly ceiling?: NoiseCeiling;
  readonly attributes: Readonly<Record<string, Rdm>>;
  /** The similarity with each attribute: over all sites, then at each. */
  readonly rsa: readonly ProbeSimilarity[];
  /** Similarity of the model's RDM with people's, mean over them, beside their ceiling. */
  readonly human?: NoiseCeiling & { readonly similarity: number };
  readonly neurons: readonly AttributeNeurons[];
  /** Neurons that tell an emotion from all others: d', by text. */
  readonly concepts: Readonly<Record<string, readonly NamedNeuron[]>>;
  /** All values of the searchlight; absent without attributes. */
  readonly searchlight?: Searchlight;
  readonly activations: ConditionActivations;
}

/** How far it is, and at the end what was found. */
export type EmotionProbeEvent =
  | { readonly type: "texts"; readonly done: number; readonly total: number }
  | { readonly type: "neurons"; readonly done: number; readonly total: number }
  | ({ readonly type: "end" } & EmotionProbe);

/** Of fewer conditions, many resamples hold too few different ones. */
const FEWEST_FOR_INTERVALS = 6;

const keys = [
  ...readKeys,
  ...(["emotions", "templates", "texts", "folds", "attributes", "human", "sites", "metric", "method"] as const),
  ...(["permutations", "resamples", "top", "random", "signal"] as const),
] as const;

/**
 * Probes a model for concepts: how similar they are to it, whether attributes explain that, and which neurons follow them.
 *
 * Whether these neurons matter is another question, which `runAblation` answers.
 *
 * @throws {ConfigError} For options that do not exist or cannot be meant, an attribute that does not rate every emotion, or a text
 *   without its mask.
 * @throws {CancelledError} When the signal is aborted before the last neuron is looked at.
 * @see Li et al. 2024, Language-specific representation of emotion-concept knowledge causally supports emotion inference,
 *      arXiv:2302.09582; here with tests by permuted labels.
 * @example
 * const probe = await result(runEmotionProbe(model, tokenizer, { emotions, templates: ["i feel {emotion} ."] }));
 * plotSimilarity(probe).svg();
 */
export async function* runEmotionProbe(
  model: RunnableModel,
  tokenizer: Tokenizer,
  options: RunEmotionProbeOptions,
): AsyncGenerator<EmotionProbeEvent> {
  checkOptions("runEmotionProbe", options, keys);
  const { emotions, metric = "correlation", method = "spearman", permutations = 1000, resamples = 500 } = options;
  const { sites: names = usualSites(model), human = [], random = seeded(0), signal } = options;
  checkEmotions(emotions, options);
  const attributes = attributesOf(emotions, options.attributes);
  if (human.length > 0) checkSameConditions("runEmotionProbe", [...Object.values(attributes), ...human]);
  const { at, maxLength, batchSize, hooks } = options;
  const reading: ReadTextsOptions = {
    ...(at !== undefined && { at }),
    ...(maxLength !== undefined && { maxLength }),
    ...(batchSize !== undefined && { batchSize }),
    ...(hooks !== undefined && { hooks }),
  };
  const placed =
    options.texts === undefined
      ? templateTexts(tokenizer, emotions, options.templates!)
      : labelledTexts(emotions, options.texts, options.folds ?? 2);
  const { activations, rows } = yield* represent(model, tokenizer, placed, emotions, names, reading, signal);
  const { sites } = activations;
  const {
    top = Math.min(
      20,
      sites.reduce((sum, { width }) => sum + width, 0),
    ),
  } = options;
  const best = (scores: NeuronScores): readonly NamedNeuron[] => selectUnits(scores, { top });
  const similarity = similarityOf(activations, metric);
  const repeats = repeatRdms(activations, metric);
  const layers = new Map(sites.map(({ path }) => [path, similarityOf(activations, metric, path)]));

  let searchlight: Searchlight | undefined;
  if (Object.keys(attributes).length > 0) {
    const light = runSearchlight(activations, attributes, {
      permutations,
      random: random.at("searchlight"),
      ...(signal && { signal }),
    });
    for await (const event of light) {
      if (event.type === "end") searchlight = event;
      else yield { ...event, type: "neurons" };
    }
  }
  const labels = placed.map(({ condition }) => emotions[condition]!);
  const concepts = Object.fromEntries(
    emotions.map((target) => [target, best(scoreNeurons(sites, rows, labels, { method: "difference", target }))]),
  );
  const settings = { method, permutations, resamples, random };
  yield {
    type: "end",
    conditions: emotions,
    sites,
    similarity,
    layers,
    ...(repeats.length > 1 && {
      reliability: measureSplitHalf(repeats, { method, random: random.at("halves") }),
      ceiling: measureNoiseCeiling(repeats, { method }),
    }),
    attributes,
    rsa: [["all", similarity] as const, ...layers].flatMap(([site, rdm]) => explain(site, rdm, attributes, settings)),
    ...(human.length > 1 && {
      human: {
        ...measureNoiseCeiling(human, { method }),
        similarity: human.reduce((sum, one) => sum + compareRdms(similarity, one, { method }), 0) / human.length,
      },
    }),
    neurons:
      searchlight === undefined
        ? []
        : searchlight.attributes.map(({ name, q, pAny }) => ({
            attribute: name,
            top: best(scoresOf(searchlight!, name)),
            discoveries: q.filter((value) => value <= 0.05).length,
            beyondChance: pAny!.filter((value) => value <= 0.05).length,
          })),
    concepts,
    ...(searchlight !== undefined && { searchlight }),
    activations,
  };
}

function checkEmotions(emotions: readonly string[], { templates, texts, folds, human }: RunEmotionProbeOptions): void {
  const isText = (value: unknown): boolean => typeof value === "string" && value.trim() !== "";
  const isList = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === "string");
  const problem =
    !Array.isArray(emotions) ||
    !emotions.every(isText) ||
    new Set(emotions).size < emotions.length ||
    emotions.length < 4
      ? "emotions must be at least four different names"
      : (templates === undefined) === (texts === undefined)
        ? "either templates or texts are needed"
        : templates?.length === 0
          ? "at least one template is needed"
          : templates !== undefined && !isList(templates)
            ? `templates must be a list of texts, got ${JSON.stringify(templates)}`
            : texts !== undefined && !(typeof texts === "object" && Object.values(texts ?? {}).every(isList))
              ? "texts must be lists of texts by emotion"
              : folds !== undefined && (texts === undefined || !Number.isSafeInteger(folds) || folds < 1)
                ? `folds are of texts, an integer from 1, got ${folds}`
                : human?.length === 1
                  ? "human needs the RDMs of two people or more; pass a single one as an attribute"
                  : undefined;
  if (problem !== undefined) throw new ConfigError({ message: `runEmotionProbe: ${problem}` });
}

function attributesOf(
  emotions: readonly string[],
  given: RunEmotionProbeOptions["attributes"],
): Readonly<Record<string, Rdm>> {
  const usual = emotions.every((name) => Object.hasOwn(valence, name)) ? { valence } : {};
  return Object.fromEntries(
    Object.entries(given ?? usual).map(([name, attribute]) => {
      if (typeof attribute !== "object" || attribute === null) {
        throw new ConfigError({
          message: `runEmotionProbe: attribute "${name}" must be a number for each emotion, or an RDM, got ${JSON.stringify(attribute)}`,
          attribute: name,
        });
      }
      if ("values" in attribute && typeof attribute.values === "object") {
        const rdm = attribute as Rdm;
        checkSameConditions("runEmotionProbe", [rdm]);
        if (emotions.length === rdm.conditions.length && emotions.every((one, i) => one === rdm.conditions[i]))
          return [name, rdm];
        throw new ConfigError({
          message: `runEmotionProbe: the RDM of "${name}" has other conditions than the emotions, or another order; selectConditions puts them in order`,
          attribute: name,
        });
      }
      const ratings = attribute as Readonly<Record<string, number>>;
      const missing = emotions.find((one) => !Number.isFinite(ratings[one]));
      if (missing !== undefined) {
        throw new ConfigError({
          message: `runEmotionProbe: attribute "${name}" does not rate "${missing}"`,
          attribute: name,
        });
      }
      const patterns = emotions.map((one) => [ratings[one]!]);
      return [name, measureRdm(patterns, { metric: "difference", conditions: emotions })];
    }),
  );
}

function explain(
  site: string,
  rdm: Rdm,
  attributes: Readonly<Record<string, Rdm>>,
  {
    method,
    permutations,
    resamples,
    random,
  }: { method: Similarity; permutations: number; resamples: number; random: Random },
): ProbeSimilarity[] {
  const names = Object.keys(attributes);
  if (names.length === 0) return [];
  const models = Object.values(attributes);
  const tests = testSimilarity(rdm, models, { method, permutations, random: random.at("test").at(site) });
  // Each attribute alone: resamples in which one of many is constant say nothing against the others.
  const key = random.at("bootstrap").at(site);
  const intervals =
    rdm.conditions.length < FEWEST_FOR_INTERVALS
      ? []
      : models.map((model) => bootstrapSimilarity([rdm], [model], { method, resamples, random: key }).models[0]);
  return names.map((attribute, i) => {
    const { similarity, p, pAny } = tests[i]!;
    const interval = intervals[i];
    return {
      attribute,
      site,
      similarity,
      p,
      pAny,
      ...(interval !== undefined && { low: interval.low, high: interval.high }),
    };
  });
}
