/** One call of a function, on stand-ins that have a shape and no elements: what is recorded is all that it does. */
import { StateError } from "@cambium/base";
import { type DataType, engine, Tensor, type TensorInfo, tidy } from "@tensorflow/tfjs-core";
import { type ElementType, sameShape, type Value } from "../graph.ts";
import { refusePromise } from "../impure.ts";
import { sameContent } from "../numbers.ts";
import { type Program, traceProgram } from "../program.ts";
import { kernelNow } from "../tracer.ts";

/** What recording needs of the backend. */
export interface RecordHost {
  valueBehind(info: TensorInfo): Value | undefined;
  handle(value: Value, dtype: DataType): TensorInfo;
  /** Calls a function of which nothing is run but what it reads itself. */
  record<T>(run: () => T): T;
}

/** A tensor that goes into the function. */
export interface StandIn {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32";
}

/** A function of named tensors. */
export type NamedFunction = (inputs: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;

/** A recorded call. */
export interface Recording {
  /** By the inputs' names. */
  readonly inputs: ReadonlyMap<string, Value>;
  /** By the outputs' names. */
  readonly outputs: ReadonlyMap<string, Value>;
  readonly program: Program;
}

/** A value that stands for an argument. */
const standInValue = (shape: readonly number[], type: ElementType): Value => ({
  shape,
  type,
  producer: undefined,
  output: 0,
  data: undefined,
  uniform: undefined,
  role: "data",
  isArgument: true,
  own: false,
  holders: 0,
  failure: undefined,
  feed: undefined,
});

/** Whether a value's elements depend on a stand-in. */
export function dependsOnInput(value: Value): boolean {
  const { data, producer } = value;
  if (value.isArgument === true) return true;
  if (data !== undefined || producer === undefined) return false;
  if (producer.evaluate !== undefined) return producer.inputs.some((input) => dependsOnInput(input!));
  return traceProgram([value]).feeds.some(dependsOnInput);
}

/**
 * Throws where somebody wants to see elements that depend on an argument: what is made of them would be one call's, and not
 * the function's.
 *
 * @throws {StateError} Names the kernel that reads them.
 */
export function checkIsKnown(value: Value): void {
  if (!dependsOnInput(value)) return;
  throw new StateError({
    message: `traceOnnx: ${kernelNow() || "the function"} reads the elements of a tensor ${value.type} [${value.shape}] that depends on an input${
      kernelNow() === "" ? "" : ", since it has no form as ONNX operators here"
    }; a graph has to compute all that depends on inputs`,
    kernel: kernelNow(),
  });
}

/** Lets equal tensors that nobody holds share their memory: every layer makes its own mask, and recordings are kept. */
function shareEqual(feeds: readonly Value[]): void {
  const made: Value[] = [];
  for (const feed of feeds) {
    if (feed.data === undefined || feed.holders > 0) continue;
    const equal = made.find((other) => sameShape(other.shape, feed.shape) && sameContent(other, feed));
    if (equal === undefined) made.push(feed);
    else feed.data = equal.data;
  }
}

/**
 * Records a call.
 *
 * @throws {StateError} When the function gives something else than tensors by names.
 */
export function record(host: RecordHost, run: NamedFunction, standIns: readonly StandIn[]): Recording {
  const inputs = new Map(standIns.map(({ name, shape, dtype }) => [name, standInValue(shape, dtype)]));
  const outputs = new Map<string, Value>();
  host.record(() => {
    tidy(() => {
      const tensors = standIns.map(({ name, dtype }) => [
        name,
        engine().makeTensorFromTensorInfo(host.handle(inputs.get(name)!, dtype)),
      ]);
      const made = refusePromise(run(Object.fromEntries(tensors)));
      for (const [name, tensor] of Object.entries(made)) {
        const value = tensor instanceof Tensor ? host.valueBehind(tensor) : undefined;
        if (value === undefined) {
          throw new StateError({ message: `traceOnnx: the output "${name}" must be a tensor of numbers`, name });
        }
        outputs.set(name, value);
      }
    });
  });
  // What is there already, and arguments that come out again, need no operation.
  const made = [...outputs.values()].filter(({ producer, data }) => data === undefined && producer !== undefined);
  const program = traceProgram([...new Set(made)]);
  shareEqual(program.feeds);
  return { inputs, outputs, program };
}
