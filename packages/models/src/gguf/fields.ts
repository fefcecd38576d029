/**
 * The metadata of a file that speak of its model: those whose keys begin with the architecture's name. Each is asked for once by
 * the family's reader; one that nobody asked for may change the computation, and is refused by name.
 */
import { FormatError } from "@cambium/base";
import type { GgufValue } from "./values.ts";

/** What a family's reader is given. Keys are without the architecture's name: `block_count`. */
export interface GgufFields {
  /** A whole number of at least 1; one for each layer counts where all are equal. `undefined` where there is none. */
  count(key: string): number | undefined;
  /** A whole number that there must be. */
  needCount(key: string): number;
  /** How many layers there are, by `block_count` and by the tensors alike: a number beyond them would be believed too late. */
  layers(): number;
  /** A number, as it is. */
  number(key: string): number | undefined;
  /** A number in single precision, as the decimal that it was written as: 1e-5, not 0.0000099999997. */
  decimal(key: string): number | undefined;
  /** A text. */
  text(key: string): string | undefined;
  /** Takes note of what may only have one of these values, where it is there. */
  only(key: string, ...values: readonly GgufValue[]): void;
  /** Takes note of what changes nothing. */
  ignore(...keys: readonly string[]): void;
  /** How many tokens there are: by the vocabulary's list, or where the file has none by the rows of the word embeddings. */
  vocabularySize(): number | undefined;
  /** The shape of a tensor by its name in the file, where it is there. */
  shape(tensor: string): readonly number[] | undefined;
  /** Numbers that divide the frequencies of rotary positions, from the tensor `rope_freqs.weight`, where there is one. */
  ropeFactors(): readonly number[] | undefined;
  /** The error of metadata that cannot be followed. */
  refuse(key: string, problem: string): FormatError;
}

/** What the fields are made of. */
export interface FieldSource {
  readonly architecture: string;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly ropeFactors: readonly number[] | undefined;
  readonly location: string;
}

/** The decimal of least digits that a number in single precision is nearest to. */
function shortestDecimal(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}

/** Shows a value in a message. */
const shown = (value: GgufValue): string =>
  typeof value === "object" ? `an array of ${value.length}` : typeof value === "string" ? `"${value}"` : String(value);

/**
 * Runs a family's reader over the metadata.
 *
 * @throws {FormatError} When a value is not of the kind that is meant, or a key was not asked for.
 */
export function readFields<Result>(source: FieldSource, read: (fields: GgufFields) => Result): Result {
  const { architecture, metadata, shapes, location } = source;
  const asked = new Set<string>();
  let isScaled = source.ropeFactors === undefined;
  const full = (key: string): string => `${architecture}.${key}`;

  function refuse(key: string, problem: string): FormatError {
    const name = full(key);
    return new FormatError({ message: `loadModel: "${name}" in ${location} ${problem}`, key: name, location });
  }

  function take(key: string): GgufValue | undefined {
    asked.add(full(key));
    return metadata.get(full(key));
  }

  /** A value, or that of every layer. */
  function one(key: string): GgufValue | undefined {
    const value = take(key);
    if (typeof value !== "object") return value;
    const [first, ...others] = value.values();
    if (first !== undefined && others.every((other) => other === first)) return first;
    throw refuse(key, "differs from layer to layer, which this family does not support");
  }

  function number(key: string): number | undefined {
    const value = one(key);
    if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
    throw refuse(key, `is ${shown(value)}, and a number is meant`);
  }

  function count(key: string): number | undefined {
    const value = number(key);
    if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return value;
    throw refuse(key, `is ${value}, and a whole number from 1 on is meant`);
  }

  function needCount(key: string): number {
    const value = count(key);
    if (value === undefined) throw refuse(key, "is absent; convert the model again with a newer llama.cpp");
    return value;
  }

  const result = read({
    count,
    number,
    needCount,
    layers() {
      const stated = needCount("block_count");
      const found = new Set([...shapes.keys()].flatMap((name) => /^blk\.(\d+)\./.exec(name)?.[1] ?? [])).size;
      if (stated === found) return stated;
      throw refuse("block_count", `is ${stated}, and the file has the tensors of ${found} layers`);
    },
    decimal(key) {
      const value = number(key);
      return value === undefined ? undefined : shortestDecimal(value);
    },
    text(key) {
      const value = take(key);
      if (value === undefined || typeof value === "string") return value;
      throw refuse(key, `is ${shown(value)}, and a text is meant`);
    },
    only(key, ...values) {
      const value = one(key);
      if (value === undefined || values.includes(value)) return;
      throw refuse(key, `is ${shown(value)}, which changes the computation in a way that is not supported`);
    },
    ignore(...keys) {
      for (const key of keys) asked.add(full(key));
    },
    vocabularySize() {
      const tokens = metadata.get("tokenizer.ggml.tokens");
      return typeof tokens === "object" ? tokens.length : shapes.get("token_embd.weight")?.[0];
    },
    shape: (tensor) => shapes.get(tensor),
    ropeFactors() {
      isScaled = true;
      return source.ropeFactors;
    },
    refuse,
  });

  const left = [...metadata.keys()].filter((key) => key.startsWith(`${architecture}.`) && !asked.has(key));
  if (left.length > 0) {
    throw new FormatError({
      message: `loadModel: ${location} has metadata of its model that are not known here and may change what it computes: ${left.join(", ")}`,
      left,
      location,
    });
  }
  if (!isScaled) {
    throw new FormatError({
      message: `loadModel: ${location} has the tensor "rope_freqs.weight", which models of "${architecture}" have no use for here`,
      location,
    });
  }
  return result;
}
