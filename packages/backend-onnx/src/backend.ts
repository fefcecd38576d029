/**
 * The tfjs backend. Data ids point at values; reading one runs the graph that makes it.
 *
 * A read outside the tape runs everything that is pending, in one graph: a training step is one native call, and updates
 * that nobody reads never pile up; where nothing is read for long, the same happens where a step ends. While the tape records, a read runs only what it needs: running all would turn every
 * activation into an output.
 */
import { yieldTurn } from "@cambium/base";
import {
  type BackendValues,
  backend_util,
  type DataId,
  DataStorage,
  type DataType,
  engine,
  KernelBackend,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { compileOn, type DynamicFunction, type DynamicOptions, freeGraph, type Graph } from "./dynamic.ts";
import type { OnnxInput } from "./export/inputs.ts";
import { checkIsKnown, type NamedFunction } from "./export/record.ts";
import { graphError } from "./failure.ts";
import { type HostArray, hostArrayOf, hostValue, sameShape, sizeOf, type Value } from "./graph.ts";
import { HeldBytes } from "./held-bytes.ts";
import { loadNativeRuntime, type NativeRuntime, type SessionOptions } from "./native.ts";
import { type Program, traceProgram } from "./program.ts";
import { type CompileOptions, Replayer } from "./replay.ts";
import type { BackendReport } from "./report.ts";
import { type CacheLimits, SessionCache } from "./session-cache.ts";
import { StepEnds } from "./step-ends.ts";
import { defaultThreads } from "./threads.ts";
import { elementType, reshapeTo, sourceOf } from "./tracer.ts";

/** Settings of the backend. */
export interface OnnxOptions extends Partial<CacheLimits> {
  /** Threads inside an operator. @default the cores this process may use, by its affinity and its control group */
  readonly threads?: number;
  /**
   * Whether threads wait for work by spinning. Alone on a machine that saves some 5 % of a small step; beside a busy
   * process it costs half as much again, and two such processes stall each other. @default false
   */
  readonly spinning?: boolean;
  /**
   * Whether products of floats may be computed in bfloat16 (8 bits of mantissa, sums in float32), on processors of ARM64
   * that have such instructions. ONNX Runtime has no such products on x64: there it changes nothing, and a warning
   * says so.
   *
   * @default false
   */
  readonly fastMath?: boolean;
}

/** The parts of a complex tensor, which belong to it. */
export interface Pair {
  readonly real: TensorInfo;
  readonly imag: TensorInfo;
}

interface Entry {
  /** A tensor that graphs can work on, a complex one, or strings, which only pass through. */
  readonly content: Value | Pair | readonly Uint8Array[];
  references: number;
  /** The content in the shape of a handle that was read last, when that is another shape. */
  view?: Value;
}

/** Arrays up to this size are copied when written, so that the caller may change them afterwards; larger ones are borrowed. */
const COPY_LIMIT = 1 << 18;

/** The one element that an array is filled with, or undefined. */
function uniformElement(values: ArrayLike<number>): number | undefined {
  const first = values[0]!;
  if (values.length < 2 || !Object.is(values[values.length - 1], first)) return undefined;
  for (let i = 1; i < values.length; i++) if (!Object.is(values[i], first)) return undefined;
  return first;
}

/**
 * Whether the formula of a gradient is writing a tensor. What such formulas fill with one element (a sum multiplies by ones)
 * is the same in every step; what else is written may be data, whose elements are equal by chance.
 */
function isOfGradient(): boolean {
  const { kernelDepth, scopeStack } = engine().state;
  return kernelDepth === 0 && scopeStack.some(({ name }) => name === BACKWARD);
}

/** Where in a program a kernel is called. */
interface Place {
  readonly isInGradient: boolean;
  /** The scope of the tfjs operation that calls it, possibly among other kernels. */
  readonly operation: unknown;
}

/** tfjs-core names scopes: those of its operations end like this, and in this one it calls the formulas of gradients. */
const OPERATION = "__op";
const BACKWARD = "backward";

function placeNow(): Place {
  const { gradientDepth, scopeStack } = engine().state;
  let isInGradient = gradientDepth > 0;
  let operation: unknown;
  for (const scope of scopeStack) {
    if (scope.name === BACKWARD) isInGradient = true;
    else if (operation === undefined && scope.name.endsWith(OPERATION)) operation = scope;
  }
  return { isInGradient, operation };
}

function toHostArray(values: ArrayLike<number>, dtype: DataType): HostArray {
  if (dtype === "float32") return values instanceof Float32Array ? values : Float32Array.from(values);
  if (dtype === "int32") return values instanceof Int32Array ? values : Int32Array.from(values);
  return values instanceof Uint8Array ? values : Uint8Array.from(values);
}

const isValue = (content: Entry["content"]): content is Value => "type" in content;
const isPair = (content: Entry["content"]): content is Pair => "real" in content;

/** A tfjs backend that traces lazily and runs whole graphs on ONNX Runtime. */
export class OnnxBackend extends KernelBackend {
  readonly runtime: NativeRuntime;
  private readonly threads: number;
  readonly sessionOptions: SessionOptions;
  private readonly cache: SessionCache;
  /** Fetches the data of tensors that other backends made. */
  private readonly entries = new DataStorage<Entry>(this, engine());
  /** Values that a tensor holds and that have not been made, in the order of their tracing. */
  private readonly pending = new Set<Value>();
  private readonly held = new HeldBytes();
  private readonly stepEnds = new StepEnds();
  /** What held while the last kernel was traced. */
  private lastPlace: Place = { isInGradient: false, operation: undefined };
  /** Data that was read since a function is being watched. */
  private watched: Set<DataId> | undefined;
  /** Whether a function is being recorded on stand-ins. */
  private isRecording = false;
  private runs = 0;
  private dynamicCompiles = 0;
  private readonly graphs = new Set<WeakRef<Graph>>();
  /** Graphs by the values that they are freed with. */
  private readonly graphsOf = new WeakMap<Value, Set<Graph>>();
  private bytesCopied = 0;
  private readonly fallbacks = new Map<string, number>();

  constructor(options: OnnxOptions = {}) {
    super();
    this.runtime = loadNativeRuntime();
    this.threads = options.threads ?? defaultThreads();
    const { fastMath = false, spinning = false } = options;
    if (fastMath && process.arch !== "arm64")
      backend_util.warn(
        `backend-onnx: fastMath changes nothing on ${process.arch}, only on arm64; for 8 bits, load with frozen: "int8"`,
      );
    this.sessionOptions = { threads: this.threads, spinning, fastMath };
    this.cache = new SessionCache(
      this.runtime,
      {
        maxSessions: options.maxSessions ?? 128,
        maxBytes: options.maxBytes ?? 4 * 2 ** 30,
        maxThreads: options.maxThreads ?? Math.max(512, 16 * this.threads),
      },
      this.sessionOptions,
    );
  }

  override write(values: BackendValues, shape: number[], dtype: DataType): DataId {
    const dataId = {};
    this.put(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(dataId: DataId, values: BackendValues, shape: number[], dtype: DataType, refCount: number): void {
    this.put(dataId, values, shape, dtype, refCount);
  }

  private put(dataId: DataId, values: BackendValues, shape: number[], dtype: DataType, references: number): void {
    if (dtype === "complex64") {
      const { real, imag } = backend_util.splitRealAndImagArrays((values ?? new Float32Array(0)) as Float32Array);
      const part = (part: Float32Array): TensorInfo => ({
        dataId: this.write(part, shape, "float32"),
        shape,
        dtype: "float32",
      });
      this.entries.set(dataId, { content: { real: part(real), imag: part(imag) }, references });
      return;
    }
    if (dtype === "string") {
      this.entries.set(dataId, { content: (values ?? []) as Uint8Array[], references });
      return;
    }
    const given = values as HostArray;
    const array = toHostArray(given as unknown as ArrayLike<number>, dtype);
    const size = sizeOf(shape);
    const uniform = size > 1 && isOfGradient() ? uniformElement(array as unknown as ArrayLike<number>) : undefined;
    const data = array === given && size <= COPY_LIMIT ? (array.slice() as HostArray) : array;
    const role = shape.length === 0 || uniform !== undefined ? "number" : "data";
    this.hold(dataId, hostValue(data, shape, elementType(dtype), { role, uniform }), references);
  }

  private hold(dataId: DataId, value: Value, references: number): void {
    this.entries.set(dataId, { content: value, references });
    value.holders++;
    this.held.hold(value);
    if (
      value.data === undefined &&
      value.uniform === undefined &&
      value.producer?.evaluate === undefined &&
      value.isArgument !== true
    )
      this.pending.add(value);
  }

  /** A handle for a traced value. */
  handle(value: Value, dtype: DataType): TensorInfo {
    const dataId = {};
    this.hold(dataId, value, 1);
    return { dataId, shape: [...value.shape], dtype };
  }

  /** Another handle for the data of a handle, in a shape of as many elements. */
  alias({ dataId, dtype }: TensorInfo, shape: readonly number[]): TensorInfo {
    this.incRef(dataId);
    return { dataId, shape: [...shape], dtype };
  }

  /** A handle for a complex tensor, which owns its parts from now on. */
  complexHandle(pair: Pair): TensorInfo {
    const dataId = {};
    this.entries.set(dataId, { content: pair, references: 1 });
    return { dataId, shape: [...pair.real.shape], dtype: "complex64" };
  }

  /** The parts of a complex tensor. */
  partsBehind({ dataId }: TensorInfo): Pair {
    return this.entries.get(dataId).content as Pair;
  }

  /** The value behind a handle in the handle's shape; undefined for strings and complex numbers. */
  valueBehind({ dataId, shape }: TensorInfo): Value | undefined {
    this.watched?.add(dataId);
    const entry = this.entries.get(dataId);
    const { content, view } = entry;
    if (!isValue(content)) return undefined;
    if (sameShape(content.shape, shape)) return content;
    // A view of a value that has been made since would make it again.
    if (
      view === undefined ||
      !sameShape(view.shape, shape) ||
      (content.data === undefined) !== (view.data === undefined)
    )
      entry.view = reshapeTo(content, shape);
    return entry.view;
  }

  override readSync(dataId: DataId): BackendValues {
    this.watched?.add(dataId);
    const { content } = this.entries.get(dataId);
    if (isPair(content))
      return backend_util.mergeRealAndImagArrays(
        this.readSync(content.real.dataId) as Float32Array,
        this.readSync(content.imag.dataId) as Float32Array,
      );
    if (!isValue(content)) return content as Uint8Array[];
    content.own = false;
    return this.materialise(content) as BackendValues;
  }

  /**
   * The memory of a tensor, for other values. Nothing when anybody else may read it: another tensor, a pending operation,
   * or who was given its elements. Reading the tensor is an error from now on.
   */
  consume({ dataId }: TensorInfo): HostArray | undefined {
    const { content, references } = this.entries.get(dataId);
    if (!isValue(content) || !content.own || references > 1 || content.holders > 1 || this.pending.size > 0)
      return undefined;
    const { data } = content;
    this.held.release(content);
    content.data = undefined;
    content.feed = undefined;
    content.producer = undefined;
    content.failure = new Error("backend-onnx: this tensor was consumed by a step that took its memory");
    return data;
  }

  override async read(dataId: DataId): Promise<BackendValues> {
    const values = this.readSync(dataId);
    await yieldTurn(); // the values are there, so that a loop over reads would never give way
    return values;
  }

  /** Makes `requested`, and outside the tape everything else that is pending. */
  private flush(requested: Value): void {
    const recording = engine().state.gradientDepth > 0 || this.isRecording;
    this.makeAll(recording ? [requested] : [...new Set([...this.pending, requested])]);
    if (!recording) this.stepEnds.restart();
  }

  private makePending(): void {
    if (this.pending.size > 0) this.makeAll([...this.pending]);
    this.stepEnds.restart();
  }

  private makeAll(roots: readonly Value[]): void {
    try {
      this.run(roots);
    } catch (cause) {
      // One bad operation must not take unrelated tensors with it: each is tried by itself, and remembers its own failure.
      for (const root of roots) {
        if (root.data !== undefined) continue;
        try {
          if (roots.length === 1) throw cause;
          this.run([root]);
        } catch (reason) {
          root.failure = reason as Error;
          this.pending.delete(root);
        }
      }
    }
  }

  /** Called before each kernel: makes what is pending, where a step of a program ends that reads nothing. */
  beforeKernel(kernel: number): void {
    if (this.watched !== undefined) return;
    if (this.pending.size === 0) this.stepEnds.restart();
    const { lastPlace } = this;
    this.lastPlace = placeNow();
    // What is pending was traced before this kernel, so that a gradient which begins with it is no obstacle.
    const isAllowed =
      !lastPlace.isInGradient &&
      (lastPlace.operation === undefined || lastPlace.operation !== this.lastPlace.operation);
    if (this.stepEnds.isDue(isAllowed)) this.makePending();
    this.stepEnds.follow({ kernel, waiting: this.pending.size, isAllowed, isInGradient: this.lastPlace.isInGradient });
  }

  /** Calls a function whose graph stays in one piece, on tensors that are made already; also gives whose data it read. */
  watch<T>(run: () => T): { readonly result: T; readonly read: ReadonlySet<DataId> } {
    this.makePending();
    const outer = this.watched;
    const read = new Set<DataId>();
    this.watched = read;
    try {
      return { result: run(), read };
    } finally {
      this.watched = outer;
    }
  }

  /** Calls a function of which nothing is run but what it reads itself. */
  record<T>(run: () => T): T {
    const outer = this.isRecording;
    this.isRecording = true;
    try {
      return this.watch(run).result;
    } finally {
      this.isRecording = outer;
    }
  }

  /** See `compileDynamic`. */
  compileDynamic(
    run: NamedFunction,
    inputs: Readonly<Record<string, OnnxInput>>,
    options: DynamicOptions,
  ): DynamicFunction {
    const compiled = compileOn(this, run, inputs, options);
    this.dynamicCompiles++;
    return compiled;
  }

  keepGraph(graph: Graph, values: readonly Value[]): void {
    this.graphs.add(new WeakRef(graph));
    for (const value of values) {
      const own = this.graphsOf.get(value) ?? new Set();
      for (const other of own) if (other.isDisposed) own.delete(other);
      this.graphsOf.set(value, own.add(graph));
    }
  }

  /** Graphs for any sizes that were not freed yet. */
  private graphCount(): number {
    for (const each of this.graphs) if (each.deref()?.isDisposed !== false) this.graphs.delete(each);
    return this.graphs.size;
  }

  /** Calls a function that is known to compile many programs. */
  expecting<T>(run: () => T): T {
    this.cache.isExpecting = true;
    try {
      return run();
    } finally {
      this.cache.isExpecting = false;
    }
  }

  /** Runs the program that makes `roots`. */
  run(roots: readonly Value[]): void {
    const program = traceProgram(roots);
    const made = this.execute(program, program.feeds);
    for (const [i, root] of roots.entries()) {
      root.data = made[i]!.data;
      root.feed = made[i]!.feed;
      root.own = made[i]!.own;
      root.producer = undefined;
      this.pending.delete(root);
      this.held.hold(root);
    }
  }

  /**
   * Runs a program on feeds of the shapes that it was traced with, and returns new values for its roots.
   *
   * @throws {GraphError} When it cannot be compiled or run.
   */
  execute(program: Program, feeds: readonly Value[]): readonly Value[] {
    try {
      return this.runSession(program, feeds);
    } catch (cause) {
      throw graphError(program, cause);
    }
  }

  private runSession(program: Program, feeds: readonly Value[]): readonly Value[] {
    const { session, numbers, inputNames, outputNames, peakBytes } = this.cache.get(program);
    const fed = [...feeds, ...program.numbers.filter((_, i) => numbers[i] === undefined)];
    const inputs: Record<string, unknown> = {};
    let passing = peakBytes;
    for (const [i, value] of fed.entries()) {
      value.feed ??= this.runtime.createTensor(value.type, hostArrayOf(value)!, value.shape);
      inputs[inputNames[i]!] = value.feed;
      if (value.holders > 0) this.held.hold(value);
      else passing += value.data!.byteLength;
    }
    this.held.use(passing);
    const results = session.run(inputs, Object.fromEntries(outputNames.map((name) => [name, null])));
    this.runs++;
    const firsts = new Map<unknown, Value>();
    return program.roots.map(({ shape, type }, i) => {
      const made = results[outputNames[i]!]!;
      this.bytesCopied += made.data.byteLength;
      const value = hostValue(made.data, shape, type, { own: !firsts.has(made) });
      value.feed = made;
      // Equal roots share an output.
      if (value.own) firsts.set(made, value);
      else firsts.get(made)!.own = false;
      return value;
    });
  }

  /** A value's elements, made now where they have to be. */
  materialise(value: Value): HostArray {
    if (this.isRecording && value.data === undefined) checkIsKnown(value);
    const source = sourceOf(value);
    if (hostArrayOf(value) === undefined && source !== value && !this.pending.has(value)) {
      value.data = this.materialise(source);
      value.producer = undefined;
    }
    if (value.data === undefined && value.failure === undefined) this.flush(value);
    if (value.failure !== undefined) throw value.failure;
    this.held.hold(value);
    return value.data!;
  }

  /** A function that is traced a few times and then replayed. */
  compile<Arguments extends unknown[], Result>(
    run: (...parameters: Arguments) => Result,
    options?: CompileOptions,
  ): (...parameters: Arguments) => Result {
    const replayer = new Replayer(this, run, options);
    return (...parameters) => (engine().state.gradientDepth > 0 ? run(...parameters) : replayer.call(parameters));
  }

  override refCount(dataId: DataId): number {
    return this.entries.has(dataId) ? this.entries.get(dataId).references : 0;
  }

  override incRef(dataId: DataId): void {
    this.entries.get(dataId).references++;
  }

  decRef(dataId: DataId): void {
    if (this.entries.has(dataId)) this.entries.get(dataId).references--;
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (!this.entries.has(dataId)) return true;
    const entry = this.entries.get(dataId);
    entry.references--;
    if (!force && entry.references > 0) return false;
    this.entries.delete(dataId);
    const { content } = entry;
    if (isPair(content)) {
      this.disposeData(content.real.dataId, true);
      this.disposeData(content.imag.dataId, true);
    } else if (isValue(content) && --content.holders === 0) {
      this.pending.delete(content);
      this.held.release(content);
      for (const graph of this.graphsOf.get(content) ?? []) freeGraph(graph);
    }
    return true;
  }

  override numDataIds(): number {
    return this.entries.numDataIds();
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override timerAvailable(): boolean {
    return true;
  }

  override async time(query: () => void): Promise<{ kernelMs: number }> {
    const start = performance.now();
    query();
    const last = [...this.pending].at(-1);
    if (last !== undefined) this.flush(last);
    return { kernelMs: performance.now() - start };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {
    this.cache.clear();
    this.pending.clear();
  }

  /** Counts a kernel that ran on the plain JavaScript backend. */
  countFallback(kernel: string): void {
    this.fallbacks.set(kernel, (this.fallbacks.get(kernel) ?? 0) + 1);
  }

  report(native: readonly string[]): BackendReport {
    return {
      runtimeVersion: this.runtime.version,
      threads: this.threads,
      native,
      fallback: Object.fromEntries(this.fallbacks),
      runs: this.runs,
      cacheHits: this.cache.hits,
      compileCount: this.cache.compileCount,
      compiles: [...this.cache.compiles],
      dynamicCompileCount: this.dynamicCompiles,
      dynamicSessions: this.graphCount(),
      sessions: this.cache.sessionCount,
      sessionBytes: this.cache.sizeBytes,
      sessionThreads: this.cache.threadCount,
      evictions: this.cache.evictions,
      bytesCopied: this.bytesCopied,
      liveBytes: this.held.live,
      peakBytes: this.held.peak,
      liveValues: this.entries.numDataIds(),
      pendingValues: this.pending.size,
    };
  }
}
