/**
 * Functions that are traced a few times and then replayed: the graph of a call is kept, later calls feed it directly, and
 * no tensor operation runs in JavaScript any more (as `jax.jit` does it).
 *
 * What varies must be an argument. So the first calls of each signature are traced in full and compared: their graphs must
 * be equal, and every tensor that goes in must be an argument, a host function of arguments (a dropout mask of a key), or
 * the same each time. A function for which that does not hold is refused, and the culprit named.
 */
import { type DataId, engine, type Tensor, type TensorInfo, tidy } from "@tensorflow/tfjs-core";
import { Captured } from "./captured.ts";
import { type HostArray, hostArrayOf, type Operation, type Value } from "./graph.ts";
import { ImpureFunctionError, refusePromise } from "./impure.ts";
import { describeNumber, readerOf, sameContent, sameNumber } from "./numbers.ts";
import { type Program, traceProgram } from "./program.ts";
import { fillTree, signatureOf, tensorsOf } from "./tree.ts";

/** What a replay needs of its backend. */
export interface ReplayHost {
  /** The value behind a handle. */
  valueBehind(info: TensorInfo): Value | undefined;
  /** Makes sure that a value is on the host. */
  materialise(value: Value): HostArray;
  handle(value: Value, dtype: Tensor["dtype"]): TensorInfo;
  /** Runs a program on other feeds than it was traced with, and returns its roots. */
  execute(program: Program, feeds: readonly Value[]): readonly Value[];
  /** Calls a function whose graph stays in one piece, on tensors that are made already; also gives whose data it read. */
  watch<T>(run: () => T): { readonly result: T; readonly read: ReadonlySet<DataId> };
  /** Runs the program of values that have just been traced. */
  run(roots: readonly Value[]): void;
}

/** Where a tensor that goes into the graph comes from. */
type Source =
  | { readonly kind: "argument"; readonly index: number }
  | { readonly kind: "captured"; readonly value: Value }
  | { readonly kind: "made"; readonly operation: Operation; readonly inputs: readonly Source[] };

/** Where a tensor of the result comes from: the graph, or straight from an argument or a captured tensor. */
type Outlet = { readonly kind: "root"; readonly index: number } | Source;

interface Trace {
  readonly program: Program;
  readonly sources: readonly Source[];
  readonly outlets: readonly Outlet[];
  readonly dtypes: readonly Tensor["dtype"][];
  readonly result: unknown;
}

/** Equal traces before a function is replayed. */
const TRACES = 3;

/** Signatures that are remembered for one function. */
const MAX_SIGNATURES = 64;

interface Signature {
  equalTraces: number;
  last: Trace | undefined;
  refusal: string | undefined;
  /** The variables that the last trace read. */
  variables: readonly Captured[];
}

/** How `compile` treats functions that cannot be replayed. */
export interface CompileOptions {
  /** `"throw"` refuses them, `"trace"` goes on tracing every call. @default "throw" */
  readonly impure?: "throw" | "trace";
}

function sourceOf(value: Value, standIns: ReadonlyMap<Value, number>): Source {
  const index = standIns.get(value);
  if (index !== undefined) return { kind: "argument", index };
  const { producer } = value;
  // What is made of nothing is the same each time.
  if (producer?.evaluate === undefined || producer.inputs.length === 0) {
    value.own = false;
    return { kind: "captured", value };
  }
  return { kind: "made", operation: producer, inputs: producer.inputs.map((input) => sourceOf(input!, standIns)) };
}

function sameSource(a: Source, b: Source): boolean {
  if (a.kind === "argument") return b.kind === "argument" && a.index === b.index;
  if (a.kind === "captured") return b.kind === "captured" && sameContent(a.value, b.value);
  return (
    b.kind === "made" &&
    a.operation.signature === b.operation.signature &&
    a.inputs.every((input, i) => sameSource(input, b.inputs[i]!))
  );
}

/** What differs between two traces that should be equal, in words; undefined when nothing does. */
function differenceOf(a: Trace, b: Trace): string | undefined {
  const [before, after] = [a.program, b.program];
  if (
    before.hash !== after.hash ||
    before.code.length !== after.code.length ||
    before.code.some((item, i) => item !== after.code[i])
  ) {
    const i = after.operations.findIndex((operation, j) => operation.signature !== before.operations[j]?.signature);
    return `the operations differ${i < 0 ? "" : `, first at ${after.operations[i]!.kernel} [${after.operations[i]!.outputs[0]!.shape}]`}`;
  }
  const varying = after.numbers.findIndex((value, i) => !sameNumber(value, before.numbers[i]!));
  if (varying >= 0)
    return `the number ${describeNumber(before.numbers[varying]!)} read by ${readerOf(before.operations, before.numbers[varying]!)} became ${describeNumber(after.numbers[varying]!)}`;
  const feed = b.sources.findIndex((source, i) => !sameSource(source, a.sources[i]!));
  if (feed >= 0)
    return `a tensor [${after.feeds[feed]!.shape}] read by ${readerOf(after.operations, after.feeds[feed]!)} has other values, or is another tensor`;
  const outlet = b.outlets.findIndex((source, i) =>
    source.kind === "root" ? a.outlets[i]!.kind !== "root" : !sameSource(source, a.outlets[i] as Source),
  );
  return outlet >= 0 ? `tensor ${outlet} of the result is another one` : undefined;
}

/** Where a tensor comes from, without what was made for the traced call, such as a dropout mask. */
function detachSource<S extends Source>(source: S): S {
  if (source.kind !== "made") return source;
  const { operation, inputs } = source;
  const outputs = operation.outputs.map((value) => ({
    ...value,
    data: undefined,
    feed: undefined,
    producer: undefined,
  }));
  return { ...source, operation: { ...operation, inputs: [], outputs }, inputs: inputs.map(detachSource) };
}

/** The same program over its own values, so that nothing of the traced call stays in memory but what was captured. */
function detach(trace: Trace): Trace {
  const copies = new Map<Value, Value>();
  const captured = new Set(trace.sources.flatMap((source) => (source.kind === "captured" ? [source.value] : [])));
  const copy = (value: Value): Value => {
    if (captured.has(value) || value.role !== "data") return value;
    let made = copies.get(value);
    if (made === undefined) {
      made = { ...value, own: false, data: undefined, feed: undefined, producer: undefined, holders: 0 };
      copies.set(value, made);
    }
    return made;
  };
  const operations = trace.program.operations.map((operation): Operation => {
    const detached: Operation = {
      ...operation,
      inputs: operation.inputs.map((input) => input && copy(input)),
      outputs: operation.outputs.map(copy),
    };
    for (const output of detached.outputs) output.producer = detached;
    return detached;
  });
  const { program } = trace;
  return {
    ...trace,
    program: { ...program, operations, feeds: program.feeds.map(copy), roots: program.roots.map(copy) },
    sources: trace.sources.map(detachSource),
    outlets: trace.outlets.map((outlet) => (outlet.kind === "root" ? outlet : detachSource(outlet))),
  };
}

/** Traces calls of one function and replays them. */
export class Replayer<Arguments extends unknown[], Result> {
  private readonly host: ReplayHost;
  private readonly run: (...parameters: Arguments) => Result;
  private readonly options: CompileOptions;
  private readonly signatures = new Map<string, Signature>();

  constructor(host: ReplayHost, run: (...parameters: Arguments) => Result, options: CompileOptions = {}) {
    this.host = host;
    this.run = run;
    this.options = options;
  }

  call(parameters: Arguments): Result {
    const key = signatureOf(parameters);
    if (key === undefined) {
      if (this.options.impure === "trace") return this.run(...parameters);
      throw new ImpureFunctionError(
        "compile: arguments are trees of tensors and plain values; an instance of a class is among them",
      );
    }
    const signature = this.signatures.get(key) ?? {
      equalTraces: 0,
      last: undefined,
      refusal: undefined,
      variables: [],
    };
    // The least recently used goes first, so that data of ever new signatures does not pile up.
    this.signatures.delete(key);
    this.signatures.set(key, signature);
    if (this.signatures.size > MAX_SIGNATURES) this.signatures.delete(this.signatures.keys().next().value!);
    if (signature.refusal !== undefined) return this.run(...parameters);
    const given = tensorsOf(parameters).map((tensor) => this.valueOf(tensor));
    if (signature.equalTraces >= TRACES) {
      const stale = signature.variables.find((variable) => variable.change() !== undefined);
      if (stale === undefined) return this.replay(signature.last!, given);
      this.refuse(
        signature,
        `the variable "${stale.name}" that the function reads ${stale.change()} after it was traced; pass it as an argument`,
      );
      return this.run(...parameters);
    }
    const before = Object.values(engine().registeredVariables).map((variable) => new Captured(variable, this.host));
    const { result: trace, read } = this.host.watch(() => this.trace(parameters, given));
    const assigned = before.find((variable) => variable.wasAssigned());
    const difference = signature.last === undefined ? undefined : differenceOf(signature.last, trace);
    const reason =
      assigned !== undefined
        ? `the function assigns the variable "${assigned.name}"; return the new value instead`
        : difference !== undefined
          ? `two calls of equal signature differ: ${difference}; pass what varies as an argument`
          : undefined;
    if (reason !== undefined) this.refuse(signature, reason, () => tensorsOf(trace.result));
    signature.equalTraces++;
    signature.last = detach(trace);
    signature.variables = before.filter((variable) => variable.isAmong(read));
    return trace.result as Result;
  }

  /** Lets a signature's calls run in full from now on, and says why, unless that was asked for. */
  private refuse(signature: Signature, reason: string, made: () => Tensor[] = () => []): void {
    signature.refusal = `compile: ${reason}`;
    if (this.options.impure === "trace") return;
    for (const tensor of made()) tensor.dispose();
    throw new ImpureFunctionError(signature.refusal);
  }

  /** An argument's value, on the host. */
  private valueOf(tensor: Tensor): Value {
    const value = this.host.valueBehind(tensor);
    if (value === undefined)
      throw new ImpureFunctionError(`compile: arguments are numeric tensors, got ${tensor.dtype} [${tensor.shape}]`);
    this.host.materialise(value);
    return value;
  }

  /** One call in full, on stand-ins for the arguments: tensors that no graph takes for constants. */
  private trace(parameters: Arguments, given: readonly Value[]): Trace {
    const arguments_ = tensorsOf(parameters);
    const standIns = new Map(
      given.map((value, index) => [
        {
          ...value,
          uniform: undefined,
          role: "data",
          isArgument: true,
          own: false,
          holders: 0,
          producer: undefined,
        } as Value,
        index,
      ]),
    );
    const handles = [...standIns.keys()].map((value, i) => this.tensorOf(value, arguments_[i]!.dtype));
    let result: unknown;
    try {
      tidy(() => {
        result = refusePromise(this.run(...(fillTree(parameters, handles) as Arguments)));
        return tensorsOf(result);
      });
      const tensors = tensorsOf(result);
      const values = tensors.map((tensor) => this.host.valueBehind(tensor)!);
      const roots = [
        ...new Set(
          values.filter(
            (value) =>
              value.data === undefined && value.uniform === undefined && value.producer?.evaluate === undefined,
          ),
        ),
      ];
      const program = traceProgram(roots);
      const sources = program.feeds.map((feed) => sourceOf(feed, standIns));
      const outlets = values.map(
        (value): Outlet =>
          roots.includes(value) ? { kind: "root", index: roots.indexOf(value) } : sourceOf(value, standIns),
      );
      try {
        if (roots.length > 0) this.host.run(roots);
      } catch (cause) {
        for (const tensor of tensors) tensor.dispose();
        throw cause;
      }
      // Tensors of the result are the caller's, also where the function returned an argument or one tensor twice.
      const dtypes = tensors.map((tensor) => tensor.dtype);
      const own = values.map((value, i) => this.tensorOf(value, dtypes[i]!));
      for (const tensor of new Set(tensors)) if (!handles.includes(tensor)) tensor.dispose();
      return { program, sources, outlets, dtypes, result: fillTree(result, own) };
    } finally {
      for (const handle of handles) handle.dispose();
    }
  }

  private replay(trace: Trace, given: readonly Value[]): Result {
    const resolve = (source: Source): Value => {
      if (source.kind === "argument") return given[source.index]!;
      if (source.kind === "captured") return source.value;
      const { operation, inputs } = source;
      const data = operation.evaluate!(inputs.map((input) => hostArrayOf(resolve(input))!));
      return { ...operation.outputs[0]!, producer: undefined, data, own: false, feed: undefined, holders: 0 };
    };
    const roots = trace.program.roots.length === 0 ? [] : this.host.execute(trace.program, trace.sources.map(resolve));
    const tensors = trace.outlets.map((outlet, i) =>
      this.tensorOf(outlet.kind === "root" ? roots[outlet.index]! : resolve(outlet), trace.dtypes[i]!),
    );
    return fillTree(trace.result, tensors) as Result;
  }

  private tensorOf(value: Value, dtype: Tensor["dtype"]): Tensor {
    return engine().makeTensorFromTensorInfo(this.host.handle(value, dtype));
  }
}
