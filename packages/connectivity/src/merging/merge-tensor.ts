/** One tensor of a merge, on the host: float32 in and out, sums in double precision. */
import { ConfigError } from "@cambium/base";
import type { Random } from "@cambium/core";
import { STRAIGHT } from "../points/path.ts";
import { meanOnSphere } from "./karcher.ts";
import type { MergePlan, Numbers } from "./recipe.ts";
import { settingAt } from "./settings.ts";
import { keepAtRandom, keepByRank, keepRanks, thenRescale } from "./sparsify.ts";

/** A tensor of every point, and where it stands. */
export interface TensorMerge {
  readonly name: string;
  readonly shape: readonly number[];
  /** 0 to 1. */
  readonly depth: number;
  /** Of the points, in their order. Not changed. */
  readonly values: readonly Float32Array[];
  /** Of the point that changes start from. */
  readonly base?: Float32Array;
  /** Its own key, for each point. */
  readonly random?: Random;
}

/** The merged tensor. */
export function mergeTensor(plan: MergePlan, tensor: TensorMerge): Float32Array {
  const numbers = (key: Numbers): number[] =>
    plan.numbers[key].map((setting) => settingAt(key, setting, tensor.name, tensor.depth));
  switch (plan.method) {
    case "linear":
      return weightedMean(tensor.values, numbers("weight"), plan.normalise, tensor.name);
    case "slerp":
      return alongArc(tensor.values, checkPlace(settingAt("t", plan.t, tensor.name, tensor.depth), tensor.name));
    case "karcher":
      return meanOnSphere(tensor, numbers("weight"), plan);
    case "model-stock":
      return towardsMean(tensor.values, tensor.base!);
    default:
      return mergeChanges(plan, tensor, numbers);
  }
}

function weightedMean(
  values: readonly Float32Array[],
  weights: readonly number[],
  normalise: boolean,
  name: string,
): Float32Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (normalise && Math.abs(total) < 1e-8) {
    throw new ConfigError({
      message: `mergePoints: at "${name}" the weights add up to ${total}, which a mean cannot be divided by; set normalise: false`,
      name,
    });
  }
  const result = new Float32Array(values[0]!.length);
  const scaled = weights.map((weight) => (normalise ? weight / total : weight));
  const [first, ...others] = values;
  const rest = scaled.slice(1);
  const isMean = normalise || scaled.reduce((sum, weight) => sum + weight, 0) === 1;
  for (let i = 0; i < result.length; i++) {
    // Offsets from the first point: the mean of equal numbers is that number to the bit.
    let sum = isMean ? first![i]! : scaled[0]! * first![i]!;
    for (let k = 0; k < others.length; k++) sum += rest[k]! * (isMean ? others[k]![i]! - first![i]! : others[k]![i]!);
    result[i] = sum;
  }
  return result;
}

const dot = (a: Float32Array, b: Float32Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

function alongArc([a, b]: readonly Float32Array[], t: number): Float32Array {
  const cosine = dot(a!, b!) / Math.sqrt(dot(a!, a!) * dot(b!, b!));
  const isStraight = !(Math.abs(cosine) <= STRAIGHT); // also of zeros
  const angle = Math.acos(cosine);
  const [x, y] = isStraight
    ? [1 - t, t]
    : [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
  return isStraight ? a!.map((value, i) => value + t * (b![i]! - value)) : a!.map((value, i) => x * value + y * b![i]!);
}

function towardsMean(values: readonly Float32Array[], base: Float32Array): Float32Array {
  const count = values.length;
  const changes = values.map((list) => list.map((value, i) => value - base[i]!));
  const lengths = changes.map((change) => Math.sqrt(dot(change, change)));
  let cosines = 0;
  for (let i = 0; i < count; i++)
    for (let j = i + 1; j < count; j++)
      cosines += Math.min(1, Math.max(-1, dot(changes[i]!, changes[j]!) / Math.max(lengths[i]! * lengths[j]!, 1e-6)));
  const cosine = cosines / ((count * (count - 1)) / 2);
  const t = (count * cosine) / (1 + (count - 1) * cosine);
  return base.map((value, i) => value + t * (changes.reduce((sum, change) => sum + change[i]!, 0) / count));
}

function mergeChanges(
  plan: MergePlan,
  { name, shape, depth, values, base, random }: TensorMerge,
  numbers: (key: Numbers) => number[],
): Float32Array {
  const { method, normalise, sign, rescale } = plan;
  const [weights, densities, gammas, epsilons] = [
    numbers("weight"),
    numbers("density"),
    numbers("gamma"),
    numbers("epsilon"),
  ];
  const start = base!;
  const size = start.length;
  const elects = method.endsWith("ties") || method === "della";
  const lambda = settingAt("lambda", plan.lambda, name, depth);
  const changes = values.map((list, k) => {
    const change = list.map((value, i) => value - start[i]!);
    const density = checkShare("density", densities[k]!, name);
    const key = random?.at(k).at(name);
    if (density < 1 && method !== "task-arithmetic") {
      if (method === "ties") keepRanks(change, 0, keptOf(density, size));
      else if (method.startsWith("breadcrumbs")) keepMiddle(change, density, gammas[k]!);
      else {
        thenRescale(change, rescale, density, () =>
          method.startsWith("dare")
            ? keepAtRandom(change, density, key!)
            : keepByRank(
                change,
                shape.length < 2 ? size : size / shape[0]!,
                density,
                checkEpsilon(epsilons[k]!, density),
                key!,
              ),
        );
      }
    }
    return change;
  });
  const result = new Float32Array(size);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const whole = Math.abs(total) < 1e-8 ? 1 : total;
  for (let i = 0; i < size; i++) {
    let [sum, divisor] = [0, whole];
    if (elects) {
      let votes = 0;
      for (let k = 0; k < changes.length; k++) {
        const vote = weights[k]! * changes[k]![i]!;
        votes += sign === "total" ? vote : Math.sign(vote);
      }
      const winner = votes >= 0 ? 1 : -1;
      divisor = 0;
      for (let k = 0; k < changes.length; k++) {
        const part = weights[k]! * changes[k]![i]!;
        if (Math.sign(part) !== winner) continue;
        sum += part;
        divisor += weights[k]!;
      }
      if (divisor === 0) divisor = 1;
    } else {
      for (let k = 0; k < changes.length; k++) sum += weights[k]! * changes[k]![i]!;
    }
    result[i] = start[i]! + (lambda * sum) / (normalise ? divisor : 1);
  }
  return result;
}

function checkPlace(t: number, name: string): number {
  if (t >= 0 && t <= 1) return t;
  throw new ConfigError({ message: `mergePoints: "t" must be from 0 to 1, got ${t} at "${name}"`, name });
}

function checkShare(what: string, value: number, name: string): number {
  if (value > 0 && value <= 1) return value;
  throw new ConfigError({
    message: `mergePoints: "${what}" must be above 0 and at most 1, got ${value} at "${name}"`,
    name,
  });
}

function checkEpsilon(epsilon: number, density: number): number {
  if (epsilon >= 0 && density - epsilon > 0 && density + epsilon < 1) return epsilon;
  throw new ConfigError({
    message: `mergePoints: density ± epsilon must stay between 0 and 1, got ${density} ± ${epsilon}`,
  });
}

/** Drops the `gamma` largest and as many of the smallest as leave a share of `density`. */
function keepMiddle(change: Float32Array, density: number, gamma: number): void {
  if (!(gamma >= 0 && gamma <= 1))
    throw new ConfigError({ message: `mergePoints: "gamma" must be from 0 to 1, got ${gamma}` });
  const kept = keptOf(density, change.length);
  const largest = Math.min(Math.floor(gamma * change.length), change.length - kept);
  keepRanks(change, largest, kept);
}

/** Entries that stay: at least one, so that no small tensor is wiped out. */
const keptOf = (density: number, size: number): number => Math.max(1, Math.floor(density * size));
