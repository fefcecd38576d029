/** What goes into a traced model: shapes of sizes and names. */
import { ConfigError, checkOptions } from "@cambium/base";
import type { Sizes } from "./polynomial.ts";
import type { DynamicDimension } from "./sizes.ts";
import type { SizeSource } from "./writer.ts";

/** A tensor that an ONNX model reads. */
export interface OnnxInput {
  /**
   * Sizes, and names of those that may be any; a name may be a sum, `past + seq`, or a product, `3 * batch`, of names that stand alone
   * in another place, and of numbers.
   */
  readonly shape: readonly (number | string)[];
  /** Element type in the model. The function gets `int64` as int32. */
  readonly type: "float32" | "int32" | "int64";
  /**
   * Elements to check the model with, at any sizes. @default 0, 1, 0, 1, … for integers, numbers from −1 to 1 for floats
   */
  readonly sample?: (shape: readonly number[]) => ArrayLike<number>;
}

const PLUS = " + ";
const TIMES = " * ";

const termsIn = (dimension: string): string[][] => dimension.split(PLUS).map((term) => term.split(TIMES));

/** The dimensions of a shape at some sizes. */
export function shapeAt(shape: OnnxInput["shape"], sizes: Sizes): number[] {
  return shape.map((dimension) =>
    typeof dimension === "number"
      ? dimension
      : termsIn(dimension)
          .map((factors) => factors.reduce((product, name) => product * (sizes[name] ?? Number(name)), 1))
          .reduce((sum, term) => sum + term),
  );
}

export function checkInputs(
  inputs: Readonly<Record<string, OnnxInput>>,
  dynamic: Readonly<Record<string, DynamicDimension>>,
): void {
  for (const [name, dimension] of Object.entries(dynamic)) {
    checkOptions("traceOnnx", dimension, ["least", "longest", "recordFrom"]);
    const { least = 1, longest = 64, recordFrom = 2 } = dimension;
    const isWhole = [least, longest, recordFrom].every(Number.isSafeInteger);
    if (!isWhole || least < 0 || recordFrom < 2 || longest < recordFrom + 6) {
      throw new ConfigError({
        message: `traceOnnx: dimension "${name}" must have whole numbers: least from 0, recordFrom from 2, longest from 6 more than that; got ${least}, ${recordFrom} and ${longest}`,
        name,
      });
    }
    if (Object.values(inputs).some(({ shape }) => shape.includes(name))) continue;
    throw new ConfigError({ message: `traceOnnx: no input has a dimension "${name}" by itself`, name });
  }
  for (const [name, input] of Object.entries(inputs)) {
    checkOptions("traceOnnx", input, ["shape", "type", "sample"]);
    const names = input.shape.flatMap((dimension) => (typeof dimension === "string" ? termsIn(dimension).flat() : []));
    const unknown = names.find((part) => !Object.hasOwn(dynamic, part) && !/^\d+$/.test(part));
    if (unknown === undefined) continue;
    throw new ConfigError({
      message: `traceOnnx: input "${name}" has a dimension "${unknown}", which is none of ${Object.keys(dynamic).join(", ")}`,
      name,
    });
  }
}

/** Where each size can be read: the first input that has it by itself. */
export function sizeSourcesOf(inputs: Readonly<Record<string, OnnxInput>>): Map<string, SizeSource> {
  const sources = new Map<string, SizeSource>();
  for (const [input, { shape }] of Object.entries(inputs))
    for (const [axis, dimension] of shape.entries())
      if (typeof dimension === "string" && !sources.has(dimension)) sources.set(dimension, { input, axis });
  return sources;
}

/** What the function gets. */
export const dtypeOf = ({ type }: OnnxInput): "float32" | "int32" => (type === "float32" ? "float32" : "int32");
