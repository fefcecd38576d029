/**
 * Functions of tensors as ONNX models for any sizes. A function is recorded at several sizes, the recordings are joined to one
 * graph (`general.ts`), which is written with standard operators (`emit.ts`), and run beside the function at sizes that were
 * not recorded, before anybody gets it.
 */
import { ConfigError, checkOptions, StateError } from "@cambium/base";
import { type Tensor, tensor, tidy } from "@tensorflow/tfjs-core";
import { fuse } from "../fuse.ts";
import { type HostArray, sizeOf, type Value } from "../graph.ts";
import { loadNativeRuntime } from "../native.ts";
import { encodeModel, type Slot } from "../onnx-model.ts";
import { defaultThreads } from "../threads.ts";
import { emit } from "./emit.ts";
import { fold } from "./fold.ts";
import { type General, generalise } from "./general.ts";
import { fixedValue, type Polynomial, type Sizes, textOf } from "./polynomial.ts";
import { type NamedFunction, type RecordHost, record } from "./record.ts";
import { checkedSizes, type DynamicDimension, tracedSizes } from "./sizes.ts";
import { type SizeSource, Writer } from "./writer.ts";

/** A tensor that an ONNX model reads. */
export interface OnnxInput {
  /** Sizes, and names of those that may be any; a name may be a sum, `past + seq`, of names that stand alone in another place. */
  readonly shape: readonly (number | string)[];
  /** Element type in the model. The function gets `int64` as int32. */
  readonly type: "float32" | "int32" | "int64";
  /**
   * Elements to check the model with, at any sizes. @default 0, 1, 0, 1, … for integers, numbers from −1 to 1 for floats
   */
  readonly sample?: (shape: readonly number[]) => ArrayLike<number>;
}

/** Settings of `traceOnnx`. */
export interface TraceOnnxOptions {
  /** The dimensions whose names stand in the inputs' shapes. */
  readonly dynamic: Readonly<Record<string, DynamicDimension>>;
  /** Tensors whose names the model's constants get: parameters. @default none */
  readonly names?: ReadonlyMap<string, Tensor>;
  /** How far outputs of model and function may differ, as a fraction of the largest, or of 1. @default 1e-4 */
  readonly tolerance?: number;
}

/** A traced model. */
export interface TracedOnnx {
  /** The file. */
  readonly model: Uint8Array;
  /** Operations in its graph. */
  readonly nodeCount: number;
  /** Where it was run beside the function, and the largest difference that was seen there, as a fraction of the largest element or of 1. */
  readonly checked: readonly { readonly sizes: Sizes; readonly difference: number }[];
}

/** What tracing needs of the backend. */
export interface TraceHost extends RecordHost {
  run(values: readonly Value[]): void;
  /** Calls a function that is known to compile many programs. */
  expecting<T>(run: () => T): T;
}

/** Protocol buffers end here. */
const MAX_BYTES = 2 ** 31 - 1;

const PLUS = " + ";

/** The dimensions of a shape at some sizes. */
function shapeAt(shape: OnnxInput["shape"], sizes: Sizes): number[] {
  return shape.map((dimension) =>
    typeof dimension === "number"
      ? dimension
      : dimension.split(PLUS).reduce((sum, name) => sum + (sizes[name] ?? Number(name)), 0),
  );
}

function checkArguments(inputs: Readonly<Record<string, OnnxInput>>, { dynamic }: TraceOnnxOptions): void {
  for (const [name, dimension] of Object.entries(dynamic)) {
    checkOptions("traceOnnx", dimension, ["least", "longest"]);
    const { least = 1, longest = 64 } = dimension;
    if (!Number.isSafeInteger(least) || least < 0 || !Number.isSafeInteger(longest) || longest < 8) {
      throw new ConfigError({
        message: `traceOnnx: dimension "${name}" must be from a whole number from 0 to one from 8, got ${least} to ${longest}`,
        name,
      });
    }
    if (Object.values(inputs).some(({ shape }) => shape.includes(name))) continue;
    throw new ConfigError({ message: `traceOnnx: no input has a dimension "${name}" by itself`, name });
  }
  for (const [name, input] of Object.entries(inputs)) {
    checkOptions("traceOnnx", input, ["shape", "type", "sample"]);
    const names = input.shape.flatMap((dimension) => (typeof dimension === "string" ? dimension.split(PLUS) : []));
    const unknown = names.find((part) => !Object.hasOwn(dynamic, part) && !/^\d+$/.test(part));
    if (unknown === undefined) continue;
    throw new ConfigError({
      message: `traceOnnx: input "${name}" has a dimension "${unknown}", which is none of ${Object.keys(dynamic).join(", ")}`,
      name,
    });
  }
}

/** Where each size can be read: the first input that has it by itself. */
function sizeSourcesOf(inputs: Readonly<Record<string, OnnxInput>>): Map<string, SizeSource> {
  const sources = new Map<string, SizeSource>();
  for (const [input, { shape }] of Object.entries(inputs))
    for (const [axis, dimension] of shape.entries())
      if (typeof dimension === "string" && !sources.has(dimension)) sources.set(dimension, { input, axis });
  return sources;
}

const dtypeOf = ({ type }: OnnxInput): "float32" | "int32" => (type === "float32" ? "float32" : "int32");

/** An output's shape as a file has it. */
const namedShape = (shape: readonly Polynomial[]): (number | string)[] =>
  shape.map((dimension) => fixedValue(dimension) ?? textOf(dimension));

function compile(
  host: TraceHost,
  run: NamedFunction,
  inputs: Readonly<Record<string, OnnxInput>>,
  options: TraceOnnxOptions,
) {
  const sizes = tracedSizes(options.dynamic);
  const recordings = sizes.map((each) => {
    const standIns = Object.entries(inputs).map(([name, input]) => ({
      name,
      shape: shapeAt(input.shape, each),
      dtype: dtypeOf(input),
    }));
    const recording = record(host, run, standIns);
    return { ...recording, program: { ...recording.program, operations: fuse(recording.program) } };
  });
  const graph = fold(generalise(recordings, sizes), sizes, (values) => host.run(values));
  const writer = new Writer(sizeSourcesOf(inputs));
  const nameByData = new Map<HostArray | undefined, string>();
  for (const [name, parameter] of options.names ?? []) nameByData.set(host.valueBehind(parameter)?.data, name);
  nameByData.delete(undefined);
  const made = emit(graph, writer, {
    int64: new Set(Object.keys(inputs).filter((name) => inputs[name]!.type === "int64")),
    nameOf: (value) => nameByData.get(value.data),
    least: Object.fromEntries(
      Object.entries(options.dynamic).map(([name, { least = 1 }]) => [name, least === 0 ? 0 : 3]),
    ),
  });
  const outputs: Slot[] = [...graph.outputs].map(([name, { shape, type }]) => ({
    name,
    shape: namedShape(shape),
    type,
  }));
  const { nodes, initializers } = writer.finish(made);
  const bytes = initializers.reduce((sum, { data }) => sum + data.byteLength, 0);
  if (bytes + (1 << 24) > MAX_BYTES) {
    throw new StateError({
      message: `traceOnnx: the constants take ${(bytes / 2 ** 30).toFixed(1)} GiB, and an ONNX file holds 2 GiB`,
      bytes,
    });
  }
  const slots = Object.entries(inputs).map(([name, { shape, type }]): Slot => ({ name, shape, type }));
  return {
    model: encodeModel(nodes, initializers, slots, outputs, false),
    nodeCount: nodes.length,
    traced: sizes,
    outputs: graph.outputs,
  };
}

/** Elements for a check, the same in every run. */
function sampleOf({ type, sample }: OnnxInput, shape: readonly number[]): HostArray {
  const count = sizeOf(shape);
  const values =
    sample?.(shape) ?? Array.from({ length: count }, (_, i) => (type === "float32" ? Math.sin(i * 1.7) : i % 2));
  if (type === "float32") return Float32Array.from(values);
  return type === "int32" ? Int32Array.from(values) : BigInt64Array.from(Array.from(values), BigInt);
}

/** The largest difference between what the function and the model make, as a fraction of the largest element or of 1. */
function differenceBetween(a: ArrayLike<number>, b: ArrayLike<number | bigint>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let [difference, scale] = [0, 1];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, Number(b[i]!)];
    if (Object.is(x, y)) continue;
    // What is not a number on one side only is no small difference.
    difference = Math.max(difference, Number.isFinite(x - y) ? Math.abs(x - y) : Number.POSITIVE_INFINITY);
    scale = Math.max(scale, Math.abs(x));
  }
  return difference / scale;
}

/** Runs model and function beside each other. */
function check(
  run: NamedFunction,
  model: Uint8Array,
  inputs: Readonly<Record<string, OnnxInput>>,
  outputs: ReadonlyMap<string, General>,
  sizes: readonly Sizes[],
): TracedOnnx["checked"] {
  const runtime = loadNativeRuntime();
  const session = runtime.createSession(model, { threads: defaultThreads(), spinning: false, fastMath: false });

  function differenceAt(each: Sizes): number {
    const samples = Object.entries(inputs).map(([name, input]) => {
      const shape = shapeAt(input.shape, each);
      return { name, input, shape, data: sampleOf(input, shape) };
    });
    const tensors = samples.map(({ name, input, shape, data }) => [
      name,
      tensor(Array.from(data as ArrayLike<number>, Number), shape, dtypeOf(input)),
    ]);
    const feeds = samples.map(({ name, input, shape, data }) => [name, runtime.createTensor(input.type, data, shape)]);
    const expected = run(Object.fromEntries(tensors));
    const fetches = Object.fromEntries([...outputs.keys()].map((name) => [name, null]));
    const results = session.run(Object.fromEntries(feeds), fetches);
    const differences = [...outputs.keys()].map((name) => {
      const { dims, data } = results[name]!;
      if (dims.join() !== expected[name]!.shape.join()) return Number.POSITIVE_INFINITY;
      return differenceBetween(expected[name]!.dataSync(), data as ArrayLike<number>);
    });
    return Math.max(...differences);
  }

  try {
    return sizes.map((each) => ({ sizes: each, difference: tidy(() => differenceAt(each)) }));
  } finally {
    session.dispose();
  }
}

/** Traces a function on a backend; `traceOnnx` is this on the one that runs. */
export function traceOn(
  host: TraceHost,
  run: NamedFunction,
  inputs: Readonly<Record<string, OnnxInput>>,
  options: TraceOnnxOptions,
): TracedOnnx {
  checkOptions("traceOnnx", options, ["dynamic", "names", "tolerance"]);
  checkArguments(inputs, options);
  const { model, nodeCount, traced, outputs } = compile(host, run, inputs, options);
  const checked = host.expecting(() => check(run, model, inputs, outputs, checkedSizes(options.dynamic, traced)));
  const { tolerance = 1e-4 } = options;
  const worst = checked.find(({ difference }) => !(difference <= tolerance));
  if (worst !== undefined) {
    throw new StateError({
      message: `traceOnnx: at ${JSON.stringify(worst.sizes)} the graph gives something else than the function (a difference of ${worst.difference}); the function may decide by sizes`,
      sizes: worst.sizes,
    });
  }
  return { model, nodeCount, checked };
}
