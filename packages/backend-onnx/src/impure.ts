import { dispose, type TensorContainer } from "@tensorflow/tfjs-core";

/** A function cannot be replayed: something that varies is no argument. */
export class ImpureFunctionError extends Error {
  readonly code = "STATE";
  constructor(message: string) {
    super(message);
    this.name = "ImpureFunctionError";
  }
}

const ASYNCHRONOUS = "compile: the function is asynchronous, and a graph is traced in one go; await outside of it";

/**
 * Refuses functions that are written as asynchronous ones.
 *
 * @throws {ImpureFunctionError}
 */
export function refuseAsync(run: (...parameters: never[]) => unknown): void {
  if (Object.prototype.toString.call(run) === "[object AsyncFunction]") throw new ImpureFunctionError(ASYNCHRONOUS);
}

/**
 * A function's result, where it is no promise. Tensors that a promise gives are disposed of.
 *
 * @throws {ImpureFunctionError}
 */
export function refusePromise<T>(result: T): T {
  if (typeof (result as { then?: unknown } | null | undefined)?.then !== "function") return result;
  (result as PromiseLike<unknown>).then(
    (tensors) => dispose(tensors as TensorContainer),
    () => {},
  ); // its failure is not the one that is reported
  throw new ImpureFunctionError(ASYNCHRONOUS);
}
