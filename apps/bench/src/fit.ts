/** Slope of the straight line through points, by least squares. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

/** Exponent `k` of `y = c · xᵏ`, by least squares of the logarithms. */
export const exponentOf = (points: readonly (readonly [x: number, y: number])[]): number =>
  slopeOf(points.map(([x, y]) => [Math.log(x), Math.log(y)]));

/** 97.5 % quantiles of Student's t with 1 to 30 degrees of freedom; beyond, the last is close. */
const T = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/**
 * Slope of a series with its 95 % interval, from the means of `blocks` equal parts: neighbours in a series of memory sizes
 * are alike, and would make the interval far too narrow.
 */
export function blockSlope(
  points: readonly (readonly [x: number, y: number])[],
  blocks = 20,
): { slope: number; low: number; high: number } {
  const size = Math.floor(points.length / blocks);
  const means = Array.from({ length: blocks }, (_, block): [number, number] => {
    const part = points.slice(block * size, (block + 1) * size);
    return [part.reduce((sum, [x]) => sum + x, 0) / size, part.reduce((sum, [, y]) => sum + y, 0) / size];
  });
  const slope = slopeOf(means);
  const [meanX, meanY] = [0, 1].map((axis) => means.reduce((sum, mean) => sum + mean[axis]!, 0) / blocks) as [
    number,
    number,
  ];
  const residual = means.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  const error = Math.sqrt(residual / (blocks - 2) / means.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0));
  const margin = T[Math.min(blocks - 2, T.length) - 1]! * error;
  return { slope, low: slope - margin, high: slope + margin };
}
