import { ConfigError } from "@cambium/base";

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

/** A vector at length one. */
function unit(vector: Float64Array): Float64Array {
  const length = Math.sqrt(dot(vector, vector));
  return vector.map((value) => value / length);
}

/**
 * The Karcher mean of directions: where the weighted sum of the ways to them along the sphere is zero; times the weighted mean of the
 * lengths. Tensors that are nearly zero have no direction, and count in the length alone. As mergekit has it, whose steps these are.
 *
 * @param tensor - Values of each point.
 * @param weights - Not negative; one of them is above zero.
 * @throws {ConfigError} For such weights; names the tensor.
 * @see Karcher 1977, Riemannian center of mass and mollifier smoothing; Buss and Fillmore 2001, Spherical averages.
 */
export function meanOnSphere(
  { values, name }: { readonly values: readonly Float32Array[]; readonly name: string },
  weights: readonly number[],
  { iterations, tolerance }: { readonly iterations: number; readonly tolerance: number },
): Float32Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0) || weights.some((weight) => weight < 0))
    throw new ConfigError({
      message: `mergePoints: at "${name}" the weights of a mean on the sphere are ${weights.join(", ")}; none may be below zero, nor all be zero`,
      name,
    });
  const [first, ...others] = values as [Float32Array, ...Float32Array[]];
  if (others.every((each) => each.every((value, i) => value === first[i]))) return first.slice(); // to the bit
  const doubles = values.map((each) => Float64Array.from(each));
  const lengths = doubles.map((each) => Math.sqrt(dot(each, each)));
  const scale = lengths.reduce((sum, length, k) => sum + (weights[k]! / total) * length, 0);
  const members = doubles.flatMap((each, k) =>
    lengths[k]! > tolerance && weights[k]! > 0 ? [{ weight: weights[k]!, direction: unit(each) }] : [],
  );
  if (members.length === 0) return new Float32Array(first.length);
  const whole = members.reduce((sum, { weight }) => sum + weight, 0);
  let mean: Float64Array = new Float64Array(first.length);
  for (const { weight, direction } of members)
    for (let i = 0; i < mean.length; i++) mean[i]! += (weight / whole) * direction[i]!;
  mean = Math.sqrt(dot(mean, mean)) < tolerance ? members[0]!.direction.slice() : unit(mean);
  for (let step = 0; step < iterations; step++) {
    const way = new Float64Array(mean.length);
    for (const { weight, direction } of members) {
      const cosine = Math.min(1, Math.max(-1, dot(mean, direction)));
      const angle = Math.acos(cosine);
      if (angle < tolerance || Math.PI - angle < tolerance) continue; // there, or opposite, whence every way is as short
      const factor = ((weight / whole) * angle) / Math.sin(angle);
      for (let i = 0; i < way.length; i++) way[i]! += factor * (direction[i]! - cosine * mean[i]!);
    }
    const length = Math.sqrt(dot(way, way));
    if (length < tolerance) break;
    const [along, across] = [Math.cos(length), Math.sin(length) / length];
    mean = unit(mean.map((value, i) => along * value + across * way[i]!));
  }
  return Float32Array.from(mean, (value) => scale * value);
}
