/** Maps that are fitted in closed form. */
import { ConfigError, checkOptions, ShapeError, StateError } from "@cambium/base";
import { flattenParameters, type Parameters, unflattenParameters } from "@cambium/core";
import { labelsOf } from "@cambium/models";
import {
  add,
  dispose,
  matMul,
  mean,
  mul,
  reshape,
  stack,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tidy,
} from "@tensorflow/tfjs-core";
import { changeOf, type DeltaProjection, placesOf, type TunedPair } from "./projection.ts";
import { solveCholesky } from "./solve.ts";

/** Settings of `fitProjection`. */
export interface FitProjectionOptions {
  /**
   * - `"identity"`: nothing is changed: the baseline of all others;
   * - `"mean-shift"`: what deltas of the new model have more on average is added;
   * - `"scale-shift"`: each tensor is scaled and shifted, by least squares;
   * - `"ridge"`: an affine map of the whole, by ridge regression of what is to be added, in its dual form (pairs are few).
   *
   * @default "ridge"
   */
  readonly kind?: "identity" | "mean-shift" | "scale-shift" | "ridge";
  /** Of ridge regression: what large maps cost, next to the mean square of the deltas. Above 0. @default 0.1 */
  readonly penalty?: number;
  /** Whether heads are mapped as well, which is for tasks of the same labels. @default "exclude" */
  readonly classifier?: "exclude" | "include";
}

/** A projection before it knows which names it is of. */
export type Mapping = Pick<DeltaProjection, "apply" | "dispose">;

/**
 * Learns how deltas of one model become deltas of another, from tasks that were tuned on both. It is applied to the deltas of further
 * tasks by `recycle(old, newBase, { method: "project", projection })`.
 *
 * Deltas of factors (LoRA) have freedoms that no pair knows: both sides of a pair should start from the same random numbers, the newer
 * best from the older.
 *
 * @param pairs - With deltas of one form. Not disposed of.
 * @returns The map. Free it by its `dispose`.
 * @throws {ConfigError} When there are no pairs, heads of other labels are to be mapped, or a setting cannot be meant.
 * @throws {ShapeError} When deltas differ in form; lists all.
 * @example
 * const projection = await fitProjection([{ old: spamOld, current: spamNew }, { old: topicOld, current: topicNew }]);
 * const moved = recycle(moodOld, newBase, { method: "project", projection });
 */
export async function fitProjection(
  pairs: readonly TunedPair[],
  options: FitProjectionOptions = {},
): Promise<DeltaProjection> {
  checkOptions("fitProjection", options, ["kind", "penalty", "classifier"]);
  const { kind = "ridge", penalty, classifier = "exclude" } = options;
  const fail = (message: string): ConfigError => new ConfigError({ message: `fitProjection: ${message}` });
  const fits = { identity, "mean-shift": meanShift, "scale-shift": scaleShift, ridge } as const;
  if (!Object.hasOwn(fits, kind))
    throw fail(`kind must be ${Object.keys(fits).join(", ")}, got ${JSON.stringify(kind)}`);
  if (classifier !== "exclude" && classifier !== "include")
    throw fail(`classifier must be "exclude" or "include", got ${JSON.stringify(classifier)}`);
  if (penalty !== undefined && kind !== "ridge") throw fail(`"${kind}" has no penalty`);
  if (penalty !== undefined && !(penalty > 0 && Number.isFinite(penalty)))
    throw fail(`penalty must be above 0, got ${penalty}`);
  const { shapes, labels } = formOf("fitProjection", pairs, classifier === "include");
  const changes: Parameters[] = [];
  try {
    const trees = pairs.map(({ old, current }) => {
      const both = [changeOf(old, shapes.keys()), changeOf(current, shapes.keys())] as const;
      changes.push(...both);
      return both;
    });
    const mapping = await fits[kind](trees, penalty ?? 0.1);
    return { kind, shapes, ...(labels !== undefined && { labels }), ...mapping };
  } finally {
    for (const tree of changes) dispose([...tree.values()]);
  }
}

/** What is mapped, of pairs of one form. */
export function formOf(
  caller: string,
  pairs: readonly TunedPair[],
  includesHead: boolean,
): { readonly shapes: ReadonlyMap<string, readonly number[]>; readonly labels?: readonly string[] } {
  const [first] = pairs;
  if (first === undefined) throw new ConfigError({ message: `${caller}: there are no pairs` });
  const { heads } = placesOf(first.old);
  const names = [...first.old.parameters.keys()].filter((name) => includesHead || !heads.has(name));
  if (names.length === 0)
    throw new ConfigError({
      message: `${caller}: there is nothing to map: the deltas are heads; map them by classifier: "include"`,
    });
  const shapes = new Map(names.map((name) => [name, first.old.parameters.get(name)!.shape] as const));
  const wrong = pairs.flatMap((pair, i) =>
    (["old", "current"] as const).flatMap((side) => {
      const own = pair[side];
      const inHead = placesOf(own).heads;
      const all = new Set([
        ...names,
        ...[...own.parameters.keys()].filter((name) => includesHead || !inHead.has(name)),
      ]);
      return [...all].flatMap((name) =>
        `${own.parameters.get(name)?.shape}` === `${shapes.get(name)}`
          ? []
          : [
              `"${name}" of pair ${i}, ${side}, is [${own.parameters.get(name)?.shape ?? "absent"}], not [${shapes.get(name) ?? "absent"}]`,
            ],
      );
    }),
  );
  if (wrong.length > 0)
    throw new ShapeError({ message: `${caller}: deltas differ in form: ${wrong.slice(0, 10).join("; ")}`, wrong });
  if (!includesHead) return { shapes };
  const labels = labelsOf(first.old.head);
  for (const [i, pair] of pairs.entries())
    for (const side of ["old", "current"] as const)
      if (JSON.stringify(labelsOf(pair[side].head)) !== JSON.stringify(labels))
        throw new ConfigError({
          message: `${caller}: heads are mapped together, and pair ${i} has the labels ${labelsOf(pair[side].head)?.join(", ") ?? "none"}, not ${labels?.join(", ") ?? "none"}; leave them out by classifier: "exclude"`,
        });
  return { shapes, ...(labels !== undefined && { labels }) };
}

type Trees = readonly (readonly [old: Parameters, current: Parameters])[];

const copies = (tree: Parameters): Map<string, Tensor> =>
  new Map([...tree].map(([name, value]) => [name, value.clone()]));

const identity = async (): Promise<Mapping> => ({ apply: copies, dispose: () => undefined });

async function meanShift(trees: Trees): Promise<Mapping> {
  const shifts = new Map(
    [...trees[0]![0].keys()].map((name) => [
      name,
      tidy(() => mean(stack(trees.map(([old, current]) => sub(current.get(name)!, old.get(name)!))), 0)),
    ]),
  );
  return {
    apply: (change) => new Map([...change].map(([name, value]) => [name, add(value, shifts.get(name)!)])),
    dispose: () => dispose([...shifts.values()]),
  };
}

/** `y ≈ α x + β` over the numbers of a tensor in all pairs. Where x does not vary, α is 1. */
async function scaleShift(trees: Trees): Promise<Mapping> {
  const lines = new Map<string, readonly [alpha: number, beta: number]>();
  for (const name of trees[0]![0].keys()) {
    const sums = tidy(() => {
      const [x, y] = [0, 1].map((side) => stack(trees.map((pair) => pair[side as 0 | 1].get(name)!))) as [
        Tensor,
        Tensor,
      ];
      // Centred, so that the sums of squares do not cancel.
      const [mx, my] = [mean(x), mean(y)];
      const [cx, cy] = [sub(x, mx), sub(y, my)];
      return stack([mx, my, sum(mul(cx, cx)), sum(mul(cx, cy))]);
    });
    const [mx, my, xx, xy] = (await sums.data()) as unknown as [number, number, number, number];
    sums.dispose();
    const alpha = xx > 0 ? xy / xx : 1;
    lines.set(name, [alpha, my - alpha * mx]);
  }
  return {
    apply: (change) =>
      new Map(
        [...change].map(([name, value]) => {
          const [alpha, beta] = lines.get(name)!;
          return [name, tidy(() => add(mul(value, alpha), beta))];
        }),
      ),
    dispose: () => undefined,
  };
}

/**
 * `g(v) = v + r̄ + Rᵀ (K + λ I)⁻¹ X (v − x̄)`, of old changes X and what is to be added R, both centred, with `K = X Xᵀ`: ridge regression
 * of the difference, so that a penalty without end leaves the mean shift.
 */
async function ridge(trees: Trees, penalty: number): Promise<Mapping> {
  const [x, r, middle, shift] = tidy(() => {
    const rows = (side: 0 | 1): Tensor2D => stack(trees.map((pair) => flattenParameters(pair[side]))) as Tensor2D;
    const [old, added] = [rows(0), sub(rows(1), rows(0))];
    const [m, s] = [mean(old, 0), mean(added, 0)];
    return [sub(old, m), sub(added, s), m, s] as [Tensor2D, Tensor2D, Tensor1D, Tensor1D];
  });
  const kernel = tidy(() => matMul(x, x, false, true));
  const values = await kernel.data();
  kernel.dispose();
  const n = trees.length;
  const trace = Array.from({ length: n }, (_, i) => values[i * n + i]!).reduce((all, value) => all + value, 0);
  if (!Number.isFinite(trace)) throw new StateError({ message: "fitProjection: the deltas are not finite" });
  const lambda = (penalty * trace) / n || 1;
  // Centred rows add up to nothing, in X and R alike: what stands in that direction does not matter, and must not be near 0.
  const level = trace / n / n || 1;
  const system = Array.from({ length: n }, (_, i) =>
    Float64Array.from({ length: n }, (_, j) => values[i * n + j]! + level + (i === j ? lambda : 0)),
  );
  // The inverse, a column at a time: pairs are few.
  const inverse = new Float32Array(n * n);
  for (let j = 0; j < n; j++) {
    const column = solveCholesky(
      system,
      Float64Array.from({ length: n }, (_, i) => (i === j ? 1 : 0)),
    );
    for (let i = 0; i < n; i++) inverse[i * n + j] = column[i]!;
  }
  const weights = tidy(() => reshape(tensor1d(inverse), [n, n]) as Tensor2D);
  return {
    apply: (change) => {
      const flat = tidy(() => {
        const v = flattenParameters(change);
        const away = reshape(sub(v, middle), [-1, 1]) as Tensor2D;
        const shares = matMul(weights, matMul(x, away)); // [pairs, 1]
        return add(add(v, shift), reshape(matMul(r, shares, true, false), [-1])) as Tensor1D;
      });
      const image = unflattenParameters(flat, change);
      flat.dispose();
      return image;
    },
    dispose: () => dispose([x, r, middle, shift, weights]),
  };
}
