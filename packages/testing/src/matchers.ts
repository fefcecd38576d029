import { Tensor } from "@tensorflow/tfjs-core";
import { expect } from "vitest";

/** Numbers in any of the forms a test meets them. Typed arrays carry no shape: only their length is compared. */
export type Numbers = Tensor | ArrayLike<number> | number | readonly Numbers[];

/** How far apart two elements may lie: `|received − expected| ≤ absolute + relative · |expected|`. */
export interface Tolerance {
  /** Fraction of the expected value. @default 1e-5 */
  readonly relative?: number;
  /** In the unit of the values. @default 1e-6 */
  readonly absolute?: number;
}

declare module "vitest" {
  // biome-ignore lint/suspicious/noExplicitAny: the declaration must repeat vitest's own type parameter
  interface Matchers<T = any> {
    /**
     * Every element lies within the tolerance of its counterpart, and the shapes are equal. A NaN is close to nothing, an
     * infinity only to itself. A failure prints the worst element.
     */
    toBeAllClose(expected: Numbers, tolerance?: Tolerance): void;
  }
}

interface Flat {
  /** Undefined for typed arrays. */
  readonly shape?: readonly number[];
  readonly values: ArrayLike<number>;
}

function flatten(numbers: Numbers): Flat {
  if (typeof numbers === "number") return { shape: [], values: [numbers] };
  if (numbers instanceof Tensor) return { shape: numbers.shape, values: numbers.dataSync() };
  if (!Array.isArray(numbers)) return { values: numbers as ArrayLike<number> };
  const parts = numbers.map(flatten);
  const inner = parts.map((part) => part.shape ?? [part.values.length]);
  const ragged = inner.findIndex((shape) => `${shape}` !== `${inner[0]}`);
  if (ragged !== -1)
    throw new TypeError(
      `toBeAllClose: nested arrays must be regular; element ${ragged} has shape [${inner[ragged]}], element 0 has [${inner[0]}]`,
    );
  return { shape: [parts.length, ...(inner[0] ?? [])], values: parts.flatMap((part) => Array.from(part.values)) };
}

/** Position of a flat index, `[1, 2]` for index 5 in shape `[2, 3]`. */
function position(index: number, shape: readonly number[]): number[] {
  return shape.map(
    (size, axis) => Math.floor(index / shape.slice(axis + 1).reduce((product, next) => product * next, 1)) % size,
  );
}

interface Verdict {
  readonly pass: boolean;
  readonly message: () => string;
}

/** The matcher behind `expect(received).toBeAllClose(expected)`. */
export function toBeAllClose(
  received: Numbers,
  expected: Numbers,
  { relative = 1e-5, absolute = 1e-6 }: Tolerance = {},
): Verdict {
  const [got, wanted] = [flatten(received), flatten(expected)];
  const shape = got.shape ?? wanted.shape ?? [got.values.length];
  const sameShape = got.shape === undefined || wanted.shape === undefined || `${got.shape}` === `${wanted.shape}`;
  if (!sameShape || got.values.length !== wanted.values.length) {
    const show = (flat: Flat) => (flat.shape === undefined ? `${flat.values.length} values` : `shape [${flat.shape}]`);
    return { pass: false, message: () => `toBeAllClose: expected ${show(wanted)}, received ${show(got)}` };
  }
  let [worst, worstExcess, farCount] = [0, -1, 0];
  for (let i = 0; i < got.values.length; i++) {
    const [a, b] = [got.values[i]!, wanted.values[i]!];
    if (a === b) continue;
    const ratio = Math.abs(a - b) / (absolute + relative * Math.abs(b));
    const excess = Number.isFinite(a) && Number.isFinite(b) ? ratio : Number.POSITIVE_INFINITY;
    if (excess > 1) farCount++;
    if (excess > worstExcess) [worst, worstExcess] = [i, excess];
  }
  const tolerances = `relative ${relative}, absolute ${absolute}`;
  return {
    pass: farCount === 0,
    message: () => {
      if (farCount === 0) return `toBeAllClose: every element lies within ${tolerances}, which was not expected`;
      const [a, b] = [got.values[worst]!, wanted.values[worst]!];
      const allowed = absolute + relative * Math.abs(b);
      return `toBeAllClose: ${farCount} of ${got.values.length} elements lie outside ${tolerances}; worst at [${position(worst, shape).join(", ")}]: received ${a}, expected ${b}, difference ${Math.abs(a - b).toPrecision(3)}, allowed ${allowed.toPrecision(3)}`;
    },
  };
}

expect.extend({ toBeAllClose });
