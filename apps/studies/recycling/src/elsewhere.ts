/** The control of versions that are made here: the same function, each unit of which stands in another place. */
import { permuteUnits, symmetriesOf } from "@cambium/connectivity";
import { disposeParameters, mapParameters, type Random } from "@cambium/core";
import { attach, merge, whole } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { gather, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";

/** Layers that write into the stream between layers; all others of a block read it. */
const WRITERS: readonly string[] = ["attn.out", "ff.down"];
const READERS: readonly string[] = ["attn.q", "attn.k", "attn.v", "ff.up", "ff.gate", "pooler"];

/** The axes of a parameter that are the stream's. */
function streamAxes(model: LanguageModel, name: string, tensor: Tensor): readonly number[] {
  const site = model
    .sites()
    .find(({ kind, weight, bias }) => kind === "linear" && (weight?.name === name || bias === name));
  if (site === undefined) {
    if (tensor.rank === 1) return /norm/i.test(name) ? [0] : [];
    return /embed|^score\./.test(name) ? [1] : []; // tables of words and positions, and a decoder's head
  }
  const [output, input] = site.weight!.layout === "out,in" ? [0, 1] : [1, 0];
  if (WRITERS.includes(site.role)) return [site.bias === name ? 0 : output];
  const reads = READERS.includes(site.role) || site.path === "score";
  return reads && site.bias !== name ? [input] : [];
}

/**
 * A model that computes the same, in which neurons, heads, the columns of the stream between layers and pooled units stand in another order: whatever
 * counts on places fails there, and nothing else is different. The caller owns its parameters.
 */
export function elsewhere(model: LanguageModel, random: Random): LanguageModel {
  const tree = mapParameters(model.parameters, (tensor) => tensor.clone());
  const put = (name: string, tensor: Tensor): void => {
    tree.get(name)!.dispose();
    tree.set(name, tensor);
  };
  for (const group of symmetriesOf(model)) {
    const order = random.at(group.name).permutation(group.size);
    for (const [name, tensor] of permuteUnits(group, order, tree)) put(name, tensor);
  }
  const width = model.sites().find(({ role }) => role === "embed")!.width;
  const columns = Int32Array.from(random.at("stream").permutation(width));
  for (const [name, tensor] of [...tree])
    for (const axis of streamAxes(model, name, tensor))
      put(
        name,
        tidy(() => gather(tensor, tensor1d(columns, "int32"), axis)),
      );
  // What a head on the pooled output reads: else an old head would find all in its place.
  const pooler = model.sites().find(({ kind, role }) => kind === "linear" && role === "pooler");
  if (pooler !== undefined) {
    const pooled = Int32Array.from(random.at("pooled").permutation(pooler.width));
    const places: readonly (readonly [string | undefined, number])[] = [
      [pooler.weight!.name, pooler.weight!.layout === "out,in" ? 0 : 1],
      [pooler.bias, 0],
      ["classifier.weight", 1],
    ];
    for (const [name, axis] of places)
      if (name !== undefined && tree.has(name))
        put(
          name,
          tidy(() => gather(tree.get(name)!, tensor1d(pooled, "int32"), axis)),
        );
  }
  const whereabouts = new Map([...tree].map(([name, tensor]) => [`whole/${name}`, tensor]));
  const tuned = attach(model, whole(model));
  try {
    return merge(tuned.with(whereabouts)) as LanguageModel;
  } finally {
    for (const each of [tree, tuned.parameters]) disposeParameters(each);
  }
}
