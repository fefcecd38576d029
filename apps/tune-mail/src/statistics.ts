/** A mean with its spread. */
export interface Summary {
  readonly mean: number;
  /** Standard deviation, with n − 1; 0 for one value. */
  readonly deviation: number;
}

export function summarise(values: readonly number[]): Summary {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The 95 % interval of a share of `count` trials.
 *
 * @see Wilson 1927, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22.
 */
export function wilsonInterval(share: number, count: number): readonly [low: number, high: number] {
  const z = 1.959964;
  const scale = 1 + (z * z) / count;
  const middle = (share + (z * z) / (2 * count)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count));
  return [middle - half, middle + half];
}
