/**
 * What products with weights in blocks become in a graph.
 *
 * They are traced as operations of the domain `cambium`, which no runtime knows:
 *
 * - `BlockGemm`: `x` `[rows, K]`, `codes` uint8 `[N, blocks, bytes]`, `scales` `[N, blocks]`, `minima` `[N, blocks]` or absent; with
 *   attributes `K`, `N`, `bits`, and `transposed`: 0 for `x Wᵀ` `[rows, N]`, 1 for `x W` of `x` `[rows, N]`, which is `[rows, K]`.
 * - `BlockRows`: `ids` int32 of any shape, and the same codes, scales and minima; `[...ids, K]`.
 *
 * Two lowerings give operators that it knows. `lowerFed` is exact, for weights that are fed: floats are made of one matrix at a time, or a part
 * of it, just before its product, since everything that makes them waits for the product's other side. `lowerStored` is for weights
 * that are constants of the graph: `MatMulNBits` packs these once, and reads them at every run.
 */
import { BLOCK_SIZE, type BlockBits, blocksOf, middleCode } from "@cambium/kernels";
import {
  constant,
  ELEMENT_TYPES,
  hostArrayOf,
  hostValue,
  integers,
  type Operation,
  sizeOf,
  type Value,
} from "./graph.ts";
import { operation } from "./tracer.ts";

/** Whether an operation is one of weights in blocks. */
export const isBlockOperation = ({ domain }: Operation): boolean => domain === "cambium";

/** A matrix in blocks, as operations read it. */
export interface Blocks {
  readonly codes: Value;
  readonly scales: Value;
  readonly minima: Value | undefined;
  readonly bits: BlockBits;
  /** Numbers of a row. */
  readonly width: number;
}

function blocksIn({ inputs, attributes }: Operation): Blocks {
  const [, codes, scales, minima] = inputs;
  const { bits, K: width } = attributes as { readonly bits: BlockBits; readonly K: number };
  return { codes: codes!, scales: scales!, minima, bits, width };
}

/** A shape of a value that may be fed: it must stay an input, and so is not read on the host. */
const reshaped = (value: Value, shape: readonly number[]): Value =>
  operation("Reshape", [value, integers(shape)], shape, value.type);

const float = (type: string, left: Value, right: Value): Value => operation(type, [left, right], left.shape, "float32");

/**
 * A number of one byte that exists once `value` does: a choice between it and it, made by an element of `value`. What a run is fed is
 * there from the start.
 */
function byteAfter(byte: number, value: Value): Value {
  if (value.producer === undefined) return constant(byte, "uint8");
  const flat = reshaped(value, [sizeOf(value.shape)]);
  const element = operation("Gather", [flat, constant(0, "int64")], [], value.type);
  const number = operation("Cast", [element], [], "float32", { attributes: { to: ELEMENT_TYPES.float32 } });
  const either = operation("IsNaN", [number], [], "bool");
  return operation("Where", [either, constant(byte, "uint8"), constant(byte, "uint8")], [], "uint8");
}

/** Codes `[rows, blocks, bytes]` as one number each, `[rows, blocks, 32]` uint8, once `after` exists. */
function unpacked(codes: Value, bits: BlockBits, after: Value): Value {
  const [rows, blocks] = codes.shape as [number, number];
  const shape = [rows, blocks, BLOCK_SIZE];
  if (bits === 8) return operation("BitwiseAnd", [codes, byteAfter(255, after)], shape, "uint8");
  const low = operation("BitwiseAnd", [codes, byteAfter(15, after)], codes.shape, "uint8");
  const high = operation("BitShift", [codes, byteAfter(4, after)], codes.shape, "uint8", {
    attributes: { direction: "RIGHT" },
  });
  const apart = [low, high].map((half) => reshaped(half, [...codes.shape, 1]));
  const both = operation("Concat", apart, [...codes.shape, 2], "uint8", { attributes: { axis: 3 } });
  return reshaped(both, shape);
}

/** The weights that codes stand for, `[rows, K]`, made once `after` exists. */
function dequantised({ codes, scales, minima, bits, width }: Blocks, after: Value): Value {
  const numbers = unpacked(codes, bits, after);
  const [rows, blocks] = numbers.shape as [number, number, number];
  const floats = operation("Cast", [numbers], numbers.shape, "float32", { attributes: { to: ELEMENT_TYPES.float32 } });
  const column = (value: Value): Value => reshaped(value, [rows, blocks, 1]);
  const values =
    minima === undefined
      ? float("Mul", float("Sub", floats, constant(middleCode(bits))), column(scales))
      : float("Add", float("Mul", floats, column(scales)), column(minima));
  const whole = reshaped(values, [rows, blocks * BLOCK_SIZE]);
  if (width === blocks * BLOCK_SIZE) return whole;
  return sliced(whole, 0, width, 1);
}

/** Weights that are floats at a time: 4 MiB. Larger matrices are multiplied in parts. */
const WEIGHTS_AT_A_TIME = 2 ** 20;

/** Entries `from` … `to` − 1 along an axis. */
const sliced = (value: Value, from: number, to: number, axis: number): Value =>
  operation(
    "Slice",
    [value, integers([from]), integers([to]), integers([axis])],
    value.shape.with(axis, to - from),
    value.type,
  );

/** Rows of a matrix, from … to − 1. */
function rowsOf(blocks: Blocks, from: number, to: number): Blocks {
  const { codes, scales, minima } = blocks;
  if (to - from === scales.shape[0]) return blocks;
  const [ownCodes, ownScales] = [sliced(codes, from, to, 0), sliced(scales, from, to, 0)];
  return { ...blocks, codes: ownCodes, scales: ownScales, minima: minima && sliced(minima, from, to, 0) };
}

const gemm = (inputs: readonly Value[], transB: 0 | 1, rows: number, columns: number): Value =>
  operation("Gemm", inputs, [rows, columns], "float32", { attributes: { transA: 0, transB, alpha: { float: 1 } } });

/** The product of `BlockGemm`, with the floats of some rows of the matrix after those of others. */
function multiplied(given: Operation): Value {
  const [x] = given.inputs as [Value];
  const blocks = blocksIn(given);
  const [out] = blocks.scales.shape as [number];
  const [rows] = x.shape as [number];
  const isGradient = given.attributes["transposed"] === 1;
  const atATime = Math.max(1, Math.floor(WEIGHTS_AT_A_TIME / blocks.width));
  const products: Value[] = [];
  for (let from = 0; from < out; from += atATime) {
    const to = Math.min(out, from + atATime);
    const before = products.at(-1);
    const weight = dequantised(rowsOf(blocks, from, to), before ?? x);
    if (isGradient) {
      const left = to - from === out ? x : sliced(x, from, to, 1);
      products.push(gemm([left, weight, ...(before === undefined ? [] : [before])], 0, rows, blocks.width));
    } else products.push(gemm([x, weight], 1, rows, to - from));
  }
  if (isGradient || products.length === 1) return products.at(-1)!;
  return operation("Concat", products, [rows, out], "float32", { attributes: { axis: 1 } });
}

/** The rows of `BlockRows`. */
function lookedUp(given: Operation): Value {
  const [ids] = given.inputs as [Value];
  const blocks = blocksIn(given);
  const count = sizeOf(ids.shape);
  const flat = reshaped(ids, [count]);
  const gathered = (table: Value): Value =>
    operation("Gather", [table, flat], table.shape.with(0, count), table.type, { attributes: { axis: 0 } });
  const { minima } = blocks;
  const found = {
    ...blocks,
    codes: gathered(blocks.codes),
    scales: gathered(blocks.scales),
    minima: minima === undefined ? undefined : gathered(minima),
  };
  return reshaped(dequantised(found, ids), [...ids.shape, blocks.width]);
}

/** Operations that make a value, in an order in which they can run, the last of them with the outputs of `given`. */
function withOutputs(value: Value, given: Operation): readonly Operation[] {
  const stop = new Set(given.inputs);
  const made: Operation[] = [];
  const visit = (each: Value | undefined): void => {
    const producer = each?.producer;
    if (producer === undefined || stop.has(each) || made.includes(producer)) return;
    producer.inputs.forEach(visit);
    made.push(producer);
  };
  visit(value);
  return [...made.slice(0, -1), { ...made.at(-1)!, outputs: given.outputs, kernel: given.kernel }];
}

/**
 * Operators that compute the same as an operation of blocks whose matrix is fed: its floats are made, used once and freed.
 *
 * @param given - `BlockGemm` or `BlockRows`. Its last output is that of the last operator.
 */
export function lowerFed(given: Operation): readonly Operation[] {
  if (given.type === "BlockRows") return withOutputs(lookedUp(given), given);
  return withOutputs(multiplied(given), given);
}

/** Operators of an operation whose matrix is part of the graph. */
export interface StoredLowering {
  readonly operations: readonly Operation[];
  /** Values among their inputs that must be constants of the graph: codes, scales, and what was made of minima. */
  readonly stored: readonly Value[];
}

/** What is made of scales and minima, `[blocks, N]`, by the minima: graphs of several shapes share it. */
const addends = new WeakMap<Value, Value>();

/** `minimum + middle · scale`, by which the sums of blocks of `x` are multiplied, since `MatMulNBits` counts codes from the middle one. */
function addendOf(scales: Value, minima: Value, bits: BlockBits): Value {
  let found = addends.get(minima);
  if (found === undefined) {
    const [out, blocks] = scales.shape as [number, number];
    const [scale, minimum] = [scales, minima].map((value) => hostArrayOf(value) as Float32Array) as [
      Float32Array,
      Float32Array,
    ];
    const values = new Float32Array(out * blocks);
    for (let o = 0; o < out; o++)
      for (let block = 0; block < blocks; block++) {
        const place = o * blocks + block;
        values[block * out + o] = minimum[place]! + middleCode(bits) * scale[place]!;
      }
    found = hostValue(values, [blocks, out], "float32");
    addends.set(minima, found);
  }
  return found;
}

/** Sums of the blocks of `x` `[rows, K]`, `[rows, blocks]`. */
function blockSums(x: Value): Value {
  const [rows, width] = x.shape as [number, number];
  const blocks = blocksOf(width);
  const rest = blocks * BLOCK_SIZE - width;
  const whole = rest === 0 ? x : operation("Pad", [x, integers([0, 0, 0, rest])], [rows, width + rest], "float32");
  // Any number of rows, so that graphs of more than one shape can be made of it.
  const apart = operation(
    "Reshape",
    [whole, integers([-1, blocks, BLOCK_SIZE])],
    [rows, blocks, BLOCK_SIZE],
    "float32",
  );
  return operation("ReduceSum", [apart, integers([2])], [rows, blocks], "float32", { attributes: { keepdims: 0 } });
}

/**
 * Operators for an operation whose matrix is part of the graph: `MatMulNBits`, and for minima the product of the sums of each block of
 * `x` with `minimum + middle · scale`, which makes them exact. Look-ups and gradients are those of `lowerFed`, and their matrix stays fed.
 *
 * @param accuracy - What `MatMulNBits` multiplies in: 0, float32; 4, bytes: `x` is rounded to 8 bits for each block.
 */
export function lowerStored(given: Operation, accuracy: 0 | 4 = 4): StoredLowering {
  if (given.type !== "BlockGemm" || given.attributes["transposed"] === 1)
    return { operations: lowerFed(given), stored: [] };
  const [x] = given.inputs as [Value];
  const { codes, scales, minima, bits, width } = blocksIn(given);
  const [rows, out] = given.outputs[0]!.shape as [number, number];
  const product = operation("MatMulNBits", [x, codes, scales], [rows, out], "float32", {
    domain: "com.microsoft",
    attributes: { K: width, N: out, bits, block_size: BLOCK_SIZE, accuracy_level: accuracy },
  });
  if (minima === undefined) return { operations: withOutputs(product, given), stored: [codes, scales] };
  const addend = addendOf(scales, minima, bits);
  const whole = operation("Gemm", [blockSums(x), addend, product], [rows, out], "float32", {
    attributes: { transA: 0, transB: 0, alpha: { float: 1 } },
  });
  return { operations: withOutputs(whole, given), stored: [codes, scales, addend] };
}
