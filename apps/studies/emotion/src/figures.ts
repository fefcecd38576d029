/** The study's figures: of the first seed where one run is shown, over all seeds where runs are compared. */
import {
  type ConditionMap,
  mapConditions,
  plotDendrogram,
  plotGrid,
  plotGroups,
  plotLayers,
  plotMap,
  plotModels,
  plotRdm,
  plotScatter,
  plotStaircase,
  plotStrip,
  polarityGroups,
  rdmOf,
  type StripUnit,
} from "@cambium/emotion-probing";
import { type Figure, plotBars } from "@cambium/report";
import type { Finished } from "@cambium/study-kit";
import { attributesOf } from "./emotions.ts";
import type { AblationResult, PromptResult, SimilarityResult } from "./runs.ts";
import type { SimilarityDetails } from "./similarity.ts";

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of each representation of the trained model, its runs, the first seed first. */
function byRepresentation<Result>(runs: readonly Finished<Result>[]): [string, Finished<Result>[]][] {
  const groups = new Map<string, Finished<Result>[]>();
  for (const run of runs.filter(({ cell }) => cell["weights"] === "pretrained")) {
    const name = `${run.cell["representation"]}`;
    groups.set(name, [...(groups.get(name) ?? []), run]);
  }
  return [...groups];
}

const polarityOf = (emotion: string): string =>
  Object.keys(polarityGroups).find((group) => polarityGroups[group]!.includes(emotion))!;

export function similarityFigures(runs: readonly Finished<SimilarityResult>[]): Figure[] {
  const groups = byRepresentation(runs);
  const [first] = groups;
  if (first === undefined) return [];
  const { conditions } = first[1][0]!.result.details;
  return [
    ...attributeFigures(conditions),
    ...groups.flatMap(([name, [run]]) => detailFigures(name, run!.result.details)),
  ];
}

/** F1: what people rate, as far as there are data. */
const attributeFigures = (conditions: readonly string[]): Figure[] =>
  Object.entries(attributesOf(conditions)).map(([name, rdm]) =>
    plotRdm(rdm, { title: `Distances of emotions by ${name}` }),
  );

/** F14, F2, layers, F3, F4, F5 of one run. */
function detailFigures(name: string, details: SimilarityDetails): Figure[] {
  const { conditions, layers, attributes, counts, neurons, example } = details;
  const rdm = rdmOf(conditions, details.rdm, "correlation");
  const names = Object.keys(attributes);
  const sets: Readonly<Record<string, readonly StripUnit[]>> = Object.fromEntries(
    names.map((attribute) => [
      attribute,
      neurons[attribute]!.map(([layer, unit, value]) => ({ layer, unit, value })).toSorted((a, b) => b.value - a.value),
    ]),
  );
  const found = Object.fromEntries(Object.entries(sets).filter(([, units]) => units.length > 0));
  const widths = layers.map(
    (_, layer) =>
      1 +
      Math.max(
        ...Object.values(sets)
          .flat()
          .map((u) => (u.layer === layer ? u.unit : 0)),
        0,
      ),
  );
  const top = Object.fromEntries(Object.entries(found).map(([attribute, units]) => [attribute, units.slice(0, 100)]));
  return [
    plotRdm(rdm, { title: `Distances of emotions to the model, ${name}` }),
    plotMap(mapOf(rdm.conditions, details.rdm), {
      title: `Map of emotions, ${name}`,
      groups: conditions.map(polarityOf),
    }),
    plotDendrogram(rdm, { title: `Groups of emotions, ${name}` }),
    plotRdm(rdmOf(conditions, example.rdm, "difference"), {
      title: `Distances at one neuron, L${example.layer}.${example.unit}, which follows valence best (tau ${example.tau.toFixed(2)}), ${name}`,
    }),
    plotModels(
      names.map((attribute) => ({ name: attribute, ...attributes[attribute]! })),
      { title: `Attributes and the whole model, ${name}`, label: "Spearman's rho; stars by permuted labels" },
    ),
    plotGrid(
      (["polarity", "valence", "people"] as const).map((model) => layers.map((layer) => layer[model])),
      {
        title: `Similarity by layer, ${name}`,
        rows: ["polarity", "valence", "people"],
        columns: layers.map((_, layer) => `layer ${layer}`),
      },
    ),
    ...(Object.keys(found).length === 0
      ? []
      : [
          plotStrip(found, {
            title: `Tau of significant neurons by layer, as the reference study counts, ${name}`,
            widths,
          }),
          plotStaircase(top, { title: `The 100 best neurons of each attribute, ${name}` }),
          plotLayers(found, {
            title: `Significant neurons by layer, as the reference study counts, ${name}`,
            layers: layers.length,
          }),
        ]),
    plotGroups(
      names.map((attribute) => [sum(counts[attribute]!.naive), sum(counts[attribute]!.permuted)]),
      {
        title: `Significant neurons as counted there and by permuted labels, ${name}`,
        groups: names,
        series: ["pairs as if independent, q < 0.01", "permuted labels, q ≤ 0.05"],
        label: "neurons",
      },
    ),
  ];
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

const mapOf = (conditions: readonly string[], values: readonly number[]): ConditionMap =>
  mapConditions(rdmOf(conditions, values, "correlation"), { method: "smacof" });

export const ablationFigures = (runs: readonly Finished<AblationResult>[]): Figure[] =>
  byRepresentation(runs).flatMap(([name, group]) => [
    ...dropFigures(
      name,
      group.map(({ result }) => result.details),
    ),
    ...weightFigures(
      name,
      group.map(({ result }) => result),
    ),
  ]);

/** F9 and F10. */
function weightFigures(name: string, runs: readonly AblationResult[]): Figure[] {
  const { weights } = runs[0]!;
  const names = Object.keys(runs[0]!.details.sets);
  if (names.length < 4) return [];
  return (["random", "layer"] as const).map((kind) =>
    plotScatter(
      names.map((set) => ({
        name: set,
        x: weights[set]!,
        y: mean(runs.map(({ details: { sets } }) => mean(sets[set]![kind]) - mean(sets[set]!.own))),
      })),
      {
        title: `Drop against ${TITLES[kind]}, and what the attribute says of people's similarity, ${name}`,
        x: "Kendall's tau with how people give labels together",
        y: "drop (points)",
      },
    ),
  );
}

const TITLES = { random: "random neurons", layer: "random neurons of the same layers" } as const;

export function promptFigures(runs: readonly Finished<PromptResult>[]): Figure[] {
  const results = runs.map(({ result }) => result);
  if (results.length === 0) return [];
  const emotions = [...new Set(results[0]!.accuracies.map(({ emotion }) => emotion))];
  const accuracies = emotions.map((emotion) => ({
    name: emotion,
    ...spread(
      results.flatMap((one) => one.accuracies.filter((each) => each.emotion === emotion).map((each) => each.accuracy)),
    ),
  }));
  const ablations = results.flatMap(({ details }) => details.ablation ?? []);
  return [
    plotBars({
      title: "Development accuracy of prompts; chance is 50 %",
      description: "Means and 95 % normal intervals over prompts.",
      value: { label: "accuracy", unit: "%" },
      rows: accuracies,
    }),
    ...detailFigures("prompts", results[0]!.details.similarity),
    ...(ablations.length === 0 ? [] : dropFigures("prompts", ablations)),
  ];
}

function spread(values: readonly number[]): { value: number; low?: number; high?: number } {
  const value = mean(values);
  if (values.length < 2) return { value };
  const error = Math.sqrt(sum(values.map((one) => (one - value) ** 2)) / (values.length - 1) / values.length);
  return { value, low: value - 1.96 * error, high: value + 1.96 * error };
}

type Ablated = AblationResult["details"];

/** F6, F7, F8 and F10, under both controls. */
function dropFigures(name: string, runs: readonly Ablated[]): Figure[] {
  const [{ emotions, sets }] = runs as readonly [Ablated];
  const names = Object.keys(sets);
  /** Mean over runs and attributes of each emotion's accuracy. */
  const accuracy = (kind: "own" | "random" | "layer"): number[] =>
    emotions.map((_, e) => mean(runs.flatMap((run) => names.map((set) => run.sets[set]![kind][e]!))));
  const intact = emotions.map((_, e) => mean(runs.map((run) => run.intact[e]!)));
  const [own, random, layer] = [accuracy("own"), accuracy("random"), accuracy("layer")];
  const drops = (of: (run: Ablated) => number) => {
    const { value, low, high } = spread(runs.map(of));
    return { similarity: value, ...(low !== undefined && high !== undefined && { low, high }) };
  };
  const ofAttribute =
    (set: string, kind: "random" | "layer") =>
    (run: Ablated): number =>
      mean(run.sets[set]![kind]) - mean(run.sets[set]!.own);
  const ofEmotion =
    (e: number, kind: "random" | "layer") =>
    (run: Ablated): number =>
      mean(names.map((set) => run.sets[set]![kind][e]! - run.sets[set]!.own[e]!));
  const described =
    "Points of accuracy that the attribute's neurons cost more than random ones; means and 95 % normal intervals over seeds.";
  const kinds = ["random", "layer"] as const;
  return [
    plotGroups(
      emotions.map((_, e) => [intact[e]!, random[e]!, layer[e]!, own[e]!]),
      {
        title: `Accuracy by emotion, ${name}`,
        groups: emotions,
        series: ["intact", "random", "random of the same layers", "attributes' neurons"],
        label: "accuracy (%)",
      },
    ),
    ...kinds.map((kind) =>
      plotModels(
        emotions.map((emotion, e) => ({ name: emotion, ...drops(ofEmotion(e, kind)) })),
        { title: `Drop by emotion against ${TITLES[kind]}, ${name}`, description: described, label: "points" },
      ),
    ),
    ...kinds.map((kind) =>
      plotModels(
        names.map((set) => ({ name: set, ...drops(ofAttribute(set, kind)), p: runs[0]!.p[set]![kind] })),
        {
          title: `Drop by attribute against ${TITLES[kind]}, ${name}`,
          description: `${described} Stars by random sets, first seed.`,
          label: "points",
        },
      ),
    ),
    plotGrid(
      names.map((set) =>
        emotions.map((_, e) => mean(runs.map((run) => run.sets[set]!.layer[e]! - run.sets[set]!.own[e]!))),
      ),
      {
        title: `Drop against random neurons of the same layers, ${name}`,
        rows: names,
        columns: emotions,
        numbers: false,
        colors: "cividis",
      },
    ),
    ...(names.length < 4
      ? []
      : [
          plotScatter(
            names.map((set) => ({
              name: set,
              x: mean(runs.map((run) => earlyShare(run.layers[set]!))),
              y: mean(runs.map(ofAttribute(set, "random"))),
            })),
            {
              title: `Unmatched drop and where the neurons are, ${name}`,
              x: "share of the set in the first quarter of the layers",
              y: "drop (points)",
            },
          ),
        ]),
  ];
}

function earlyShare(counts: readonly number[]): number {
  const first = Math.max(1, Math.round(counts.length / 4));
  return sum(counts.slice(0, first)) / sum(counts);
}
