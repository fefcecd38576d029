import type { Parameters } from "@cambium/core";
import type { Tuned } from "../attach.ts";

/** How what an optimiser holds relates to what a tuned model trains. */
export interface TrainableComparison {
  /** What is trained, with shapes. */
  readonly trained: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Trained, and not held: it would stay as it is. */
  readonly missing: readonly string[];
  /** Held, and not trained: it would move without effect. */
  readonly unexpected: readonly string[];
  /** Held in another shape, as after a change of the deltas. */
  readonly misshapen: readonly string[];
  /** Whether the optimiser moves exactly what is trained. */
  readonly isSame: boolean;
}

/**
 * Whether an optimiser holds exactly what a tuned model trains: for loops that are written by hand, where deltas are attached,
 * activated or renamed after the optimiser was made. `train` takes both from one place.
 *
 * @param held - What the optimiser was made for, or one tree of its state, such as Adam's first moments.
 * @example
 * const { isSame, missing } = compareTrainables(tuned, parameters);
 */
export function compareTrainables(tuned: Tuned, held: Parameters): TrainableComparison {
  const trained = [...tuned.parameters].map(([name, { shape }]) => ({ name, shape }));
  const missing = trained.flatMap(({ name }) => (held.has(name) ? [] : [name]));
  const unexpected = [...held.keys()].filter((name) => !tuned.parameters.has(name));
  const misshapen = trained.flatMap(({ name, shape }) => {
    const other = held.get(name)?.shape;
    return other === undefined || other.join() === shape.join() ? [] : [`${name} is [${other}], not [${shape}]`];
  });
  return {
    trained,
    missing,
    unexpected,
    misshapen,
    isSame: missing.length + unexpected.length + misshapen.length === 0,
  };
}
