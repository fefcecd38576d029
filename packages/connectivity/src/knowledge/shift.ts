/** What a model forgets and learns on the way from one point to another. */
import { ConfigError, ShapeError } from "@cambium/base";
import type { PathMeasurement } from "../barrier/run-path.ts";
import type { Cartography } from "./cartography.ts";

/** Examples that changed between a point of the path and the one before it. */
export interface KnowledgeStep {
  readonly t: number;
  /** Right before, wrong here; by their places in the data. */
  readonly forgotten: readonly number[];
  /** Wrong before, right here. */
  readonly learned: readonly number[];
  /** Means of the cartography over them, where it was given and there are any. */
  readonly forgottenConfidence?: number;
  readonly forgottenVariability?: number;
  readonly learnedConfidence?: number;
  readonly learnedVariability?: number;
}

/** Knowledge along a path. */
export interface KnowledgeShift {
  /** A step for every point but the first. */
  readonly steps: readonly KnowledgeStep[];
  /** Right at the start, and wrong somewhere later. */
  readonly everForgotten: readonly number[];
  /** Of these, those that are right again at the end. */
  readonly recovered: readonly number[];
  /** Wrong at the start and right at the end. */
  readonly acquired: readonly number[];
}

/**
 * Forgotten and learned examples at each point of a measured path, against the point before it.
 *
 * @param measured - Of `runPath`, on rows with labels.
 * @param cartography - Of the same rows in the same order, from the training of the end that knows them. @default none
 * @throws {ConfigError} When the path was measured without `correct`.
 * @throws {ShapeError} When the cartography is of another number of rows.
 * @see Qin et al. 2022, Exploring Mode Connectivity for Pre-trained Language Models, arXiv:2210.14102, section 5.
 * @example
 * const { steps } = measureKnowledge(await measureBarrier(tuned, line(a, b), trainRows, { points: 6 }), map.result());
 */
export function measureKnowledge(
  { points }: Pick<PathMeasurement, "points">,
  cartography?: Cartography,
): KnowledgeShift {
  const rights = points.map(({ values }) => values["correct"]);
  if (rights.some((right) => right === undefined))
    throw new ConfigError({ message: 'measureKnowledge: the path must be measured with "correct" for each row' });
  const count = rights[0]!.length;
  if (cartography !== undefined && cartography.confidence.length !== count) {
    throw new ShapeError({
      message: `measureKnowledge: the cartography is of ${cartography.confidence.length} rows, the path of ${count}`,
    });
  }
  const all = Array.from({ length: count }, (_, i) => i);
  const isRight = (k: number, i: number): boolean => rights[k]![i]! > 0.5;
  const last = points.length - 1;
  const steps = points.slice(1).map(({ t }, k): KnowledgeStep => {
    const forgotten = all.filter((i) => isRight(k, i) && !isRight(k + 1, i));
    const learned = all.filter((i) => !isRight(k, i) && isRight(k + 1, i));
    return {
      t,
      forgotten,
      learned,
      ...meansOf("forgotten", forgotten, cartography),
      ...meansOf("learned", learned, cartography),
    };
  });
  const everForgotten = all.filter((i) => isRight(0, i) && points.some((_, k) => !isRight(k, i)));
  return {
    steps,
    everForgotten,
    recovered: everForgotten.filter((i) => isRight(last, i)),
    acquired: all.filter((i) => !isRight(0, i) && isRight(last, i)),
  };
}

function meansOf(which: "forgotten" | "learned", places: readonly number[], cartography?: Cartography): object {
  if (cartography === undefined || places.length === 0) return {};
  const mean = (list: Float64Array): number => places.reduce((sum, i) => sum + list[i]!, 0) / places.length;
  return {
    [`${which}Confidence`]: mean(cartography.confidence),
    [`${which}Variability`]: mean(cartography.variability),
  };
}
