/** What a choice may fall on: tensors of the pools, in an order that depends on their names alone. */
import { ConfigError } from "@cambium/base";
import { type Site, sizeOfShape } from "@cambium/core";
import { type Host, isTrainable, tablesOf } from "../host.ts";
import type { DeltaTensor, DeltaTensors } from "../method.ts";
import { adapter } from "../methods/adapter.ts";
import { lora } from "../methods/lora.ts";
import { prefix } from "../methods/prefix.ts";
import { type PromptConfig, prompt } from "../methods/prompt.ts";
import type { Pool, SelectionConstraints, Unmade } from "./options.ts";

/** A tensor of which all or a part may be chosen. */
export interface Candidate {
  /** Of the weight, or of the tensor of the method that it is of. */
  readonly name: string;
  readonly pool: Pool;
  readonly shape: readonly number[];
  readonly size: number;
  /** Along the first axis; a vector is one row. */
  readonly rows: number;
  readonly width: number;
  /** `"3"`, or `"decoder.3"` where there are two stacks. */
  readonly layer?: string;
  readonly layerIndex?: number;
  readonly role?: string;
  /** Tensors of one group only make sense together. */
  readonly group: string;
  /** A bias that the model has no place for. */
  readonly site?: Site;
  /** Of a method's tensor: how it starts. */
  readonly spec?: DeltaTensor;
  /** Of a method's tensor: the factor that starts at zero, whose columns its rows meet. */
  readonly meets?: string;
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

type Place = Pick<Candidate, "name" | "pool" | "shape" | "group"> & Pick<Partial<Candidate>, "site" | "spec" | "meets">;

function candidate({ shape, ...place }: Place, at: Pick<Candidate, "layer" | "layerIndex" | "role">): Candidate {
  const size = sizeOfShape(shape);
  const rows = shape.length < 2 ? 1 : shape[0]!;
  if (size >= 2 ** 31)
    throw new ConfigError({ message: `arbitrary: "${place.name}" has ${size} scalars; places are counted up to 2^31` });
  return { ...place, ...at, shape, size, rows, width: size / rows };
}

/** Layer and role of a site. */
function whereIs(site: Site | undefined): Pick<Candidate, "layer" | "layerIndex" | "role"> {
  if (site === undefined) return {};
  const { stack, layer, role } = site;
  if (layer === undefined) return { role };
  return { role, layerIndex: layer, layer: stack === undefined ? `${layer}` : `${stack}.${layer}` };
}

/** The site that each parameter is of: the one that names it, else the deepest one above its name. */
function ownersOf(sites: readonly Site[]): (name: string) => Site | undefined {
  const named = new Map<string, Site>();
  for (const site of sites)
    for (const name of [site.weight?.name, site.bias])
      if (name !== undefined && !named.has(name)) named.set(name, site);
  const byPath = new Map(sites.map((site) => [site.path, site]));
  return (name) => {
    if (named.has(name)) return named.get(name);
    for (let path = name; path.includes("."); ) {
      path = path.slice(0, path.lastIndexOf("."));
      if (byPath.has(path)) return byPath.get(path);
    }
    return undefined;
  };
}

/** Every weight of the model that can be trained, whatever the constraints. */
export function weightCandidates(host: Host): readonly Candidate[] {
  const ownerOf = ownersOf(host.sites());
  return [...host.tensors]
    .filter(([, tensor]) => isTrainable(tensor))
    .map(([name, { shape }]) =>
      candidate({ name, pool: "weights", shape, group: name.replace(/\.[^.]+$/, "") }, whereIs(ownerOf(name))),
    )
    .sort(byName);
}

/** Those of some weights that the constraints allow. */
export function allowed(
  host: Host,
  candidates: readonly Candidate[],
  { layers, roles, excludeEmbeddings, excludeVectors, excludeHead = true }: SelectionConstraints,
): readonly Candidate[] {
  const sites = host.sites();
  const tables = tablesOf(sites);
  const matrices = new Set(sites.flatMap(({ kind, weight }) => (kind === "linear" && weight ? [weight.name] : [])));
  const heads = new Set(host.headParameters ?? []);
  const isTable = ({ name, pool, shape }: Candidate): boolean =>
    tables.has(name) || (pool === "weights" && shape.length > 1 && !matrices.has(name));
  const isHead = ({ name, site }: Candidate): boolean => heads.has(name) || site?.role === "head";
  return candidates.filter(
    (each) =>
      (layers === undefined || (each.layerIndex !== undefined && layers.includes(each.layerIndex))) &&
      (roles === undefined || (each.role !== undefined && roles.includes(each.role))) &&
      !(excludeEmbeddings === true && isTable(each)) &&
      !(excludeVectors === true && each.shape.length < 2) &&
      !(excludeHead && isHead(each)),
  );
}

/** Biases of linear layers and norms: those that are there as the model names them, and new ones as `<path>.bias`. */
export function biasCandidates(host: Host): readonly Candidate[] {
  const sites = host
    .sites()
    .filter(
      ({ kind, role, part, bias }) =>
        (kind === "linear" || kind === "norm") &&
        role !== "head" &&
        part === undefined &&
        isTrainable(host.tensors.get(bias ?? "") ?? {}),
    );
  const made = sites.map((site) => {
    const isThere = site.bias !== undefined && host.tensors.has(site.bias);
    const name = isThere ? site.bias! : `${site.path}.bias`;
    const shape = isThere ? host.tensors.get(name)!.shape : [site.width];
    return candidate({ name, pool: "bias", shape, group: site.path, ...(!isThere && { site }) }, whereIs(site));
  });
  return made.sort(byName);
}

/** Tensors that a method would train, and the groups of them that make sense together. */
function methodCandidates(
  host: Host,
  pool: Pool,
  trained: ReadonlyMap<string, DeltaTensor>,
  groupOf: (name: string) => string,
): readonly Candidate[] {
  const ownerOf = ownersOf(host.sites());
  return [...trained]
    .map(([name, spec]) => {
      const meets = factors
        .filter(([inner]) => inner.test(name))
        .map(([inner, outer]) => name.replace(inner, outer))
        .find((outer) => startsAtZero(trained.get(outer)));
      const place = { name, pool, shape: spec.shape, group: groupOf(name), spec };
      return candidate({ ...place, ...(meets !== undefined && { meets }) }, whereIs(ownerOf(name)));
    })
    .sort(byName);
}

/** Names of two factors: columns of the second meet rows of the first. */
const factors: readonly (readonly [inner: RegExp, outer: string])[] = [
  [/\.lora_A\.weight$/, ".lora_B.weight"],
  [/\.down\.weight$/, ".up.weight"],
  [/\.down\.bias$/, ".up.weight"],
];

/** Whether a tensor is zeros at first. */
export function startsAtZero(spec: DeltaTensor | undefined): boolean {
  return spec?.start.kind === "constant" && spec.start.value === 0;
}

/** Rows of prompts and prefixes, each a tensor `[1, width]` with its own start. */
function rowCandidates(pool: Pool, length: number, rowOf: (row: number) => DeltaTensor): readonly Candidate[] {
  return Array.from({ length }, (_, row) => {
    const { shape, start, key = [pool] } = rowOf(row);
    const one = [1, shape[1]!];
    const name = `${pool}.${`${row}`.padStart(`${length - 1}`.length, "0")}`;
    return candidate({ name, pool, shape: one, group: name, spec: { shape: one, start, key: [...key, row] } }, {});
  });
}

/** What of a method can be chosen, and which of its settings make more than that. */
const choosable = {
  lora: { is: /\.lora_[AB]\.weight$/, but: "bias, loraBias, gate, tables of words, and the inits pissa and olora" },
  adapter: { is: /\.(down|up)\.(weight|bias)$/, but: "phm and gate" },
  prefix: { is: /^prompt_embeddings$/, but: "network and gate" },
} as const;

/** What a method trains, where all of it can be chosen. */
function onlyChoosable(
  pool: keyof typeof choosable,
  { trained, frozen = new Map() }: DeltaTensors,
): ReadonlyMap<string, DeltaTensor> {
  const { is, but } = choosable[pool];
  const other = [...frozen.keys(), ...[...trained.keys()].filter((name) => !is.test(name))][0];
  if (other === undefined) return trained;
  throw new ConfigError({
    message: `arbitrary: with these settings of "${pool}" there is "${other}", of which nothing can be chosen; leave out ${but}`,
    pool,
  });
}

/** The candidates of every pool of a recipe, whatever its constraints. */
export function candidatesOf(host: Host, recipe: Unmade): ReadonlyMap<Pool, readonly Candidate[]> {
  const { pool } = recipe;
  const all: Readonly<Record<Pool, () => readonly Candidate[]>> = {
    weights: () => weightCandidates(host),
    // What is among the weights already is not counted twice.
    bias: () => biasCandidates(host).filter(({ site }) => site !== undefined || !pool.includes("weights")),
    lora: () =>
      methodCandidates(host, "lora", onlyChoosable("lora", lora.tensors(host, recipe.lora!)), (name) =>
        name.replace(/\.lora_[AB]\.weight$/, ""),
      ),
    adapter: () =>
      methodCandidates(host, "adapter", onlyChoosable("adapter", adapter.tensors(host, recipe.adapter!)), (name) =>
        name.replace(/\.(down|up)\.(weight|bias)$/, ""),
      ),
    prompt: () => rowCandidates("prompt", recipe.prompt!.length, promptRow(host, recipe.prompt!)),
    prefix: () => {
      const row = onlyChoosable("prefix", prefix.tensors(host, recipe.prefix!)).get("prompt_embeddings")!;
      return rowCandidates("prefix", recipe.prefix!.length, () => row);
    },
  };
  return new Map(pool.map((each) => [each, all[each]()]));
}

/** A prompt's rows start one by one: each as a prompt of one row, from one word where words are given. */
function promptRow(host: Host, config: PromptConfig): (row: number) => DeltaTensor {
  const rowFrom = (init: PromptConfig["init"]): DeltaTensor =>
    prompt.tensors(host, { ...config, init, length: 1 }).trained.get("prompt_embeddings")!;
  const { init } = config;
  if (typeof init !== "string") return (row) => rowFrom([init[row % init.length]!]);
  const drawn = rowFrom(init);
  return () => drawn;
}
