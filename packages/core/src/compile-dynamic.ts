import { checkOptions } from "@cambium/base";
import { engine, type Tensor } from "@tensorflow/tfjs-core";

/** An array and its shape. */
export interface HostTensor {
  readonly data: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

/** An array that a compiled function reads: sizes, names of those that may be any, and sums of such names, `past + seq`. */
export interface DynamicInput {
  readonly shape: readonly (number | string)[];
  readonly type: "float32" | "int32";
}

/** A function of named arrays that was compiled once for any sizes. */
export interface DynamicFunction {
  /** Operations in its graph. */
  readonly nodeCount: number;
  /** Runs it. Arrays of the result are the caller's. */
  run(inputs: Readonly<Record<string, HostTensor>>): Readonly<Record<string, HostTensor>>;
  /** The same graph with what another function captures; nothing where that function does something else. */
  with(
    run: (inputs: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>,
  ): DynamicFunction | undefined;
  /** Frees the graph; once for all functions that share it. */
  dispose(): void;
  /** Whether the graph was freed: by `dispose`, or with a frozen tensor. */
  readonly isDisposed: boolean;
}

/** Settings of `compileDynamic`. */
export interface CompileDynamicOptions {
  /**
   * The dimensions whose names stand in the inputs' shapes: the smallest size that occurs, and the smallest that is recorded, for
   * a function that takes a shorter way for small sizes and whose other way is right for all.
   */
  readonly dynamic: Readonly<
    Record<string, { readonly least?: number; readonly longest?: number; readonly recordFrom?: number }>
  >;
  /** Tensors that stay as they are. The graph is freed with the first of them that is disposed of. @default none */
  readonly frozen?: Iterable<Tensor>;
}

interface DynamicBackend {
  compileDynamic?(
    run: (inputs: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>,
    inputs: Readonly<Record<string, DynamicInput>>,
    options: CompileDynamicOptions,
  ): DynamicFunction;
}

/**
 * A function of named tensors as one graph for any sizes, where the backend can (`@cambium/backend-onnx`); nothing elsewhere.
 *
 * The function is recorded at a few small sizes and must not decide by them. Tensors that it captures stay the caller's, and must
 * live as long as the compiled function.
 *
 * @throws {ConfigError} For an option that does not exist.
 */
export function compileDynamic(
  run: (inputs: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>,
  inputs: Readonly<Record<string, DynamicInput>>,
  options: CompileDynamicOptions,
): DynamicFunction | undefined {
  checkOptions("compileDynamic", options, ["dynamic", "frozen"]);
  const backend = engine().backend as DynamicBackend;
  return backend.compileDynamic?.(run, inputs, options);
}
