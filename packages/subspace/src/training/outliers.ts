/** Whether few weights that moved far carry what was learned. */
import { ConfigError, checkOptions, ShapeError, StateError } from "@cambium/base";
import { type PointLike, treeOf } from "@cambium/connectivity";
import { disposeParameters, type Parameters, type Random } from "@cambium/core";
import { tensor } from "@tensorflow/tfjs-core";

/** Settings of `measureOutliers`. */
export interface MeasureOutliersOptions {
  /** An offset is an outlier when it is further from its tensor's mean than so many of the tensor's standard deviations. @default 3 */
  readonly deviations?: number;
  /** Tensors that are looked at. @default all that moved */
  readonly only?: (name: string) => boolean;
  /** What becomes of them: the offset goes, so that the weight is where it started; or the weight itself is 0. @default "start" */
  readonly to?: "start" | "zero";
  /** Random sets of as many others in each tensor. @default 5 */
  readonly draws?: number;
  readonly random: Random;
}

/** What taking out outliers costs, beside as many random weights. */
export interface OutlierEffect {
  /** Weights that are outliers, and all that were looked at. */
  readonly outliers: number;
  readonly all: number;
  /** The score of the whole point, without its outliers, and without random sets, each of which has no outlier in it. */
  readonly whole: number;
  readonly without: number;
  readonly random: readonly number[];
}

/**
 * Takes the outliers out of what a training changed, `θ − θ⁰`, and measures; and the same with as many random weights that are none. Zhang et al. find that 0.3 % of the
 * weights carry fine-tuning.
 *
 * @param point - A trained point. @param start - Where its training started.
 * @param measure - Score of parameters, such as accuracy. It does not keep them.
 * @throws {ConfigError} For options that do not exist or cannot be meant, points that are equal, and more outliers than other weights.
 * @throws {ShapeError} When the start lacks a tensor.
 * @throws {StateError} When a tensor holds numbers that are not finite.
 * @see Zhang et al. 2023, Fine-tuning Happens in Tiny Subspaces, ACL 2023, section 5 (outlier dimensions).
 * @example
 * const { whole, without, random } = await measureOutliers(tuned, start, accuracyOf, { random: random(1) });
 */
export async function measureOutliers(
  point: PointLike,
  start: PointLike,
  measure: (parameters: Parameters) => Promise<number>,
  options: MeasureOutliersOptions,
): Promise<OutlierEffect> {
  checkOptions("measureOutliers", options, ["deviations", "only", "to", "draws", "random"]);
  const { deviations = 3, only = () => true, to = "start", draws = 5, random } = options;
  if (!(deviations > 0) || !Number.isSafeInteger(draws) || draws < 1 || (to !== "start" && to !== "zero"))
    throw new ConfigError({
      message: `measureOutliers: deviations above 0, draws from 1, and to "start" or "zero" are needed, got ${deviations}, ${draws} and ${JSON.stringify(to)}`,
    });
  const [tree, from] = [treeOf(point), treeOf(start)];
  const changes: Change[] = [];
  for (const [name, { shape }] of tree) {
    if (!only(name)) continue;
    const origin = from.get(name);
    if (`${origin?.shape}` !== `${shape}`)
      throw new ShapeError({ message: `measureOutliers: the start lacks "${name}" of [${shape}]`, name });
    const [values, before] = (await Promise.all([tree.get(name)!.data(), origin!.data()])) as [
      Float32Array,
      Float32Array,
    ];
    const change = changeOf(name, shape, values, before, deviations);
    if (change !== undefined) changes.push(change);
  }
  if (changes.length === 0) throw new ConfigError({ message: "measureOutliers: nothing that is looked at has moved" });
  const crowded = changes.find(({ outliers, others }) => outliers.length > others.length);
  if (crowded !== undefined)
    throw new ConfigError({
      message: `measureOutliers: ${crowded.outliers.length} of the ${crowded.values.length} weights of "${crowded.name}" are outliers, so that as many others cannot be drawn; take more deviations`,
      name: crowded.name,
    });
  const scoreWithout = async (placesOf: (change: Change) => ArrayLike<number>): Promise<number> => {
    const made = new Map(
      changes.map((change) => {
        const values = change.values.slice();
        const places = placesOf(change);
        for (let i = 0; i < places.length; i++) values[places[i]!] = to === "zero" ? 0 : change.before[places[i]!]!;
        return [change.name, tensor(values, [...change.shape])] as const;
      }),
    );
    try {
      return await measure(new Map([...tree].map(([name, own]) => [name, made.get(name) ?? own])));
    } finally {
      disposeParameters(made);
    }
  };
  const whole = await measure(tree);
  const without = await scoreWithout(({ outliers }) => outliers);
  const others: number[] = [];
  for (let draw = 0; draw < draws; draw++)
    others.push(
      await scoreWithout(({ name, outliers, others: rest }) =>
        Array.from(random.at(draw).at(name).permutation(rest.length).subarray(0, outliers.length), (i) => rest[i]!),
      ),
    );
  return {
    outliers: changes.reduce((sum, change) => sum + change.outliers.length, 0),
    all: changes.reduce((sum, change) => sum + change.values.length, 0),
    whole,
    without,
    random: others,
  };
}

interface Change {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
  readonly before: Float32Array;
  readonly outliers: readonly number[];
  readonly others: readonly number[];
}

/** A tensor's outliers; nothing where it did not move. */
function changeOf(
  name: string,
  shape: readonly number[],
  values: Float32Array,
  before: Float32Array,
  deviations: number,
): Change | undefined {
  const offsets = Float64Array.from(values, (value, i) => value - before[i]!);
  const mean = offsets.reduce((sum, offset) => sum + offset, 0) / offsets.length;
  const deviation = Math.sqrt(offsets.reduce((sum, offset) => sum + (offset - mean) ** 2, 0) / offsets.length);
  if (!Number.isFinite(deviation))
    throw new StateError({ message: `measureOutliers: "${name}" holds numbers that are not finite`, name });
  if (deviation === 0) return undefined;
  const [outliers, others]: [number[], number[]] = [[], []];
  offsets.forEach((offset, i) => void (Math.abs(offset - mean) > deviations * deviation ? outliers : others).push(i));
  return { name, shape, values, before, outliers, others };
}
