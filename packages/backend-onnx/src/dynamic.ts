/**
 * Functions of named arrays that are compiled once for any sizes: what grows from call to call, such as the rows of a cache,
 * makes no new graph, and no tensor operation runs in JavaScript any more.
 *
 * The function is recorded at a few small sizes, as for an exported model. What it captures is fed, so that a function of the
 * same structure with other captured tensors (another adapter) runs on the same session; blocks of few bits are part of the
 * graph, where the runtime packs them for its products.
 */
import { ConfigError, StateError } from "@cambium/base";
import type { Tensor } from "@tensorflow/tfjs-core";
import { emit } from "./export/emit.ts";
import { fold } from "./export/fold.ts";
import { firstDifference, type General, type GeneralGraph, type GeneralNode, generalise } from "./export/general.ts";
import { checkInputs, dtypeOf, type OnnxInput, shapeAt, sizeSourcesOf } from "./export/inputs.ts";
import { fixedValue, type Polynomial, type Sizes, textOf } from "./export/polynomial.ts";
import { type NamedFunction, type RecordHost, type Recording, record } from "./export/record.ts";
import { type DynamicDimension, smallSizes } from "./export/sizes.ts";
import { Writer } from "./export/writer.ts";
import { fuse } from "./fuse.ts";
import { fuseForRow, Packs, packProducts } from "./fuse-decode.ts";
import { bytesOf, type HostArray, hostArrayOf, type Operation, sizeOf, type Value } from "./graph.ts";
import { isBlockOperation, lowerStored } from "./lower-blocks.ts";
import type { NativeRuntime, NativeSession, SessionOptions } from "./native.ts";
import { sameContent, sameNumber } from "./numbers.ts";
import { encodeModel, type Slot } from "./onnx-model.ts";

/** An array and its shape. */
export interface HostTensor {
  readonly data: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

/** Settings of `compileDynamic`. */
export interface DynamicOptions {
  /** The dimensions whose names stand in the inputs' shapes. */
  readonly dynamic: Readonly<Record<string, DynamicDimension>>;
  /** Tensors that stay as they are: small ones become part of the graph, which is freed with the first of them. @default none */
  readonly frozen?: Iterable<Tensor>;
}

/** A function that was compiled for any sizes. */
export interface DynamicFunction {
  /** Operations in its graph. */
  readonly nodeCount: number;
  /** Runs it. Arrays of the result are the caller's. */
  run(inputs: Readonly<Record<string, HostTensor>>): Readonly<Record<string, HostTensor>>;
  /**
   * The same graph with what another function captures.
   *
   * @returns Nothing where that function does something else.
   */
  with(run: NamedFunction): DynamicFunction | undefined;
  /** Frees the graph; once for all functions that share it. */
  dispose(): void;
  /** Whether the graph was freed: by `dispose`, or with a frozen tensor. */
  readonly isDisposed: boolean;
}

/** What compiling needs of the backend. */
export interface DynamicHost extends RecordHost {
  readonly runtime: NativeRuntime;
  /** Keeps a graph until it is freed, which happens at the latest when the first of these values is let go of. */
  keepGraph(graph: Graph, values: readonly Value[]): void;
  readonly sessionOptions: SessionOptions;
  run(values: readonly Value[]): void;
}

/** A graph that holds memory of the runtime. */
export interface Graph {
  readonly session: NativeSession;
  isDisposed: boolean;
}

/** Sizes that are recorded: enough to tell one sum of products from another. */
const RECORDINGS = 6;

/** Frozen constants up to this many bytes are part of the graph. */
const SMALL_BYTES = 1 << 16;

const namedShape = (shape: readonly Polynomial[]): (number | string)[] =>
  shape.map((dimension) => fixedValue(dimension) ?? textOf(dimension));

type Inputs = Readonly<Record<string, OnnxInput>>;

function recordAt(host: DynamicHost, run: NamedFunction, inputs: Inputs, sizes: Sizes): Recording {
  const standIns = Object.entries(inputs).map(([name, input]) => ({
    name,
    shape: shapeAt(input.shape, sizes),
    dtype: dtypeOf(input),
  }));
  return record(host, run, standIns);
}

/** What is apart from the values of a matrix that others look up rows of: those are fed, and products have them packed. */
const copies = new WeakMap<Value, Value>();

function apart(product: Operation): Operation {
  const [x, ...matrix] = product.inputs;
  const own = matrix.map((value) => {
    if (value === undefined) return undefined;
    const copy = copies.get(value) ?? { ...value };
    copies.set(value, copy);
    return copy;
  });
  return { ...product, inputs: [x, ...own] };
}

/** A recording with products of blocks as the runtime has them, and what must be part of the graph for them. */
function lowered(
  recording: Recording,
  packs: Packs,
): { readonly recording: Recording; readonly stored: ReadonlySet<Value> } {
  const stored = new Set<Value>();
  const { program } = recording;
  const operations = packProducts(program.operations, program.roots, packs).flatMap((each) => {
    if (!isBlockOperation(each)) return [each];
    const made = lowerStored(each.type === "BlockGemm" ? apart(each) : each);
    for (const value of made.stored) stored.add(value);
    return made.operations;
  });
  const fused = fuseForRow(fuse({ ...program, operations }), program.roots);
  return { recording: { ...recording, program: { ...program, operations: fused } }, stored };
}

/** The values that a recording takes from outside and that are no inputs, and its numbers, each in the order of their first use. */
function capturedBy({ program, inputs }: Recording): Value[] {
  const given = new Set(inputs.values());
  return [...program.feeds.filter((feed) => !given.has(feed)), ...program.numbers];
}

const constantIn = (general: General | undefined): Value | undefined =>
  general?.source.kind === "constant" ? general.source.value : undefined;

/**
 * Numbers by which what varies is multiplied, such as the scale of an adapter: they read it, or what was made of it by one
 * operation.
 */
function numbersBeside({ nodes }: GeneralGraph, varies: (value: Value) => boolean): Set<Value> {
  const near = new Set<GeneralNode>();
  const numbers = new Set<Value>();
  for (const node of nodes) {
    const constants = node.inputs.flatMap((input) => constantIn(input) ?? []);
    const isNear = constants.some(varies);
    const isBehind = node.inputs.some((input) => input?.source.kind === "node" && near.has(input.source.node));
    if (isNear) near.add(node);
    if (!isNear && !isBehind) continue;
    for (const value of constants) {
      if (value.role === "number" && value.shape.length === 0 && value.type === "float32") numbers.add(value);
    }
  }
  return numbers;
}

/** A compiled graph, shared by functions of one structure. */
interface Compiled {
  readonly host: DynamicHost;
  readonly graph: Graph;
  readonly nodeCount: number;
  readonly inputs: Inputs;
  readonly outputs: readonly string[];
  readonly first: { readonly sizes: Sizes; readonly recording: Recording };
  /** Names of what is fed, by its place among what the first recording captures. */
  readonly fed: ReadonlyMap<number, string>;
}

function compile(host: DynamicHost, run: NamedFunction, inputs: Inputs, options: DynamicOptions): Compiled {
  const sizes = smallSizes(options.dynamic, RECORDINGS);
  const recordings = sizes.map((each) => recordAt(host, run, inputs, each));
  const [first] = recordings as [Recording];
  const packs = new Packs();
  const parts = recordings.map((recording) => lowered(recording, packs));
  const [{ stored }] = parts as [ReturnType<typeof lowered>];
  const frozenValues = Array.from(options.frozen ?? [], (tensor) => host.valueBehind(tensor)).filter(
    (value) => value !== undefined,
  );
  const frozen = new Set<HostArray | undefined>(frozenValues.map(({ data }) => data));
  frozen.delete(undefined);

  const captured = capturedBy(first);
  const all = recordings.map(capturedBy);
  // What the function makes itself is made anew in every recording.
  const isOutside = (value: Value, i: number): boolean => all.every((each) => each[i]!.data === value.data);
  const places = new Map(captured.flatMap((value, i) => (isOutside(value, i) ? [[value, i] as const] : [])));
  const varies = (value: Value): boolean => places.has(value) && !frozen.has(value.data);
  const general = generalise(
    parts.map(({ recording }) => recording),
    sizes,
  );
  const numbers = numbersBeside(general, varies);
  for (const [i, value] of captured.entries()) if (numbers.has(value)) places.set(value, i);
  const graph = fold(general, sizes, { run: (values) => host.run(values), mayVary: varies });
  const fed = new Map<number, string>();
  const slots: Slot[] = Object.entries(inputs).map(([name, { shape, type }]) => ({ name, shape, type }));
  const writer = new Writer(sizeSourcesOf(inputs));
  const made = emit(graph, writer, {
    int64: new Set(),
    nameOf: () => undefined,
    least: Object.fromEntries(
      Object.entries(options.dynamic).map(([name, { least = 1 }]) => [name, least === 0 ? 0 : 3]),
    ),
    here: {
      isFed(value) {
        const isSmall = frozen.has(value.data) && bytesOf(value.type, value.shape) <= SMALL_BYTES;
        return places.has(value) && !isSmall && !stored.has(value);
      },
      fedAs(value) {
        const place = places.get(value)!;
        const name = `captured_${place}`;
        if (!fed.has(place)) slots.push({ name, shape: value.shape, type: value.type });
        fed.set(place, name);
        return name;
      },
    },
  });
  const outputs: Slot[] = [...graph.outputs].map(([name, { shape, type }]) => ({
    name,
    shape: namedShape(shape),
    type,
  }));
  const { nodes, initializers } = writer.finish(made);
  const large = initializers.filter(({ data }) => data.byteLength > SMALL_BYTES);
  const model = encodeModel(nodes, initializers, slots, outputs, { outside: new Set(large) });
  const outside = large.map(({ name, data }) => ({ path: name, data }));
  const kept: Graph = { session: host.runtime.createSession(model, host.sessionOptions, outside), isDisposed: false };
  host.keepGraph(kept, frozenValues);
  return {
    host,
    graph: kept,
    nodeCount: nodes.length,
    inputs,
    outputs: outputs.map(({ name }) => name),
    first: { sizes: sizes[0]!, recording: first },
    fed,
  };
}

/** Frees a graph, once. */
export function freeGraph(graph: Graph): void {
  if (graph.isDisposed) return;
  graph.isDisposed = true;
  graph.session.dispose();
}

function functionOf(compiled: Compiled, captured: readonly Value[]): DynamicFunction {
  const { host, graph, inputs, outputs, first, fed } = compiled;
  const { runtime } = host;
  const constants: Record<string, unknown> = {};
  for (const [place, name] of fed) {
    const value = captured[place]!;
    value.own = false; // no step may take its memory
    constants[name] = runtime.createTensor(value.type, hostArrayOf(value)!, value.shape);
  }
  const fetches = Object.fromEntries(outputs.map((name) => [name, null]));
  const names = Object.keys(inputs);

  return {
    nodeCount: compiled.nodeCount,
    run(given) {
      if (graph.isDisposed) {
        throw new StateError({
          message:
            "compileDynamic: the graph was freed, by dispose or with a frozen tensor; compile the function again",
        });
      }
      const feeds = { ...constants };
      for (const name of names) {
        const { data, shape } = checked(name, inputs[name]!, given[name]);
        feeds[name] = runtime.createTensor(inputs[name]!.type, data, shape);
      }
      const results = graph.session.run(feeds, fetches);
      return Object.fromEntries(
        outputs.map((name) => {
          const { data, dims } = results[name]!;
          return [name, { data: data as Float32Array, shape: dims }];
        }),
      );
    },
    with(run) {
      const other = recordAt(host, run, inputs, first.sizes);
      const values = capturedBy(other);
      return isAlike(first.recording, other, fed) ? functionOf(compiled, values) : undefined;
    },
    dispose: () => freeGraph(graph),
    get isDisposed() {
      return graph.isDisposed;
    },
  };
}

function checked(name: string, { shape, type }: OnnxInput, given: HostTensor | undefined): HostTensor {
  const fits =
    given !== undefined &&
    given.shape.length === shape.length &&
    shape.every((dimension, axis) => typeof dimension === "string" || dimension === given.shape[axis]) &&
    given.data.length === sizeOf(given.shape) &&
    given.data instanceof (type === "float32" ? Float32Array : Int32Array);
  if (fits) return given;
  throw new ConfigError({
    message: `compileDynamic: input "${name}" must be ${type} [${shape}], got ${given === undefined ? "nothing" : `${given.data.constructor.name} [${given.shape}] of ${given.data.length} elements`}`,
    name,
  });
}

/** Whether two captured values are equal. */
function isSame(a: Value, b: Value): boolean {
  if (a.role !== b.role) return false;
  return a.role === "number" ? sameNumber(a, b) : a.data === b.data || sameContent(a, b);
}

/** Whether two recordings at the same sizes are one graph, but for what is fed. */
function isAlike(a: Recording, b: Recording, fed: ReadonlyMap<number, string>): boolean {
  const [before, after] = [capturedBy(a), capturedBy(b)];
  const [left, right] = [a.program, b.program];
  return (
    firstDifference(a, b) === undefined &&
    left.hash === right.hash &&
    left.code.length === right.code.length &&
    left.code.every((item, i) => item === right.code[i]) &&
    before.length === after.length &&
    before.every((value, i) => fed.has(i) || isSame(value, after[i]!))
  );
}

/** Compiles a function on a backend; `compileDynamic` is this on the one that runs. */
export function compileOn(
  host: DynamicHost,
  run: NamedFunction,
  inputs: Inputs,
  options: DynamicOptions,
): DynamicFunction {
  checkInputs(inputs, options.dynamic);
  const wide = Object.entries(inputs).find(([, { type }]) => type === "int64");
  if (wide !== undefined) {
    throw new StateError({ message: `compileDynamic: input "${wide[0]}" must be float32 or int32, got int64` });
  }
  const compiled = compile(host, run, inputs, options);
  return functionOf(compiled, capturedBy(compiled.first.recording));
}
