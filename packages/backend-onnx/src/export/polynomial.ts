/** Whole numbers that depend on sizes: sums of products, such as `2 · batch · seq + 3`, found from their values at some sizes. */

/** Sizes by the names of the dimensions. */
export type Sizes = Readonly<Record<string, number>>;

/** A product of a whole number and sizes; the names are sorted, and one that stands twice is squared. */
export interface Term {
  readonly coefficient: number;
  readonly factors: readonly string[];
}

/** A sum of products, none of which is zero. No terms are 0. */
export type Polynomial = readonly Term[];

/** Most sizes in a product. */
const DEGREE = 3;
/** Most products in a sum, besides a whole number. */
const TERMS = 3;

/** A number as a polynomial. */
export const fixed = (value: number): Polynomial => (value === 0 ? [] : [{ coefficient: value, factors: [] }]);

/** The number that a polynomial is at every size, or undefined. */
export function fixedValue(polynomial: Polynomial): number | undefined {
  if (polynomial.length === 0) return 0;
  return polynomial.length === 1 && polynomial[0]!.factors.length === 0 ? polynomial[0]!.coefficient : undefined;
}

const productAt = (factors: readonly string[], sizes: Sizes): number =>
  factors.reduce((product, name) => product * sizes[name]!, 1);

/** The value at some sizes. */
export const valueAt = (polynomial: Polynomial, sizes: Sizes): number =>
  polynomial.reduce((sum, { coefficient, factors }) => sum + coefficient * productAt(factors, sizes), 0);

/** As text, which is equal for equal polynomials: `batch * seq + 3`. */
export function textOf(polynomial: Polynomial): string {
  const texts = polynomial.map(({ coefficient, factors }) =>
    coefficient === 1 && factors.length > 0 ? factors.join(" * ") : [coefficient, ...factors].join(" * "),
  );
  return texts.length === 0 ? "0" : texts.join(" + ");
}

/** Every product of up to `DEGREE` sizes, the shorter first. */
function productsOf(names: readonly string[]): string[][] {
  const products: string[][] = [];
  let longest: string[][] = [[]];
  for (let degree = 1; degree <= DEGREE; degree++) {
    longest = longest.flatMap((product) =>
      names.filter((name) => product.length === 0 || name >= product.at(-1)!).map((name) => [...product, name]),
    );
    products.push(...longest);
  }
  return products;
}

function* choose<T>(items: readonly T[], count: number, from = 0): Generator<T[]> {
  if (count === 0) yield [];
  else
    for (let i = from; i < items.length; i++)
      for (const rest of choose(items, count - 1, i + 1)) yield [items[i]!, ...rest];
}

/** Solves a square system by elimination; undefined where it has no single solution. */
function solve(rows: number[][]): number[] | undefined {
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let i = column + 1; i < size; i++)
      if (Math.abs(rows[i]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = i;
    if (Math.abs(rows[pivot]![column]!) < 1e-9) return undefined;
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    for (let i = 0; i < size; i++) {
      if (i === column) continue;
      const factor = rows[i]![column]! / rows[column]![column]!;
      for (let j = column; j <= size; j++) rows[i]![j]! -= factor * rows[column]![j]!;
    }
  }
  return rows.map((row, i) => row[size]! / row[i]!);
}

/**
 * The simplest polynomial with whole coefficients that has these values at these sizes, or undefined.
 *
 * @param values - Whole numbers, one for each of `sizes`: more of them than a polynomial has terms, so that a fit means something.
 */
export function fitPolynomial(values: readonly number[], sizes: readonly Sizes[]): Polynomial | undefined {
  const [first] = values;
  if (values.every((value) => value === first)) return fixed(first!);
  if (!values.every(Number.isSafeInteger)) return undefined;
  const products = productsOf(Object.keys(sizes[0]!).sort());
  for (let count = 1; count <= TERMS; count++) {
    for (const chosen of choose(products, count)) {
      const terms = [[], ...chosen];
      const rows = terms.map((_, i) => [...terms.map((factors) => productAt(factors, sizes[i]!)), values[i]!]);
      const coefficients = solve(rows)?.map(Math.round);
      if (coefficients === undefined || coefficients.slice(1).includes(0)) continue;
      const polynomial = [...terms.slice(1), []]
        .map((factors, i) => ({ coefficient: coefficients[(i + 1) % terms.length]!, factors }))
        .filter(({ coefficient }) => coefficient !== 0);
      if (values.every((value, i) => valueAt(polynomial, sizes[i]!) === value)) return polynomial;
    }
  }
  return undefined;
}

/** The difference of two polynomials. */
export function minus(a: Polynomial, b: Polynomial): Polynomial {
  const sums = new Map<string, Term>();
  for (const [sign, terms] of [
    [1, a],
    [-1, b],
  ] as const)
    for (const { coefficient, factors } of terms) {
      const key = factors.join();
      sums.set(key, { coefficient: (sums.get(key)?.coefficient ?? 0) + sign * coefficient, factors });
    }
  return [...sums.values()].filter(({ coefficient }) => coefficient !== 0);
}
