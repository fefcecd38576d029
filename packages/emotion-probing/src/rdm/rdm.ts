import { ConfigError, ShapeError } from "@cambium/base";

/**
 * A representational dissimilarity matrix: how far apart every two conditions are.
 *
 * Symmetric with zeros on its diagonal, so that only the pairs above it are stored.
 */
export interface Rdm {
  /** Names of the conditions, in their order. */
  readonly conditions: readonly string[];
  /** What the distances are, such as `correlation`. */
  readonly metric: string;
  /** The pairs (0, 1), (0, 2), …, (1, 2), …; NaN where a distance is not known. Length `n (n − 1) / 2`. */
  readonly values: Float64Array;
  /** What else belongs to it: a layer, a subject, an attribute. */
  readonly about?: Readonly<Record<string, string | number>>;
}

/** Pairs of `count` conditions. */
export const pairCount = (count: number): number => (count * (count - 1)) / 2;

/** Where the pair of `i` and `j`, two different conditions of `count`, stands among an RDM's values. */
export function pairIndex(i: number, j: number, count: number): number {
  const [low, high] = i < j ? [i, j] : [j, i];
  return low * count - (low * (low + 1)) / 2 + high - low - 1;
}

/** Every pair of `count` conditions, in the order of an RDM's values. */
export function* pairsOf(count: number): Generator<readonly [first: number, second: number]> {
  for (let i = 0; i < count; i++) for (let j = i + 1; j < count; j++) yield [i, j];
}

/** Names for conditions that have none: `0`, `1`, … */
export const numberedConditions = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`);

function checkConditions(caller: string, conditions: readonly string[]): void {
  if (conditions.length < 2) {
    throw new ConfigError({ message: `${caller}: an RDM needs at least two conditions, got ${conditions.length}` });
  }
  const repeated = conditions.find((name, i) => conditions.indexOf(name) !== i);
  if (repeated === undefined) return;
  throw new ConfigError({ message: `${caller}: the condition "${repeated}" comes twice`, condition: repeated });
}

/**
 * An RDM from its pairs, or from a square matrix.
 *
 * @param conditions - Their names, all different, at least two.
 * @param values - The pairs in the order of {@link Rdm.values}, or rows of a symmetric matrix with zeros on its diagonal; NaN, or null as JSON
 *   has it, where a distance is not known.
 * @param metric - What the distances are. @default "given"
 * @throws {ConfigError} For fewer than two conditions, one that comes twice, or a distance that is no number.
 * @throws {ShapeError} When the number of values does not fit, or a square matrix is not symmetric or has another diagonal.
 * @example
 * const human = rdmOf(["joy", "fear", "anger"], [0.9, 0.8, 0.2]);
 */
export function rdmOf(
  conditions: readonly string[],
  values: ArrayLike<number> | readonly (readonly number[])[],
  metric = "given",
): Rdm {
  checkConditions("rdmOf", conditions);
  const count = conditions.length;
  const isSquare = Array.isArray(values[0]);
  const pairs = isSquare
    ? upperTriangle(values as readonly (readonly number[])[], count)
    : (values as ArrayLike<number>);
  if (pairs.length !== pairCount(count)) {
    throw new ShapeError({
      message: `rdmOf: ${count} conditions have ${pairCount(count)} pairs, got ${pairs.length} values`,
    });
  }
  return { conditions: [...conditions], metric, values: Float64Array.from(pairs, distanceOf) };
}

/** JSON writes NaN as null. */
function distanceOf(value: unknown, pair: number): number {
  if (value === null) return Number.NaN;
  if (typeof value === "number") return value;
  throw new ConfigError({ message: `rdmOf: pair ${pair} must be a number, got ${JSON.stringify(value)}`, pair });
}

function upperTriangle(rows: readonly (readonly number[])[], count: number): number[] {
  if (rows.length !== count || rows.some((row) => row.length !== count)) {
    throw new ShapeError({ message: `rdmOf: a square of ${count} conditions needs ${count} rows of ${count} numbers` });
  }
  rows.forEach((row, i) => {
    if (row[i] !== 0) throw new ShapeError({ message: `rdmOf: the distance of condition ${i} to itself is ${row[i]}` });
  });
  return [...pairsOf(count)].map(([i, j]) => {
    const [above, below] = [rows[i]![j]!, rows[j]![i]!];
    if (Object.is(above, below) || above === below) return above;
    throw new ShapeError({ message: `rdmOf: the matrix is not symmetric at ${i}, ${j}: ${above} and ${below}` });
  });
}

/** The whole matrix, `[conditions][conditions]`, with zeros on its diagonal. */
export function squareRdm(rdm: Rdm): number[][] {
  const count = rdm.conditions.length;
  const square = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  let at = 0;
  for (const [i, j] of pairsOf(count)) {
    square[i]![j] = rdm.values[at]!;
    square[j]![i] = rdm.values[at]!;
    at++;
  }
  return square;
}

/**
 * The conditions at some places, in their order: a part of an RDM, or another order of it.
 *
 * A place that comes twice, as in a bootstrap, gets a pair with itself: NaN, which comparisons leave out.
 */
export function pickPairs(values: Float64Array, count: number, places: ArrayLike<number>): Float64Array {
  const picked = new Float64Array(pairCount(places.length));
  let at = 0;
  for (let a = 0; a < places.length; a++) {
    for (let b = a + 1; b < places.length; b++) {
      const [i, j] = [places[a]!, places[b]!];
      picked[at++] = i === j ? Number.NaN : values[pairIndex(i, j, count)]!;
    }
  }
  return picked;
}

/**
 * An RDM of some conditions, by name and in the order given.
 *
 * @throws {ConfigError} When there is no such condition, one comes twice, or fewer than two are left.
 * @example
 * const sorted = selectConditions(rdm, ["joy", "love", "anger", "fear"]);
 */
export function selectConditions(rdm: Rdm, conditions: readonly string[]): Rdm {
  checkConditions("selectConditions", conditions);
  const places = conditions.map((name) => {
    const place = rdm.conditions.indexOf(name);
    if (place !== -1) return place;
    throw new ConfigError({
      message: `selectConditions: there is no condition "${name}"; there are ${rdm.conditions.join(", ")}`,
      condition: name,
    });
  });
  return { ...rdm, conditions: [...conditions], values: pickPairs(rdm.values, rdm.conditions.length, places) };
}

/** Throws unless all are RDMs of the same conditions in the same order. */
export function checkSameConditions(caller: string, rdms: readonly Rdm[]): void {
  const [first] = rdms;
  if (first === undefined) throw new ConfigError({ message: `${caller}: at least one RDM is needed, got none` });
  rdms.forEach(({ conditions, values }, index) => {
    if (!ArrayBuffer.isView(values)) {
      throw new ConfigError({
        message: `${caller}: the values of RDM ${index} are no Float64Array; rdmOf makes an RDM of what JSON holds`,
        index,
      });
    }
    if (values.length !== pairCount(conditions.length)) {
      throw new ShapeError({
        message: `${caller}: RDM ${index} has ${conditions.length} conditions and ${values.length} values, not ${pairCount(conditions.length)}`,
        index,
      });
    }
    const other = conditions.findIndex((name, i) => name !== first.conditions[i]);
    if (other === -1 && conditions.length === first.conditions.length) return;
    throw new ShapeError({
      message: `${caller}: RDM ${index} has other conditions than the first, or another order (${conditions.length} and ${first.conditions.length}; "${conditions[other]}" for "${first.conditions[other]}"); selectConditions puts them in order`,
      index,
    });
  });
}

/** The mean of RDMs, pair by pair, over those that know it; NaN where none does. */
export function meanRdmValues(rdms: readonly Rdm[], weights: readonly number[] = rdms.map(() => 1)): Float64Array {
  return rdms[0]!.values.map((_, pair) => {
    let [sum, total] = [0, 0];
    rdms.forEach(({ values }, i) => {
      if (Number.isNaN(values[pair]!) || weights[i] === 0) return;
      sum += weights[i]! * values[pair]!;
      total += weights[i]!;
    });
    return total === 0 ? Number.NaN : sum / total;
  });
}
