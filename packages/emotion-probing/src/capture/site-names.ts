/**
 * Names of sites: this library's paths and roles, short ones by layer, and those that users of TransformerLens and nnsight
 * know. nnsight and plain PyTorch hooks name modules by the checkpoint's paths, which are the sites' own.
 */
import { ConfigError, nearest } from "@cambium/base";
import type { Site } from "@cambium/core";

/** What has sites. */
export interface HasSites {
  /** Its sites, in the order of visits. */
  sites(): readonly Site[];
}

/** One kind of site, in every naming. `{i}` is a layer from 0. */
export interface SiteName {
  readonly role: string;
  /** Short names, such as `L{i}.ffn.act`; in models of two stacks `encoder.` or `decoder.` stands in front. */
  readonly short: string;
  readonly transformerLens?: string;
  /** Where the tensor there differs from the one here. */
  readonly note?: string;
}

/** Every short name, and TransformerLens's name of the same place. */
export const siteNames: readonly SiteName[] = [
  { role: "embed", short: "embed", transformerLens: "hook_embed" },
  { role: "block", short: "L{i}.resid", transformerLens: "blocks.{i}.hook_resid_post" },
  {
    role: "attn.q",
    short: "L{i}.attn.q",
    transformerLens: "blocks.{i}.attn.hook_q",
    note: "here [batch, seq, heads · dHead], before rotary positions",
  },
  {
    role: "attn.k",
    short: "L{i}.attn.k",
    transformerLens: "blocks.{i}.attn.hook_k",
    note: "here [batch, seq, heads · dHead], before rotary positions",
  },
  {
    role: "attn.v",
    short: "L{i}.attn.v",
    transformerLens: "blocks.{i}.attn.hook_v",
    note: "here [batch, seq, heads · dHead]",
  },
  { role: "attn.pattern", short: "L{i}.attn.pattern", transformerLens: "blocks.{i}.attn.hook_pattern" },
  {
    role: "attn.core",
    short: "L{i}.attn.z",
    transformerLens: "blocks.{i}.attn.hook_z",
    note: "here [batch, heads, seq, dHead]",
  },
  { role: "attn.out", short: "L{i}.attn.out", transformerLens: "blocks.{i}.hook_attn_out" },
  {
    role: "ff.pre",
    short: "L{i}.ffn.pre",
    transformerLens: "blocks.{i}.mlp.hook_pre",
    note: "ff.gate in gated layers, else ff.up",
  },
  {
    role: "ff.act",
    short: "L{i}.ffn.act",
    transformerLens: "blocks.{i}.mlp.hook_post",
    note: "in gated layers the product, which the last layer reads",
  },
  { role: "ff.down", short: "L{i}.ffn.out", transformerLens: "blocks.{i}.hook_mlp_out" },
  { role: "final.norm", short: "final", transformerLens: "ln_final.hook_normalized", note: "here with its gain" },
  { role: "logits", short: "logits" },
];

/** A name's layer, where `{i}` stands in the pattern; undefined where the name is another. */
function layerIn(pattern: string, name: string): { readonly layer?: number } | undefined {
  if (!pattern.includes("{i}")) return pattern === name ? {} : undefined;
  const [before, after] = pattern.split("{i}") as [string, string];
  if (!name.startsWith(before) || !name.endsWith(after) || name.length <= before.length + after.length)
    return undefined;
  const digits = name.slice(before.length, name.length - after.length);
  return /^\d+$/.test(digits) ? { layer: Number(digits) } : undefined;
}

function isRole(site: Site, role: string, sites: readonly Site[]): boolean {
  if (role !== "ff.pre") return site.role === role;
  const gated = sites.some(
    (other) => other.role === "ff.gate" && other.stack === site.stack && other.layer === site.layer,
  );
  return site.role === (gated ? "ff.gate" : "ff.up");
}

/**
 * The sites that a name means: a path (`encoder.layer.3.intermediate`), a role (`ff.act`: every layer's; of one stack
 * `encoder.ff.act`), a short name (`L3.ffn.act`) or one of TransformerLens (`blocks.3.mlp.hook_post`).
 *
 * @throws {ConfigError} When no site has that name, or it means one of each stack; the nearest is named.
 * @example
 * findSites(model, "blocks.3.mlp.hook_post"); // [{ path: "encoder.layer.3.intermediate", role: "ff.act", … }]
 */
export function findSites(model: HasSites, name: string): readonly Site[] {
  const sites = model.sites();
  const byPath = sites.filter(({ path }) => path === name);
  if (byPath.length > 0) return byPath;
  const byRole = sites.filter((site) => isRole(site, name, sites));
  if (byRole.length > 0) return byRole;
  const stack = /^(encoder|decoder)\./.exec(name)?.[1];
  const bare = stack === undefined ? name : name.slice(stack.length + 1);
  const ofStack = stack === undefined ? [] : sites.filter((site) => site.stack === stack && isRole(site, bare, sites));
  if (ofStack.length > 0) return ofStack;
  for (const { role, short, transformerLens } of siteNames) {
    const place = layerIn(short, bare) ?? (transformerLens === undefined ? undefined : layerIn(transformerLens, bare));
    if (place === undefined) continue;
    const found = sites.filter(
      (site) =>
        isRole(site, role, sites) && site.layer === place.layer && (stack === undefined || site.stack === stack),
    );
    if (new Set(found.map((site) => site.stack)).size > 1) {
      throw new ConfigError({
        message: `findSites: "${name}" is in both stacks; write encoder.${bare} or decoder.${bare}`,
        name,
      });
    }
    if (found.length > 0) return found;
  }
  const shorts = sites.flatMap((site) =>
    siteNames
      .filter(({ role }) => isRole(site, role, sites))
      .map(
        ({ short }) => `${site.stack === undefined ? "" : `${site.stack}.`}${short.replace("{i}", `${site.layer}`)}`,
      ),
  );
  const near = nearest(name, [...sites.map(({ path }) => path), ...sites.map(({ role }) => role), ...shorts]);
  throw new ConfigError({
    message: `findSites: the model has no site "${name}"${near === undefined ? "" : `; is "${near}" meant?`} Its short names are ${[...new Set(shorts)].slice(0, 12).join(", ")}, …`,
    name,
  });
}

/**
 * The sites that some names mean, each once, also where two names mean it.
 *
 * @throws {ConfigError} When there is no name, or no list, or a name means no site.
 */
export function sitesNamed(caller: string, model: HasSites, names: readonly string[]): readonly Site[] {
  if (!Array.isArray(names) || names.length === 0)
    throw new ConfigError({ message: `${caller}: sites must be a list of names, got ${JSON.stringify(names)}` });
  return [...new Map(names.flatMap((name) => findSites(model, name)).map((site) => [site.path, site])).values()];
}

/** The neurons that are read where nothing is said: those of all layers that read the text. */
export const usualSites = (model: HasSites): readonly string[] =>
  model.sites().some(({ stack }) => stack === "encoder") ? ["encoder.ff.act"] : ["ff.act"];
