import { ConfigError } from "@cambium/base";
import { type ForwardOptions, isQuantised } from "@cambium/core";
import type { Scalar } from "@tensorflow/tfjs-core";
import type { AnyModel, Tuned } from "./attach.ts";
import { stack } from "./delta.ts";

/**
 * A plain model whose weights have the deltas in them, as fast as the base. The tuned model and its base stay as they are.
 *
 * The merged model owns all of its tensors, also those it shares values with: `disposeParameters(merged.parameters)`.
 * Dropout inside deltas has no counterpart in weights and is left out.
 *
 * @throws {ConfigError} When a delta cannot be written as weights; names it. When layers of the base are in 8 bits.
 * @example
 * await saveModel(merge(tuned), "models/spam");
 */
export function merge<M extends AnyModel>(tuned: Tuned<M>): M {
  const { base, deltas } = tuned;
  const stubborn = deltas.filter((delta) => delta.merge === undefined);
  if (stubborn.length > 0) {
    const list = stubborn.map((delta) => `"${delta.name}" (${delta.kind})`).join(", ");
    throw new ConfigError({
      message: `merge: no weights of the base do what ${list} ${stubborn.length === 1 ? "does" : "do"}; keep it attached, or attach the others alone`,
      deltas: stubborn.map((delta) => delta.name),
    });
  }
  const rounded = [...base.parameters].flatMap(([name, value]) => (isQuantised(value) ? [name] : []));
  if (rounded.length > 0) {
    throw new ConfigError({
      message: `merge: ${rounded.length} weights of the base, such as "${rounded[0]}", are in 8 bits, whose steps are larger than most of what a delta adds; save the adapter, load the base in float32, and merge there`,
      rounded,
    });
  }
  const whole = stack(...deltas);
  const changed = whole.merge!(base.parameters, whole.parameters);
  const parameters = new Map([...base.parameters].map(([name, value]) => [name, changed.get(name) ?? value.clone()]));
  return {
    ...base,
    parameters,
    forward: (input: never, options?: ForwardOptions) => base.forward(input, { parameters, ...options }),
    ...(base.loss !== undefined && {
      loss: (input: never, options?: ForwardOptions): Scalar => base.loss!(input, { parameters, ...options }),
    }),
  };
}
