/** Undoes what differs between two models without differing in what they compute. */
import { ConfigError, checkOptions } from "@cambium/base";
import { cloneParameters, disposeParameters, type Parameters } from "@cambium/core";
import type { Delta, Tuned } from "@cambium/delta";
import { type Tensor, tensor2d } from "@tensorflow/tfjs-core";
import { alike } from "../points/point.ts";
import { assignRows } from "./assignment.ts";
import { alignFactors, type HostFactors } from "./gauge.ts";
import { type HasWeights, isTuned, type SymmetryGroup, symmetriesOf } from "./symmetries.ts";
import { permuteUnits, similarityOfUnits } from "./units.ts";

/** Settings of `align`. */
export interface AlignOptions {
  /** Sweeps over the groups, of which one is enough unless heads share keys. @default 20 */
  readonly sweeps?: number;
}

/** What became of a group. */
export interface AlignedGroup {
  readonly name: string;
  readonly kind: SymmetryGroup["kind"] | "rotation";
  /** Units, or the rank of factors that were turned. */
  readonly size: number;
  /** Units that changed places; of factors 0 or their rank. */
  readonly moved: number;
  /** By how much the squared distance became less, at least 0. */
  readonly gain: number;
}

/** A model moved onto another one. */
export interface Alignment {
  /** The second model's parameters in their new order: a point for `line`, `mergePoints` and `with`. The caller owns them. */
  readonly parameters: Parameters;
  readonly groups: readonly AlignedGroup[];
  /** Whether nothing moved, as is usual for models that were fine-tuned from one backbone. */
  readonly isIdentity: boolean;
}

/** What is gained below this, next to the units' own similarity, is rounding. */
const ROUNDING = 1e-6;

/**
 * Moves the second model onto the first by what changes nothing that it computes: the order of feed-forward neurons, of attention
 * heads, of adapters' bottlenecks and of prefix tokens (weight matching: Ainsworth et al. 2023, Git Re-Basin, arXiv:2209.04836, section
 * 3.2), and the rotation and scaling between LoRA's factors. A permuted copy comes back bit by bit, a turned LoRA but for rounding.
 *
 * The residual stream stays as it is, so that models of different pretrainings are aligned in part only.
 *
 * @param a - Stays as it is: a tuned model, or a model.
 * @param b - Of the same architecture, and with the same deltas. Not disposed of.
 * @throws {ShapeError} When the models have other parameters; lists all.
 * @example
 * const aligned = await align(a, b);
 * const { barrier } = await measureBarrier(a, line(a, aligned), data);
 */
export async function align<M extends HasWeights | Tuned>(a: M, b: M, options: AlignOptions = {}): Promise<Alignment> {
  checkOptions("align", options, ["sweeps"]);
  const { sweeps = 20 } = options;
  if (!Number.isInteger(sweeps) || sweeps < 1)
    throw new ConfigError({ message: `align: sweeps must be an integer from 1, got ${sweeps}`, sweeps });
  const [ours, theirs] = alike("align", [a, b], 2) as readonly [Parameters, Parameters];
  const groups = symmetriesOf(a);
  const found = new Map<string, AlignedGroup>();
  const places = new Map(groups.map((group) => [group.name, Uint32Array.from({ length: group.size }, (_, i) => i)]));
  const moved = cloneParameters(theirs);
  const replace = (changed: Parameters): void => {
    for (const [name, tensor] of changed) {
      moved.get(name)!.dispose();
      moved.set(name, tensor);
    }
  };
  try {
    for (let sweep = 0; sweep < sweeps; sweep++) {
      let isSettled = true;
      for (const group of groups) {
        const { order, gain } = await matchUnits(group, ours, moved);
        const before = places.get(group.name)!;
        const after = order.map((from) => before[from]!);
        places.set(group.name, after);
        if (gain > 0) {
          replace(permuteUnits(group, order, moved));
          isSettled = false;
        }
        const { name, kind, size } = group;
        const change = after.filter((from, to) => from !== to).length;
        found.set(name, { name, kind, size, moved: change, gain: (found.get(name)?.gain ?? 0) + 2 * gain });
      }
      if (isSettled || groups.length === 0) break;
    }
    if (isTuned(a)) {
      for (const delta of a.deltas) {
        for (const path of loraPaths(delta)) {
          const turned = await turnFactors(`${delta.name}/${path}`, ours, moved);
          replace(turned.changed);
          found.set(`${delta.name}/${path}`, turned.group);
        }
      }
    }
  } catch (error) {
    disposeParameters(moved);
    throw error;
  }
  const list = [...found.values()];
  return { parameters: moved, groups: list, isIdentity: list.every(({ moved: count }) => count === 0) };
}

/** The order in which units of b match those of a best, and what it gains over the order that they have. */
async function matchUnits(
  group: SymmetryGroup,
  a: Parameters,
  b: Parameters,
): Promise<{ readonly order: Uint32Array; readonly gain: number }> {
  const similarity = similarityOfUnits(group, a, b);
  const values = await similarity.data();
  similarity.dispose();
  const { size } = group;
  const order = assignRows(values, size);
  let [gain, own] = [0, 0];
  for (let i = 0; i < size; i++) {
    gain += values[i * size + order[i]!]! - values[i * size + i]!;
    own += Math.abs(values[i * size + i]!);
  }
  if (gain > ROUNDING * own) return { order, gain };
  return { order: Uint32Array.from({ length: size }, (_, i) => i), gain: 0 };
}

const [A, B] = [".lora_A.weight", ".lora_B.weight"];

function loraPaths({ kind, parameters }: Delta): readonly string[] {
  if (kind !== "lora") return [];
  return [...parameters.keys()].filter((name) => name.endsWith(A)).map((name) => name.slice(0, -A.length));
}

async function factorsOf(path: string, tree: Parameters): Promise<HostFactors> {
  const [a, b] = [tree.get(path + A)!, tree.get(path + B)!];
  const [rank, input] = a.shape as [number, number];
  return {
    rank,
    input,
    output: b.shape[0]!,
    a: Float64Array.from(await a.data()),
    b: Float64Array.from(await b.data()),
  };
}

async function turnFactors(
  path: string,
  a: Parameters,
  b: Parameters,
): Promise<{ readonly changed: Map<string, Tensor>; readonly group: AlignedGroup }> {
  const [ours, theirs] = [await factorsOf(path, a), await factorsOf(path, b)];
  const { factors, gain } = alignFactors(ours, theirs);
  const { rank, input, output } = factors;
  const own = theirs.a.reduce((sum, x) => sum + x * x, 0) + theirs.b.reduce((sum, x) => sum + x * x, 0);
  const isMoved = gain > ROUNDING * own;
  const changed = new Map<string, Tensor>();
  if (isMoved) {
    changed.set(path + A, tensor2d(Float32Array.from(factors.a), [rank, input]));
    changed.set(path + B, tensor2d(Float32Array.from(factors.b), [output, rank]));
  }
  return {
    changed,
    group: { name: path, kind: "rotation", size: rank, moved: isMoved ? rank : 0, gain: isMoved ? gain : 0 },
  };
}
