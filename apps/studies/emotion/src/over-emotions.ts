/** Tests over emotions, as the reference study makes them, beside those that hold: of means over the seeds. */

import { random } from "@cambium/core";
import { type Correspondence, dipTest, measureCorrespondence, testMeans } from "@cambium/emotion-probing";
import { type Finished, markdownTable } from "@cambium/study-kit";
import type { AblationResult } from "./runs.ts";

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Drops in points by attribute and emotion, against random sets that are matched by layer or not. */
export function dropsOf(
  runs: readonly Finished<AblationResult>[],
  control: "random" | "layer",
): Readonly<Record<string, Readonly<Record<string, number>>>> {
  const { emotions, sets } = runs[0]!.result.details;
  const drop = (attribute: string, at: number): number =>
    mean(
      runs.map(({ result }) => {
        const set = result.details.sets[attribute]!;
        return set[control][at]! - set.own[at]!;
      }),
    );
  return Object.fromEntries(
    Object.keys(sets).map((attribute) => [
      attribute,
      Object.fromEntries(emotions.map((emotion, at) => [emotion, drop(attribute, at)])),
    ]),
  );
}

/** By emotion, what each attribute's neurons cost, against how much the attribute counts for people. */
function correspondenceOf(
  runs: readonly Finished<AblationResult>[],
  drops: ReturnType<typeof dropsOf>,
): Correspondence | undefined {
  const attributes = Object.keys(drops);
  const { emotions } = runs[0]!.result.details;
  const byEmotion = Object.fromEntries(
    emotions.map((emotion) => [emotion, Object.fromEntries(attributes.map((name) => [name, drops[name]![emotion]!]))]),
  );
  // An emotion that nothing hurts, or everything as much, corresponds to nothing.
  const varied = Object.fromEntries(
    Object.entries(byEmotion).filter(([, row]) => new Set(Object.values(row)).size > 1),
  );
  if (attributes.length < 3 || Object.keys(varied).length < 2) return undefined;
  const weights = Object.fromEntries(
    attributes.map((name) => [name, mean(runs.map(({ result }) => result.weights[name]!))]),
  );
  if (new Set(Object.values(weights)).size === 1) return undefined;
  return measureCorrespondence(varied, weights, { random: random(1).at("correspondence") });
}

const CONTROLS = [
  ["layer", "matched by layer"],
  ["random", "unmatched"],
] as const;

/** A table of the attributes and a sentence on their correspondence, for each representation. */
export function overEmotionsText(runs: readonly Finished<AblationResult>[]): readonly string[] {
  const names = [...new Set(runs.map(({ cell }) => String(cell["representation"])))];
  return names.flatMap((name) => {
    const own = runs.filter(({ cell }) => cell["representation"] === name);
    const { emotions } = own[0]!.result.details;
    const drops = dropsOf(own, "layer");
    const values = Object.fromEntries(
      Object.entries(drops).map(([attribute, row]) => [attribute, Object.values(row)] as const),
    );
    const tested = testMeans(values);
    const rows = Object.entries(tested).map(([attribute, { mean: drop, low, high, t, q }]) => [
      attribute,
      `${drop.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`,
      Number.isNaN(t) ? "–" : t.toFixed(2),
      q.toFixed(4),
      emotions.length < 4 ? "–" : dipTest(values[attribute]!, { random: random(1).at(attribute) }).p.toFixed(3),
    ]);
    const sentences = CONTROLS.flatMap(([control, about]) => {
      const found = correspondenceOf(own, dropsOf(own, control));
      return found === undefined
        ? []
        : [
            `${about}, r = ${found.mean.toFixed(2)} [${found.low.toFixed(2)}, ${found.high.toFixed(2)}], t(${found.degrees}) = ${found.t.toFixed(1)}, p = ${found.p.toPrecision(2)} over emotions, and ${found.pByAttributes.toFixed(3)} by orders of the attributes`,
          ];
    });
    return [
      `Drops over the ${emotions.length} emotions by ${name}, against random sets matched by layer, with one-sided t tests over emotions (q by Benjamini and Hochberg) and Hartigan's dip. Emotions share the masks, so these tests say nothing of other masks.`,
      markdownTable(["attribute", "drop (points)", "t", "q", "p of the dip"], rows),
      ...(sentences.length === 0
        ? []
        : [
            `Correlation of drops with how much an attribute counts for people, emotion by emotion: ${sentences.join("; ")}.`,
          ]),
    ];
  });
}
