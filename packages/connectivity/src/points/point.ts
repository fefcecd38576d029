/** What counts as a point, and when two of them lie in one space. */
import { ConfigError, ShapeError } from "@cambium/base";
import { disposeParameters, isQuantised, type Parameters } from "@cambium/core";

/** A point: a tree of parameters, or whatever has one, such as a tuned model or the end of a training run. */
export type PointLike = Parameters | { readonly parameters: Parameters };

/** A point, or what makes one when it is needed: then its parameters are disposed of after that. */
export type PointSource = PointLike | (() => PointLike | Promise<PointLike>);

/**
 * Runs `body` with the tree of a point, which lives that long where it is made for this.
 *
 * @throws {ShapeError} When it has other names or shapes than `like`; lists all.
 */
export async function withPoint<Result>(
  caller: string,
  like: PointLike,
  source: PointSource,
  body: (tree: Parameters) => Result | Promise<Result>,
): Promise<Result> {
  if (typeof source !== "function") return body(alike(caller, [like, source], 2)[1]!);
  const made = await source();
  try {
    return await body(alike(caller, [like, made], 2)[1]!);
  } finally {
    if (Object(made) === made && treeOf(made) instanceof Map) disposeParameters(treeOf(made));
  }
}

/** The tree of a point. */
export function treeOf(point: PointLike): Parameters {
  return "parameters" in point ? point.parameters : point;
}

/** How many differences a message names before it only counts the rest. */
const NAMED = 20;

/** Joins lines for a message; beyond the first ones only their number. */
export function listed(lines: readonly string[]): string {
  const more = lines.length > NAMED ? `; and ${lines.length - NAMED} more` : "";
  return lines.slice(0, NAMED).join("; ") + more;
}

/**
 * Trees of points that lie in one space: equal names and shapes, every one of them listed where they are not.
 *
 * @param caller - Function to name in the message.
 * @throws {ShapeError} Listing every name and shape that differs from the first point's.
 * @throws {ConfigError} For fewer points than `least`, and for weights in 8 or 4 bits, between which nothing lies.
 */
export function alike(caller: string, points: readonly PointLike[], least = 1): readonly Parameters[] {
  if (points.length < least)
    throw new ConfigError({ message: `${caller}: at least ${least} points are needed, got ${points.length}` });
  const trees = points.map((point, i) => {
    const tree = Object(point) === point ? treeOf(point) : undefined;
    if (tree instanceof Map) return tree as Parameters;
    throw new ConfigError({
      message: `${caller}: point ${i} must be a map of tensors, or have one as "parameters", got ${point === null ? "null" : typeof point}`,
    });
  });
  checkHeads(caller, points);
  const first = trees[0]!;
  const differences = trees.slice(1).flatMap((tree, i) => differencesOf(first, tree, i + 1));
  if (differences.length > 0) {
    throw new ShapeError({
      message: `${caller}: the points lie in different spaces: ${listed(differences)}`,
      differences,
    });
  }
  checkSettings(caller, points);
  const rounded = [...first].filter(([name]) => trees.some((tree) => isQuantised(tree.get(name)!)));
  if (trees.length > 1 && rounded.length > 0) {
    throw new ConfigError({
      message: `${caller}: between weights in 8 or 4 bits there is nothing: ${listed(rounded.map(([name]) => name))}; load the model in float32, or take points of deltas alone`,
      names: rounded.map(([name]) => name),
    });
  }
  return trees;
}

/** Labels in another order have equal shapes, and between them lies nothing that means anything. */
function checkHeads(caller: string, points: readonly PointLike[]): void {
  const heads = points.flatMap((point) => {
    const { head } = point as { readonly head?: unknown };
    return head === undefined ? [] : [JSON.stringify(head)];
  });
  const other = heads.find((head) => head !== heads[0]);
  if (other === undefined) return;
  throw new ConfigError({ message: `${caller}: the points have different heads: ${heads[0]} and ${other}` });
}

/** What of a setting is of training alone. */
const OF_TRAINING: readonly string[] = ["dropout"];

/** Deltas of equal shapes and other settings, such as alpha, do not mean the same by the same numbers. */
export function checkSettings(caller: string, points: readonly object[]): void {
  const settings = points.flatMap((point) => {
    const { deltas } = point as { readonly deltas?: readonly { readonly name: string; readonly config: object }[] };
    if (!Array.isArray(deltas)) return [];
    return [new Map(deltas.map(({ name, config }) => [name, config as Readonly<Record<string, unknown>>]))];
  });
  const [first, ...others] = settings;
  for (const other of others)
    for (const [name, config] of other) {
      const like = first!.get(name) ?? config;
      const key = [...new Set([...Object.keys(like), ...Object.keys(config)])].find(
        (each) => !OF_TRAINING.includes(each) && JSON.stringify(like[each]) !== JSON.stringify(config[each]),
      );
      if (key === undefined) continue;
      const [was, is] = [like, config].map((each) => JSON.stringify(each[key]) ?? "nothing");
      throw new ConfigError({
        message: `${caller}: "${name}" has ${key} ${was} in one point and ${is} in another, so that equal numbers do not mean the same; tune both with one setting`,
        delta: name,
        key,
      });
    }
}

function differencesOf(first: Parameters, tree: Parameters, index: number): string[] {
  const found: string[] = [];
  for (const [name, tensor] of first) {
    const other = tree.get(name);
    if (other === undefined) found.push(`point ${index} lacks "${name}"`);
    else if (`${other.shape}` !== `${tensor.shape}`)
      found.push(`"${name}" is [${tensor.shape}] in point 0 and [${other.shape}] in point ${index}`);
    else if (other.dtype !== tensor.dtype)
      found.push(`"${name}" is ${tensor.dtype} in point 0 and ${other.dtype} in point ${index}`);
  }
  for (const name of tree.keys()) if (!first.has(name)) found.push(`point ${index} has "${name}", which point 0 lacks`);
  return found;
}
