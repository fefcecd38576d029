import { ConfigError } from "@cambium/base";
import { describeQuantised, type ForwardOptions, type Parameters, quantisedNames, type Site } from "@cambium/core";
import type { Scalar } from "@tensorflow/tfjs-core";
import type { AnyModel, Tuned } from "./attach.ts";
import type { Delta } from "./delta.ts";
import { leftRandom } from "./left-random.ts";
import { overlay, tidyParameters } from "./trees.ts";

/**
 * A plain model whose weights have the deltas in them, as fast as the base. The tuned model and its base stay as they are.
 *
 * The merged model owns all of its tensors, also those it shares values with: `disposeParameters(merged.parameters)`.
 * Dropout inside deltas has no counterpart in weights and is left out.
 *
 * Every weight of the base is in it, also a random head that the base's file lacked and that no delta carries: a saved model
 * keeps such a head, where an adapter would not.
 *
 * @throws {ConfigError} When a delta cannot be written as weights, or would change a weight for a layer that it does not touch;
 *   names it. When layers of the base are in 8 or 4 bits.
 * @example
 * await saveModel(merge(tuned), "models/spam");
 */
export function merge<M extends AnyModel>(tuned: Tuned<M>): M {
  const { base, deltas } = tuned;
  if (!Array.isArray(deltas))
    throw new ConfigError({ message: "merge: expected a tuned model, such as attach gives, got one without deltas" });
  const stubborn = deltas.filter((delta) => delta.merge === undefined);
  if (stubborn.length > 0) {
    const list = stubborn.map((delta) => `"${delta.name}" (${delta.kind})`).join(", ");
    throw new ConfigError({
      message: `merge: no weights of the base do what ${list} ${stubborn.length === 1 ? "does" : "do"}; keep it attached, or attach the others alone`,
      deltas: stubborn.map((delta) => delta.name),
    });
  }
  const rounded = quantisedNames(base.parameters);
  if (rounded.length > 0) {
    throw new ConfigError({
      message: `merge: of the base, ${describeQuantised(base.parameters, rounded)}, whose steps are larger than most of what a delta adds; save the adapter, load the base in float32, and merge there`,
      rounded,
    });
  }
  const changed = mergeAll(base, deltas);
  const parameters = new Map([...base.parameters].map(([name, value]) => [name, changed.get(name) ?? value.clone()]));
  const { created } = base as { readonly created?: readonly string[] };
  const merged: M = {
    ...base,
    parameters,
    ...(created !== undefined && { created: leftRandom(base, deltas) }),
    ...("source" in base && { source: undefined }), // no file has these weights
    forward: (input: never, options?: ForwardOptions) => base.forward(input, { parameters, ...options }),
    ...(base.loss !== undefined && {
      loss: (input: never, options?: ForwardOptions): Scalar => base.loss!(input, { parameters, ...options }),
    }),
  };
  origins.set(merged, tuned);
  return merged;
}

/** What models were merged from. */
const origins = new WeakMap<AnyModel, Tuned>();

/**
 * The tuned model that a merged one was made of: its base and its deltas, which a merge leaves as they are, so that everything is as
 * before to the bit. The merged model's tensors stay the caller's.
 *
 * Weights that were merged and stored elsewhere have no such origin. Deltas that add to weights can be taken out of them again, but for
 * rounding: `merge(attach(merged, scaled(delta, -1)))`.
 *
 * @throws {ConfigError} For a model that `merge` did not make in this process.
 */
export function unmerge<M extends AnyModel>(merged: M): Tuned<M> {
  const tuned = origins.get(merged);
  if (tuned !== undefined) return tuned as Tuned<M>;
  throw new ConfigError({
    message:
      "unmerge: this model was not made by merge here, so that its base is not known; load the base, or take the delta out by merge(attach(model, scaled(delta, -1)))",
  });
}

/** The weights that the deltas change. */
function mergeAll(base: AnyModel, deltas: readonly Delta[]): Parameters {
  return tidyParameters(
    () =>
      inMergeOrder(deltas).reduce<{ readonly changed: Parameters; readonly by: ReadonlyMap<string, Delta> }>(
        ({ changed, by }, delta) => {
          const more = delta.merge!(overlay(base.parameters, changed), delta);
          const names = [...more.keys()];
          checkReaders(base, delta, names);
          checkOrder(delta, names, by);
          return { changed: overlay(changed, more), by: overlay(by, new Map(names.map((name) => [name, delta]))) };
        },
        { changed: new Map(), by: new Map() },
      ).changed,
  );
}

/** Weight hooks run before anything else, whatever their place in the list: a merge must take them in that order. */
function inMergeOrder(deltas: readonly Delta[]): readonly Delta[] {
  const editsWeights = (delta: Delta): boolean => delta.hooks(delta).some((hook) => hook.kind === "weight");
  return [...deltas.filter(editsWeights), ...deltas.filter((delta) => !editsWeights(delta))];
}

/**
 * A delta that edits weights and layers' outputs as well, such as a LoRA with biases, stands at two places of that order. That cannot be
 * told from one only where another that edits weights changes the same.
 */
function checkOrder(delta: Delta, names: readonly string[], by: ReadonlyMap<string, Delta>): void {
  const kindsOf = (each: Delta): readonly boolean[] => each.hooks(each).map(({ kind }) => kind === "weight");
  const editsWeights = (each: Delta): boolean => kindsOf(each).includes(true);
  const isMixed = (each: Delta): boolean => editsWeights(each) && kindsOf(each).includes(false);
  for (const name of names) {
    const other = by.get(name);
    if (other === undefined || !editsWeights(delta) || !editsWeights(other)) continue;
    if (!isMixed(delta) && !isMixed(other)) continue;
    throw new ConfigError({
      message: `merge: "${other.name}" and "${delta.name}" both change ${name}, one of them beside outputs of layers, so that their order is lost in one merge; merge one, attach the other to the result, and merge again`,
      deltas: [other.name, delta.name],
    });
  }
}

/** Several sites may read one weight (a head, the word embeddings). A delta that sits at one of them is no change of it. */
function checkReaders(base: AnyModel, delta: Delta, names: readonly string[]): void {
  const hooks = delta.hooks(delta);
  const sites = base.sites();
  for (const name of names) {
    if (hooks.some((hook) => hook.kind === "weight" && hook.at(name))) continue;
    const readers = sites.filter(({ weight, bias }) => weight?.name === name || bias === name);
    const isTouched = (reader: Site): boolean =>
      [reader, ...sites.filter(({ part }) => part?.of === reader.path)].some((site) =>
        hooks.some((hook) => hook.kind === site.kind && (hook.at as (site: Site) => boolean)(site)),
      );
    const left = readers.find((reader) => !isTouched(reader));
    if (readers.length < 2 || left === undefined) continue;
    throw new ConfigError({
      message: `merge: "${name}" is also read by ${left.path}, which delta "${delta.name}" (${delta.kind}) does not change; keep it attached`,
      name,
      delta: delta.name,
    });
  }
}
