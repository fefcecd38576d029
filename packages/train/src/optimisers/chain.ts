import { ConfigError } from "@cambium/base";
import { checkSameStructure, type Parameters } from "@cambium/core";
import { add, type Tensor } from "@tensorflow/tfjs-core";
import { rateAt } from "../schedules.ts";
import { tidyTrees } from "../tensors.ts";
import { entriesUnder, type Optimiser, type OptimiserMove, toTensors } from "./optimiser.ts";
import type { Transform } from "./transform.ts";

const isOptimiser = (part: Transform | Optimiser): part is Optimiser => "move" in part;

/** The part that knows the learning rate. */
function rateOf(parts: readonly (Transform | Optimiser)[]): NonNullable<Transform["learningRate"]> {
  const rates = parts.flatMap((part) => (part.learningRate === undefined ? [] : [part.learningRate]));
  if (rates.length === 1) return rates[0]!;
  throw new ConfigError({
    message:
      rates.length === 0
        ? "chain: no part has a learning rate, so that the loss would be climbed; end with scaleByLearningRate(rate), or an optimiser"
        : `chain: ${rates.length} parts have a learning rate; leave one of them`,
  });
}

/**
 * An optimiser made of parts, one after the other: each gets the updates of the one before it, the first the gradients. The
 * last updates are added to the parameters. The last part may also be an optimiser, which then moves the parameters.
 *
 * What the parts remember is named `<place>/<slot>/<parameter>`, with places from 0.
 *
 * @param parts - Transforms, the last one perhaps an optimiser. One of them has a learning rate.
 * @throws {ConfigError} When none or several have one, or an optimiser is not the last.
 * @see optax.chain, https://optax.readthedocs.io
 * @example
 * chain(clipByGlobalNorm(1), scaleByAdam(), addDecayedWeights(0.01), scaleByLearningRate(1e-3));
 */
export function chain(...parts: readonly (Transform | Optimiser)[]): Optimiser {
  const learningRate = rateOf(parts);
  const misplaced = parts.slice(0, -1).findIndex(isOptimiser);
  if (misplaced >= 0) {
    throw new ConfigError({
      message: `chain: part ${misplaced} is an optimiser, which moves the parameters; only the last part may be one`,
      misplaced,
    });
  }

  function scalars(
    step: number,
    parameters: Parameters,
    rate: number = rateAt("chain", learningRate, step),
  ): Record<string, number> {
    return Object.fromEntries(
      parts.flatMap((part, i) =>
        Object.entries(part.scalars?.(step, parameters, rate) ?? {}).map(([name, value]) => [`${i}/${name}`, value]),
      ),
    );
  }

  function move(
    gradients: Parameters,
    tensors: Parameters,
    parameters: Parameters,
    values: Readonly<Record<string, Tensor>>,
  ): OptimiserMove {
    checkSameStructure("chain", gradients, parameters);
    return tidyTrees(() => {
      const remembered = new Map<string, Tensor>();
      const remember = (i: number, own: Parameters = new Map()): void => {
        for (const [name, tensor] of own) remembered.set(`${i}/${name}`, tensor);
      };
      let updates = gradients;
      for (const [i, part] of parts.entries()) {
        const own = new Map(entriesUnder(`${i}`, tensors));
        const given = Object.fromEntries(entriesUnder(`${i}`, Object.entries(values)));
        if (isOptimiser(part)) {
          const moved = part.move(updates, own, parameters, given);
          remember(i, moved.tensors);
          return { parameters: moved.parameters, tensors: remembered };
        }
        const after = part.update(updates, { parameters, tensors: own, scalars: given });
        checkSameStructure(`chain: ${part.kind}`, updates, after.updates);
        ({ updates } = after);
        remember(i, after.tensors);
      }
      const moved = [...parameters].map(([name, tensor]) => [name, add(tensor, updates.get(name)!)] as const);
      return { parameters: new Map(moved), tensors: remembered };
    });
  }

  return {
    learningRate,
    init(parameters) {
      const made = parts.flatMap((part, i) => {
        const own = isOptimiser(part) ? part.init(parameters).tensors : (part.init?.(parameters) ?? new Map());
        return [...own].map(([name, tensor]) => [`${i}/${name}`, tensor] as const);
      });
      return { step: 0, tensors: new Map(made) };
    },
    scalars,
    move,
    update(gradients, state, parameters) {
      const step = state.step + 1;
      return tidyTrees(() => {
        const moved = move(gradients, state.tensors, parameters, toTensors(scalars(step, parameters)));
        return { parameters: moved.parameters, state: { step, tensors: moved.tensors } };
      });
    },
    describe: (parameters) => ({
      kind: "chain",
      parts: parts.map((part) =>
        isOptimiser(part) ? part.describe(parameters) : { kind: part.kind, ...part.describe(parameters) },
      ),
    }),
  };
}
