import type { DataType, NamedAttrMap } from "@tensorflow/tfjs-core";
import type { Value } from "../graph.ts";

/** A tensor as a kernel sees it. */
export interface Input {
  readonly shape: number[];
  readonly dtype: DataType;
  readonly value: Value;
}

/**
 * Traces a kernel: from its inputs to the values it makes. Nothing, when the operators do not cover the case; the plain
 * JavaScript kernel runs it then.
 */
export type Trace = (
  inputs: Readonly<Record<string, Input>>,
  attributes: NamedAttrMap,
) => Value | readonly Value[] | undefined;

/** Kernels by the names of tfjs-core's registry. */
export type KernelTable = Readonly<Record<string, Trace>>;

/** Inputs that are a list, in order. */
export function listOf(inputs: Readonly<Record<string, Input>>): Input[] {
  return Object.keys(inputs)
    .sort((x, y) => Number(x) - Number(y))
    .map((key) => inputs[key]!);
}
