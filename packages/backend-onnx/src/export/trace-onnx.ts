/**
 * Functions of tensors as ONNX models for any sizes. A function is recorded at several sizes, the recordings are joined to one
 * graph (`general.ts`), which is written with standard operators (`emit.ts`), and run beside the function at sizes that were
 * not recorded, before anybody gets it.
 */
import { checkOptions, StateError } from "@cambium/base";
import type { Tensor } from "@tensorflow/tfjs-core";
import { fuse } from "../fuse.ts";
import type { HostArray, Value } from "../graph.ts";
import { encodeModel, type Slot } from "../onnx-model.ts";
import { type Checked, compare } from "./check.ts";
import { emit } from "./emit.ts";
import { fold } from "./fold.ts";
import { firstDifference, generalise } from "./general.ts";
import { checkInputs, dtypeOf, type OnnxInput, shapeAt, sizeSourcesOf } from "./inputs.ts";
import { fixedValue, type Polynomial, type Sizes, textOf } from "./polynomial.ts";
import { type NamedFunction, type RecordHost, type Recording, record } from "./record.ts";
import { checkedSizes, type DynamicDimension, longSizes, smallSizes } from "./sizes.ts";
import { Writer } from "./writer.ts";

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
  readonly checked: readonly Checked[];
}

/** What tracing needs of the backend. */
export interface TraceHost extends RecordHost {
  run(values: readonly Value[]): void;
  /** Calls a function that is known to compile many programs. */
  expecting<T>(run: () => T): T;
}

/** Protocol buffers end here. */
const MAX_BYTES = 2 ** 31 - 1;

/** An output's shape as a file has it. */
const namedShape = (shape: readonly Polynomial[]): (number | string)[] =>
  shape.map((dimension) => fixedValue(dimension) ?? textOf(dimension));

function compile(
  host: TraceHost,
  run: NamedFunction,
  inputs: Readonly<Record<string, OnnxInput>>,
  options: TraceOnnxOptions,
) {
  function recordAt(each: Sizes): Recording {
    const standIns = Object.entries(inputs).map(([name, input]) => ({
      name,
      shape: shapeAt(input.shape, each),
      dtype: dtypeOf(input),
    }));
    const recording = record(host, run, standIns);
    return { ...recording, program: { ...recording.program, operations: fuse(recording.program) } };
  }

  const sizes = smallSizes(options.dynamic);
  const recordings = sizes.map(recordAt);
  for (const [longest, shorter] of longSizes(options.dynamic)) {
    const recording = recordAt(longest);
    const isAlike = firstDifference(recordings[0]!, recording) === undefined;
    sizes.push(isAlike ? longest : shorter);
    recordings.push(isAlike ? recording : recordAt(shorter));
  }
  const graph = fold(generalise(recordings, sizes), sizes, { run: (values) => host.run(values) });
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
    model: encodeModel(nodes, initializers, slots, outputs, { hasContrib: false }),
    nodeCount: nodes.length,
    traced: sizes,
    outputs: [...graph.outputs.keys()],
  };
}

/** Traces a function on a backend; `traceOnnx` is this on the one that runs. */
export function traceOn(
  host: TraceHost,
  run: NamedFunction,
  inputs: Readonly<Record<string, OnnxInput>>,
  options: TraceOnnxOptions,
): TracedOnnx {
  checkOptions("traceOnnx", options, ["dynamic", "names", "tolerance"]);
  checkInputs(inputs, options.dynamic);
  const { model, nodeCount, traced, outputs } = compile(host, run, inputs, options);
  const checked = host.expecting(() => compare(run, model, inputs, outputs, checkedSizes(options.dynamic, traced)));
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
