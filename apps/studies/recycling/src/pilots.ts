/** What is left of an old tuning on new versions before anything is trained, and what lies between versions. */
import { line, measureBarrier } from "@cambium/connectivity";
import { disposeParameters } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import {
  attentionSimilarity,
  type CompatibilityReport,
  cka,
  compatibilityReport,
  measureAgreement,
  recycle,
  updateRobust,
} from "@cambium/recycling";
import { type Bench, free, openScorer, tune } from "./bench.ts";
import { jointly, jointPoint } from "./jointly.ts";

/** An old tuning as it is on later versions, in percent and shares. */
export interface Direct extends Record<string, number> {
  /** What the old tuned model scores, and a constant answer. */
  readonly old: number;
  readonly constant: number;
  /** On the second version. */
  readonly direct: number;
  /** Share of the gain over a constant answer that is left on the second version, the third, the control; 0 where the old model has none. */
  readonly kept: number;
  readonly keptByThird: number;
  readonly keptByControl: number;
  /** Rank correlation of steps and scores; 0 where no score differs. */
  readonly decay: number;
  /** Percent of the rows that the second version gets wrong and the old model right. */
  readonly flips: number;
}

/** Puts the old delta onto every version. */
export async function direct({ versions, head, key, data }: Bench, old: Tuned<LanguageModel>): Promise<Direct> {
  const open = (at: number | "control") => () => versions.open(at, head, key.at("head"));
  const found = await compatibilityReport(
    old,
    [
      ...versions.steps.map((step) => ({ name: `step ${step}`, step, model: open(step) })),
      { name: "control", model: open("control") },
    ],
    data.test,
  );
  const { reference, baseline, checkpoints, decay = 0 } = found;
  const hasGain = reference.accuracy! > baseline!.accuracy!;
  const at = (step: number | undefined): CompatibilityReport["checkpoints"][number] =>
    checkpoints.find((each) => each.step === step)!;
  const keptAt = (step: number | undefined): number => (hasGain ? at(step).kept! : 0);
  const second = await open(versions.second)();
  const moved = await recycle(old, second, { method: "initialise" });
  const { flips } = await measureAgreement(old, moved, data.test);
  for (const tree of [moved.parameters, second.parameters]) disposeParameters(tree);
  return {
    old: 100 * reference.accuracy!,
    constant: 100 * baseline!.accuracy!,
    direct: 100 * at(versions.second).score.accuracy!,
    kept: keptAt(versions.second),
    keptByThird: keptAt(versions.third),
    keptByControl: keptAt(undefined),
    decay,
    flips: 100 * flips!.negativeFlips,
  };
}

/** What the old task scores on the second version by a delta that was tuned to survive updates, applied as it is, in percent. */
export async function robust(bench: Bench): Promise<number> {
  const { versions, head, key, data } = bench;
  const start = await bench.start(0);
  const { parameters } = await tune(bench, "robust", start, updateRobust(start));
  const second = await versions.open(versions.second, head, key.at("head"));
  const moved = await recycle(start.with(parameters), second, { method: "initialise" });
  const scorer = await openScorer(moved, data.test);
  try {
    return await scorer.score(moved.parameters);
  } finally {
    scorer.dispose();
    for (const tree of [moved.parameters, second.parameters, parameters]) disposeParameters(tree);
    free(start);
  }
}

/** Points of percent that the score drops between two tuned versions, backbones and deltas mixed alike. */
export async function dropBetween(
  { cell, data }: Bench,
  a: Tuned<LanguageModel>,
  b: Tuned<LanguageModel>,
): Promise<number> {
  const path = line(jointPoint(a), jointPoint(b));
  const { scoreDrop } = await measureBarrier(jointly(a), path, data.test, { points: cell.points, resamples: 0 });
  return 100 * scoreDrop!;
}

/** How alike two tuned versions work inside. */
export interface Inside extends Record<string, number> {
  /** Similarity of the head at the same index, of another head, and of the same index in the control, 0 to 1. */
  readonly same: number;
  readonly other: number;
  readonly sameInControl: number;
  /** By how much the head at the same index is more alike than another one. */
  readonly headGap: number;
  /** Share of the heads that are most like the one at their own index. */
  readonly matched: number;
  /** CKA of equal layers, and of those of the control: the mean. */
  readonly cka: number;
  readonly ckaOfControl: number;
}

/** Compares attention and states of two tuned versions, and of the first with the control. */
export async function inside(
  { data }: Bench,
  old: Tuned<LanguageModel>,
  current: Tuned<LanguageModel>,
  control: Tuned<LanguageModel>,
): Promise<Inside> {
  const heads = await attentionSimilarity(old, current, data.curve, { controls: { control } });
  const alike = async (other: Tuned<LanguageModel>): Promise<number> => {
    const { matrix } = await cka(old, other, data.curve);
    return matrix.reduce((sum, row, i) => sum + row[i]!, 0) / matrix.length;
  };
  const { meanSame, meanOther, matched, controls } = heads;
  return {
    same: meanSame,
    other: meanOther,
    sameInControl: controls["control"]!.meanSame,
    headGap: meanSame - meanOther,
    matched,
    cka: await alike(current),
    ckaOfControl: await alike(control),
  };
}
