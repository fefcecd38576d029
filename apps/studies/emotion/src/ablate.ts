/** What becomes of naming emotions when the neurons of an attribute are taken out, beside random ones. */
import { result } from "@cambium/base";
import type { Random } from "@cambium/core";
import {
  type AblationMode,
  type AblationRow,
  type AblationTask,
  type ControlKind,
  type NeuronScores,
  type RunAblationOptions,
  runAblation,
  type Searchlight,
  scoresOf,
  selectUnits,
} from "@cambium/emotion-probing";
import type { RunnableModel, Unit } from "@cambium/models";
import { pearson } from "@cambium/train";
import type { Extent } from "./plan.ts";

/** Numbers of a run's ablations. Accuracies and drops are in percent and points, means over emotions and over attributes. */
export interface AblationMeasures {
  /** Of the model as it is, and by always giving one answer. */
  readonly accuracy: number;
  readonly majority: number;
  readonly aboveMajority: number;
  /** What taking out attributes' neurons costs more than taking out random ones does: unmatched, and matched by layer. */
  readonly dropUnmatched: number;
  readonly dropLayer: number;
  /** The part of the first that matching layers takes away. */
  readonly dueToLayers: number;
  /** The same of valence's neurons alone, the last also matched by mean activation; and with means in place of zeros. */
  readonly valenceUnmatched: number;
  readonly valenceLayer: number;
  readonly valenceActivation: number;
  readonly valenceMean: number;
}

/** And over the attributes, where there are enough: correlations of Pearson. */
export interface AttributeMeasures {
  /** Of drops with how much the attribute says of people's similarity, under both controls. */
  readonly correspondenceUnmatched: number;
  readonly correspondenceLayer: number;
  /** Of unmatched drops with the share of the attribute's neurons that lies in the first quarter of the layers. */
  readonly earlyLayers: number;
}

/** By task and set: accuracies in percent, mean over draws. */
export interface AblationDetails {
  readonly emotions: readonly string[];
  readonly intact: readonly number[];
  /** By attribute, of each emotion. */
  readonly sets: Readonly<
    Record<
      string,
      { readonly own: readonly number[]; readonly random: readonly number[]; readonly layer: readonly number[] }
    >
  >;
  /** Of each attribute's mean drop: how many random sets cost as much, `(1 + b) / (1 + draws)`. */
  readonly p: Readonly<Record<string, { readonly random: number; readonly layer: number }>>;
  /** Of the neurons that were taken out, how many of each layer. */
  readonly layers: Readonly<Record<string, readonly number[]>>;
}

/** A model and what it is asked. */
export interface Asked {
  readonly model: Pick<RunnableModel, "sites" | "forward" | "config">;
  readonly tasks: readonly AblationTask[];
}

export interface Ablation {
  readonly measures: AblationMeasures;
  readonly details: AblationDetails;
}

/** The greatest share of neurons by each attribute's tau. */
export function setsOf(
  taus: Searchlight,
  names: readonly string[],
  { share }: Extent,
): Readonly<Record<string, readonly Unit[]>> {
  return Object.fromEntries(names.map((name) => [name, selectUnits(scoresOf(taus, name), { top: share })]));
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Runs all models' tasks under the same sets; rows of several models are rows of one table. */
async function rowsUnder(asked: readonly Asked[], options: RunAblationOptions): Promise<readonly AblationRow[]> {
  const rows: AblationRow[] = [];
  for (const { model, tasks } of asked) rows.push(...(await result(runAblation(model as never, tasks, options))).rows);
  return rows;
}

/** Mean accuracy in percent over tasks of some rows, draw by draw. */
function byDraw(rows: readonly AblationRow[], set: string, control: "none" | ControlKind): number[] {
  const draws = new Map<number, number[]>();
  for (const row of rows) {
    if (row.set !== set || row.control !== control) continue;
    draws.set(row.draw, [...(draws.get(row.draw) ?? []), 100 * row.score]);
  }
  return [...draws.values()].map(mean);
}

/** What a set costs more than a control's mean. */
const specific = (rows: readonly AblationRow[], set: string, control: ControlKind): number =>
  mean(byDraw(rows, set, control)) - byDraw(rows, set, "none")[0]!;

export async function measureAblation(
  asked: readonly Asked[],
  sets: Readonly<Record<string, readonly Unit[]>>,
  levels: NeuronScores,
  majority: number,
  draws: number,
  random: Random,
): Promise<Ablation> {
  const key = random.at("ablation");
  const shared = { draws, random: key, atOnce: 32 };
  const { valence } = sets as { readonly valence: readonly Unit[] };
  const matched = await rowsUnder(asked, { ...shared, sets, controls: ["layer"] });
  // All sets are of one size, so that one draw of unmatched random sets serves all of them.
  const others = await rowsUnder(asked, {
    ...shared,
    sets: { valence },
    controls: ["random", "layer+activation"],
    levels,
  });
  const unmatched = others.filter(({ control }) => control === "random");
  const rows = [...matched, ...Object.keys(sets).flatMap((set) => unmatched.map((row) => ({ ...row, set })))];
  const mode: AblationMode = { kind: "mean", means: levels };
  const means = await rowsUnder(asked, { ...shared, sets: { valence }, controls: ["layer"], mode });

  const names = Object.keys(sets);
  const emotions = [...new Set(rows.map(({ task }) => task))];
  const of = (set: string, control: "none" | ControlKind): number[] =>
    emotions.map((emotion) =>
      mean(
        rows
          .filter((row) => row.task === emotion && row.set === set && row.control === control)
          .map(({ score }) => 100 * score),
      ),
    );
  const pOf = (set: string, control: ControlKind): number => {
    const [own] = byDraw(rows, set, "none");
    const others = byDraw(rows, set, control);
    return (1 + others.filter((value) => value <= own! + 1e-9).length) / (1 + others.length);
  };
  const layerCount = 1 + Math.max(...levels.sites.map(({ layer }) => layer ?? 0));
  const accuracy = mean(of("none", "none"));
  const [dropUnmatched, dropLayer] = (["random", "layer"] as const).map((control) =>
    mean(names.map((name) => specific(rows, name, control))),
  ) as [number, number];
  return {
    measures: {
      accuracy,
      majority,
      aboveMajority: accuracy - majority,
      dropUnmatched,
      dropLayer,
      dueToLayers: dropUnmatched - dropLayer,
      valenceUnmatched: specific(rows, "valence", "random"),
      valenceLayer: specific(rows, "valence", "layer"),
      valenceActivation: specific(others, "valence", "layer+activation"),
      valenceMean: specific(means, "valence", "layer"),
    },
    details: {
      emotions,
      intact: of("none", "none"),
      sets: Object.fromEntries(
        names.map((name) => [name, { own: of(name, "none"), random: of(name, "random"), layer: of(name, "layer") }]),
      ),
      p: Object.fromEntries(names.map((name) => [name, { random: pOf(name, "random"), layer: pOf(name, "layer") }])),
      layers: Object.fromEntries(
        names.map((name) => [
          name,
          Array.from({ length: layerCount }, (_, layer) => sets[name]!.filter((unit) => unit.layer === layer).length),
        ]),
      ),
    },
  };
}

/** Correlations over the attributes. `weights` say how much each says of people's similarity. */
export function overAttributes(
  { sets, layers }: AblationDetails,
  weights: Readonly<Record<string, number>>,
): AttributeMeasures {
  const names = Object.keys(sets);
  const drop = (name: string, control: "random" | "layer"): number =>
    mean(sets[name]![control]) - mean(sets[name]!.own);
  const weight = names.map((name) => weights[name]!);
  const early = names.map((name) => {
    const counts = layers[name]!;
    const first = Math.max(1, Math.round(counts.length / 4));
    return counts.slice(0, first).reduce((sum, n) => sum + n, 0) / counts.reduce((sum, n) => sum + n, 0);
  });
  const unmatched = names.map((name) => drop(name, "random"));
  const related = (a: readonly number[], b: readonly number[]): number => {
    const found = pearson(a, b);
    return Number.isFinite(found) ? found : 0; // one of the two is the same for all
  };
  return {
    correspondenceUnmatched: related(unmatched, weight),
    correspondenceLayer: related(
      names.map((name) => drop(name, "layer")),
      weight,
    ),
    earlyLayers: related(unmatched, early),
  };
}
