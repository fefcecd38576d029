/** Names of tensors in GGUF files and ours. */
import type { GgufFormat } from "./format.ts";

/** A name's module with `#` for its layer, its layer, and what follows the module. */
function split(name: string): { readonly module: string; readonly layer: string | undefined; readonly kind: string } {
  const dot = name.lastIndexOf(".");
  const [module, kind] = [name.slice(0, dot), name.slice(dot + 1)];
  const layer = /\.(\d+)(?=\.)/.exec(module)?.[1];
  return { module: layer === undefined ? module : module.replace(`.${layer}.`, ".#."), layer, kind };
}

const joined = (module: string, layer: string | undefined, kind: string): string =>
  `${layer === undefined ? module : module.replace("#", layer)}.${kind}`;

/** The module of a tensor of a file, with `#` for its layer: `blk.#.attn_q`. */
export const moduleOf = (tensor: string): string => split(tensor).module;

/** Our name of a tensor of a file; `undefined` for one that the family has no place for. */
export function fromGguf({ names }: Pick<GgufFormat, "names">, tensor: string): string | undefined {
  const { module, layer, kind } = split(tensor);
  if (!Object.hasOwn(names, module) || !["weight", "bias"].includes(kind)) return undefined;
  return joined(names[module]!, layer, kind);
}

/** What files call one of our parameters; `undefined` for one that they have no place for, such as a classifier. */
export function toGguf({ names }: Pick<GgufFormat, "names">, parameter: string): string | undefined {
  const { module, layer, kind } = split(parameter);
  const found = Object.entries(names).find(([, own]) => own === module);
  return found === undefined ? undefined : joined(found[0], layer, kind);
}
