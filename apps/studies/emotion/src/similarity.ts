/** What explains how far apart emotions are to the model, and which neurons follow what explains it. */
import { result } from "@cambium/base";
import type { Random } from "@cambium/core";
import {
  adjustP,
  type ConditionActivations,
  compareRdms,
  measureSplitHalf,
  type Rdm,
  repeatRdms,
  runSearchlight,
  type Searchlight,
  selectConditions,
  similarityOf,
  testSimilarity,
} from "@cambium/emotion-probing";
import type { Baselines } from "./emotions.ts";
import type { Extent } from "./plan.ts";

/** Numbers of a run's similarity. Correlations are Spearman's. */
export interface SimilarityMeasures {
  /** How far all repeats together are reliable, by Spearman and Brown's formula. */
  readonly reliability: number;
  /** With the groups of polarity, over all neurons; and at the layer that is best on the first repeat, measured on the others. */
  readonly polarity: number;
  readonly polarityAtBest: number;
  /** Of that test, by permuted labels. */
  readonly polarityP: number;
  readonly valence: number;
  readonly ekman: number;
  readonly people: number;
  /** With people's similarity, after valence is taken out of both. */
  readonly peopleGivenValence: number;
  /** What the model says of people's similarity more than counts of words do, and less than valence does. */
  readonly peopleBeyondWords: number;
  readonly valenceBeyondModel: number;
  /** Neurons at q ≤ 0.05 for valence by permuted labels, and how many more these are than for a valence with shuffled labels. */
  readonly valenceNeurons: number;
  readonly valenceExcess: number;
  /** Share of tests, neurons times attributes, at p ≤ 0.01 as if pairs were independent, and how much more than by permuted labels. In percent. */
  readonly parametricShare: number;
  readonly parametricExcess: number;
}

/** What figures show. */
export interface SimilarityDetails {
  readonly conditions: readonly string[];
  readonly rdm: readonly number[];
  /** By layer: with valence, polarity and people. */
  readonly layers: readonly { readonly valence: number; readonly polarity: number; readonly people: number }[];
  /** By attribute: correlation with the model's RDM over all neurons, and p. */
  readonly attributes: Readonly<
    Record<string, { readonly similarity: number; readonly p: number; readonly weight: number }>
  >;
  /** Neurons by attribute and layer that are significant as the reference study counts, and by permuted labels. */
  readonly counts: Readonly<
    Record<string, { readonly naive: readonly number[]; readonly permuted: readonly number[] }>
  >;
  /** Of those neurons as the study counts, `[layer, unit, tau]`. */
  readonly neurons: Readonly<Record<string, readonly (readonly [layer: number, unit: number, tau: number])[]>>;
  /** Distances of the best neuron for valence. */
  readonly example: {
    readonly layer: number;
    readonly unit: number;
    readonly tau: number;
    readonly rdm: readonly number[];
  };
}

export interface Similarity {
  readonly measures: SimilarityMeasures;
  readonly details: SimilarityDetails;
  /** By Kendall's tau, as neurons are chosen. */
  readonly taus: Searchlight;
}

const round = (value: number, digits = 4): number => Number(value.toFixed(digits));
const rounded = (values: ArrayLike<number>): number[] => Array.from(values, (value) => round(value));

export async function measureSimilarity(
  activations: ConditionActivations,
  attributes: Readonly<Record<string, Rdm>>,
  { polarity, ekman, people, words }: Baselines,
  { permutations }: Extent,
  random: Random,
): Promise<Similarity> {
  const { conditions, sites } = activations;
  const rdm = similarityOf(activations);
  const repeats = repeatRdms(activations);
  const byLayer = sites.map(({ path }) => similarityOf(activations, "correlation", path));
  const best = bestLayer(activations, polarity);
  const [atBest] = testSimilarity(best, [polarity], { permutations, random: random.at("polarity") });
  const found = testSimilarity(rdm, Object.values(attributes), { permutations, random: random.at("attributes") });

  const shuffled = shuffle(attributes["valence"]!, random.at("shuffled"));
  const light = await result(
    runSearchlight(activations, attributes, { permutations, random: random.at("searchlight") }),
  );
  const taus = await result(
    runSearchlight(activations, attributes, { method: "tau-b", random: random.at("searchlight") }),
  );
  // Alone, so that the adjustment is over the same number of tests for both.
  const alone = (valence: Rdm): Promise<Searchlight> =>
    result(runSearchlight(activations, { valence }, { permutations, random: random.at("control") }));
  const real = await alone(attributes["valence"]!);
  const control = await alone(shuffled);
  const significant = ({ attributes: [one] }: Searchlight): number => one!.q.filter((q) => q <= 0.05).length;
  const share = ({ attributes: all }: Searchlight): number => {
    const p = all.flatMap((one) => [...one.p]);
    return (100 * p.filter((value) => value <= 0.01).length) / p.length;
  };
  const names = Object.keys(attributes);
  return {
    taus,
    measures: {
      reliability: repeats.length > 1 ? measureSplitHalf(repeats, { random: random.at("halves") }).whole : 0,
      polarity: compareRdms(rdm, polarity),
      polarityAtBest: atBest!.similarity,
      polarityP: atBest!.p,
      valence: compareRdms(rdm, attributes["valence"]!),
      ekman: compareRdms(rdm, ekman),
      people: compareRdms(rdm, people),
      peopleGivenValence: compareRdms(rdm, people, { given: [attributes["valence"]!] }),
      peopleBeyondWords: compareRdms(rdm, people) - compareRdms(words, people),
      valenceBeyondModel: compareRdms(attributes["valence"]!, people) - compareRdms(rdm, people),
      valenceNeurons: significant(real),
      valenceExcess: significant(real) - significant(control),
      parametricShare: share(taus),
      parametricExcess: share(taus) - share(light),
    },
    details: {
      conditions,
      rdm: rounded(rdm.values),
      layers: byLayer.map((one) => ({
        valence: round(compareRdms(one, attributes["valence"]!)),
        polarity: round(compareRdms(one, polarity)),
        people: round(compareRdms(one, people)),
      })),
      attributes: Object.fromEntries(
        names.map((name, a) => [
          name,
          {
            similarity: round(found[a]!.similarity),
            p: found[a]!.p,
            weight: round(compareRdms(people, attributes[name]!, { method: "tau-b" })),
          },
        ]),
      ),
      ...neuronsOf(activations, taus, light, names),
    },
  };
}

/** The layer whose first repeat follows polarity best, as the other repeats have it; the layer itself where there is one repeat. */
function bestLayer(activations: ConditionActivations, polarity: Rdm): Rdm {
  const { sites, values } = activations;
  const part = (from: number, to?: number): ConditionActivations => ({
    ...activations,
    values: new Map([...values].map(([path, repeats]) => [path, repeats.slice(from, to)])),
  });
  const [chosenOn, judgedOn] = [...values.values()][0]!.length > 1 ? [part(0, 1), part(1)] : [part(0), part(0)];
  const scores = sites.map(({ path }) => compareRdms(similarityOf(chosenOn, "correlation", path), polarity));
  const { path } = sites[scores.indexOf(Math.max(...scores))]!;
  return similarityOf(judgedOn, "correlation", path);
}

/** The same distances under other labels. */
function shuffle(rdm: Rdm, random: Random): Rdm {
  const order = Array.from(random.permutation(rdm.conditions.length), (i) => rdm.conditions[i]!);
  return { ...selectConditions(rdm, order), conditions: rdm.conditions };
}

/** As the reference study counts: q below 0.01 by `p · tests / rank`, over all neurons and attributes. */
const NAIVE_LEVEL = 0.01;

function neuronsOf(
  activations: ConditionActivations,
  taus: Searchlight,
  light: Searchlight,
  names: readonly string[],
): Pick<SimilarityDetails, "counts" | "neurons" | "example"> {
  const { sites, values } = activations;
  const layerOf = new Map(sites.map(({ path }, layer) => [path, layer]));
  const naive = naiveQ(taus);
  const places = taus.lights.map(({ site, units }) => [layerOf.get(site.path)!, units[0]!] as const);
  const perLayer = (isFound: (i: number) => boolean): number[] => {
    const counts = sites.map(() => 0);
    places.forEach(([layer], i) => {
      if (isFound(i)) counts[layer]!++;
    });
    return counts;
  };
  const valence = taus.attributes.find(({ name }) => name === "valence")!.values;
  const best = valence.indexOf(Math.max(...valence));
  const [layer, unit] = places[best]!;
  const { path } = sites[layer]!;
  const alone: ConditionActivations = {
    ...activations,
    sites: [{ ...sites[layer]!, width: 1 }],
    values: new Map([[path, values.get(path)!.map((rows) => rows.map((row) => row.slice(unit, unit + 1)))]]),
  };
  return {
    counts: Object.fromEntries(
      names.map((name, a) => [
        name,
        {
          naive: perLayer((i) => naive[a]![i]! < NAIVE_LEVEL),
          permuted: perLayer((i) => light.attributes[a]!.q[i]! <= 0.05),
        },
      ]),
    ),
    neurons: Object.fromEntries(
      names.map((name, a) => [
        name,
        places.flatMap(([inLayer, ofUnit], i) =>
          naive[a]![i]! < NAIVE_LEVEL ? [[inLayer, ofUnit, round(taus.attributes[a]!.values[i]!, 2)] as const] : [],
        ),
      ]),
    ),
    example: { layer, unit, tau: round(valence[best]!), rdm: rounded(similarityOf(alone, "difference").values) },
  };
}

function naiveQ({ attributes, lights }: Searchlight): readonly Float64Array[] {
  const all = adjustP(Float64Array.from(attributes.flatMap(({ p }) => [...p])), "naive");
  return attributes.map((_, a) => all.slice(a * lights.length, (a + 1) * lights.length));
}
