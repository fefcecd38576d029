/** Which layers a partial model keeps. */
import { ConfigError, checkOptions } from "@cambium/base";
import type { Random } from "@cambium/core";

/** Ways to choose layers by their number alone, or by a draw. */
export type LayerStrategy = "even" | "nested" | "first" | "last" | "score" | "random";

const STRATEGIES: readonly LayerStrategy[] = ["even", "nested", "first", "last", "score", "random"];

/** Settings of `selectLayers`. */
export interface SelectLayersOptions {
  /**
   * `"even"`: evenly spaced, first and last among them, as the paper has it; sets of two sizes need not lie within each other.
   * `"nested"`: as even as sets can be that do: the first and the last, then always the layer in the middle of the widest gap.
   * `"first"` and `"last"`: that end of the stack. `"score"`: those of the highest `scores`. `"random"`: drawn. @default "even"
   */
  readonly strategy?: LayerStrategy;
  /** For `"score"`: one number for each layer, such as `measureBlockInfluence` gives. Of equal ones, earlier layers win. */
  readonly scores?: readonly number[];
  /** For `"random"`. */
  readonly random?: Random;
}

/**
 * `count` of `layers` layers, ascending.
 *
 * Evenly spaced means: with g = ⌊(L − k) / (k − 1)⌋ + 1 and r = (L − k) mod (k − 1), the first k − 1 − r steps are g and the last r are g + 1.
 * One layer is layer 0, of which the paper's program says nothing (it divides by zero).
 *
 * @param count - k, from 1 to `layers`.
 * @param layers - L.
 * @throws {ConfigError} For counts out of range, scores that are missing, not finite or of another number, and options that are not read.
 * @see Huang et al. 2022, FPT, arXiv:2211.06840, section 3.
 * @example
 * selectLayers(6, 24); // [0, 4, 8, 13, 18, 23]
 */
export function selectLayers(count: number, layers: number, options: SelectLayersOptions = {}): readonly number[] {
  checkOptions("selectLayers", options, ["strategy", "scores", "random"]);
  const { strategy = "even", scores, random } = options;
  const fail = (message: string): ConfigError =>
    new ConfigError({ message: `selectLayers: ${message}`, count, layers });
  if (!Number.isInteger(count) || !Number.isInteger(layers) || count < 1 || count > layers)
    throw fail(`count must be a whole number from 1 to the ${layers} layers, got ${count}`);
  if (!STRATEGIES.includes(strategy))
    throw fail(`strategy must be ${STRATEGIES.join(", ")}, got ${JSON.stringify(strategy)}`);
  if (scores !== undefined && strategy !== "score")
    throw fail(`scores are read by the strategy "score" alone, not by "${strategy}"`);
  if (random !== undefined && strategy !== "random")
    throw fail(`random is read by the strategy "random" alone, not by "${strategy}"`);
  switch (strategy) {
    case "even":
      return evenLayers(count, layers);
    case "nested":
      return sorted(nestedOrder(layers).slice(0, count));
    case "first":
      return range(0, count);
    case "last":
      return range(layers - count, count);
    case "score":
      if (scores?.length !== layers || !scores.every(Number.isFinite))
        throw fail(`the strategy "score" needs a finite score for each of the ${layers} layers`);
      return sorted(topIndices(scores, count));
    case "random": {
      if (random === undefined) throw fail('the strategy "random" needs random');
      return sorted([...random.permutation(layers)].slice(0, count));
    }
  }
}

/** Indices of the `count` greatest numbers, greatest first; of equal ones, earlier ones win. */
export function topIndices(values: ArrayLike<number>, count: number): number[] {
  return range(0, values.length)
    .sort((a, b) => values[b]! - values[a]! || a - b)
    .slice(0, count);
}

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);

function evenLayers(count: number, layers: number): readonly number[] {
  if (count === 1) return [0];
  const steps = count - 1;
  const step = Math.floor((layers - count) / steps) + 1;
  const longer = (layers - count) % steps;
  return range(0, count).map((i) => i * step + Math.max(0, i - (steps - longer)));
}

/** All layers, in the order in which they come in: of equally wide gaps the first. */
function nestedOrder(layers: number): readonly number[] {
  const order = layers === 1 ? [0] : [0, layers - 1];
  while (order.length < layers) {
    const present = sorted(order);
    const widths = present.slice(1).map((to, i) => to - present[i]!);
    const widest = topIndices(widths, 1)[0]!;
    order.push(present[widest]! + Math.floor(widths[widest]! / 2));
  }
  return order;
}
