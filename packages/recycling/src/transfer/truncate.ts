/** Full fine-tunings in less room: the change of each matrix by its largest singular values. */
import { ConfigError } from "@cambium/base";
import { disposeParameters, isQuantised, type Parameters } from "@cambium/core";
import { attach, type Delta, head, named, type ToLoraOptions, type Tuned, toLora, whole } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { equal, min, type Tensor, tidy } from "@tensorflow/tfjs-core";

/** Settings of `truncateDifference`: one of the two. */
export type TruncateDifferenceOptions = ToLoraOptions;

/** A tuned model with truncated differences, and how near it is. */
export interface TruncatedDifference<M extends LanguageModel> {
  /** On the same base. The caller owns its parameters. */
  readonly tuned: Tuned<M>;
  /** Each matrix that changed, with the rank that it is left with, and its share of the sum of squared singular values; 1 is all. */
  readonly layers: readonly { readonly path: string; readonly rank: number; readonly share: number }[];
  /** Numbers that are stored, and that were. */
  readonly numbers: number;
  readonly numbersBefore: number;
}

/**
 * A full fine-tuning as what it changed, cut: linear layers keep the largest singular values of their difference from the base, as a LoRA;
 * biases, norms and embeddings that changed, and the head, stay whole. So it takes a fraction of the room until it is recycled, and is
 * recycled as any other deltas are. A change of full rank takes `O(width³)` for each matrix.
 *
 * @param old - With `whole` among its deltas, which is replaced by `<name>-lora`, `<name>` and `head` where these hold anything. Not disposed of.
 * @throws {ConfigError} When no delta is of whole weights, when training changed nothing, or a setting cannot be meant.
 * @see Eckart and Young 1936, The approximation of one matrix by another of lower rank: no other difference of that rank is nearer.
 * @example
 * const { tuned, layers } = await truncateDifference(old, { share: 0.95 });
 * const moved = recycle(tuned, newBase, { method: "initialise" });
 */
export async function truncateDifference<M extends LanguageModel>(
  old: Tuned<M>,
  options: TruncateDifferenceOptions,
): Promise<TruncatedDifference<M>> {
  const { base, deltas } = old;
  const before = deltas.find(({ kind }) => kind === "whole");
  if (before === undefined)
    throw new ConfigError({
      message: `truncateDifference: none of ${deltas.map(({ name, kind }) => `"${name}" (${kind})`).join(", ") || "no deltas"} is of whole weights, whose differences could be cut`,
    });
  const sites = base.sites();
  const tables = new Set(sites.flatMap(({ role, weight }) => (role === "embed" ? [weight?.name] : [])));
  // A head that shares the table of words is a linear layer as well, and stays whole as a table does.
  const matricesOfLayers = new Set(
    sites.flatMap(({ kind, weight }) => (kind === "linear" && weight !== undefined ? [weight.name] : [])),
  );
  const isCut = (name: string): boolean =>
    matricesOfLayers.has(name) && !tables.has(name) && !base.headParameters.includes(name);
  const rounded = [...before.parameters.keys()].filter((name) => isQuantised(base.parameters.get(name)!));
  if (rounded.length > 0)
    throw new ConfigError({
      message: `truncateDifference: ${rounded.slice(0, 3).join(", ")} are held in few bits, from which there is no difference; load the model in float32`,
      rounded,
    });
  // The others as they were, so that nothing of them is in the LoRA.
  const matrices = new Map(
    [...before.parameters].map(([name, value]) => [name, isCut(name) ? value : base.parameters.get(name)!]),
  );
  const made: Delta[] = [];
  try {
    const { delta, layers } = await toLora(base, { ...before, parameters: matrices }, options);
    made.push(named(`${before.name}-lora`, delta));
    const rest = await changedIn(before.parameters, base.parameters, (name) => !isCut(name));
    const body = rest.filter((name) => !base.headParameters.includes(name));
    if (body.length > 0) made.push(named(before.name, filled(whole(base, { modules: body }), before.parameters)));
    if (rest.length > body.length && deltas.every(({ kind }) => kind !== "head"))
      made.push(filled(head(base), before.parameters));
    for (const each of deltas) if (each !== before) made.push(copyOf(each));
    const count = (trees: readonly Parameters[]): number =>
      trees.reduce((sum, tree) => [...tree.values()].reduce((own, { size }) => own + size, sum), 0);
    return {
      tuned: attach(base, ...made) as Tuned<M>,
      layers,
      numbers: count(made.map(({ parameters }) => parameters)),
      numbersBefore: count(deltas.map(({ parameters }) => parameters)),
    };
  } catch (error) {
    for (const { parameters } of made) disposeParameters(parameters);
    throw error;
  }
}

/** Names of tensors that differ from the base's. */
async function changedIn(
  parameters: Parameters,
  base: Parameters,
  isAsked: (name: string) => boolean,
): Promise<readonly string[]> {
  const names: string[] = [];
  for (const [name, value] of parameters) {
    if (!isAsked(name)) continue;
    const isSame = tidy(() => min(equal(value, base.get(name)!)));
    if ((await isSame.data())[0] === 0) names.push(name);
    isSame.dispose();
  }
  return names;
}

const copies = (tree: Parameters): Map<string, Tensor> =>
  new Map([...tree].map(([name, value]) => [name, value.clone()]));

function copyOf({ start: _, ...delta }: Delta): Delta {
  return { ...delta, parameters: copies(delta.parameters) };
}

/** A new delta with numbers of another one; its own are freed. */
function filled({ start, ...delta }: Delta, from: Parameters): Delta {
  const parameters = new Map([...delta.parameters.keys()].map((name) => [name, from.get(name)!.clone()]));
  disposeParameters(start ?? delta.parameters);
  return { ...delta, parameters };
}
