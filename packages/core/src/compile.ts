import { engine } from "@tensorflow/tfjs-core";

/** A backend that can replay functions. */
interface CompilingBackend {
  compile?<Arguments extends unknown[], Result>(
    run: (...parameters: Arguments) => Result,
    options: { impure: "trace" },
  ): (...parameters: Arguments) => Result;
}

/**
 * A function that the backend may trace on its first calls and replay afterwards, where it can (`@cambium/backend-onnx`);
 * elsewhere the function itself runs. Results are equal either way.
 *
 * Arguments and result are tensors, or arrays, plain objects and maps of them; plain values belong to the signature.
 * Tensors of the result are the caller's. What varies from call to call must be an argument: a rate as a tensor of shape
 * [1], randomness as a key (`randomOf`). A function that reads something else that varies is still run in full, as
 * far as its first three calls show it.
 *
 * @example
 * const move = compile((x: Tensor, rate: Tensor) => sub(x, mul(rate, x)));
 */
export function compile<Arguments extends unknown[], Result>(
  run: (...parameters: Arguments) => Result,
): (...parameters: Arguments) => Result {
  let compiled: { backend: unknown; run: (...parameters: Arguments) => Result } | undefined;
  return (...parameters) => {
    const backend = engine().backend as CompilingBackend;
    if (compiled?.backend !== backend) compiled = { backend, run: backend.compile?.(run, { impure: "trace" }) ?? run };
    return compiled.run(...parameters);
  };
}
