/** Which tensors of a point belong together. */
import { ConfigError } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import type { HasSites } from "../landscape/filters.ts";

/** How tensors are grouped: see `BlendOptions`. */
export type Grouping = "tensor" | "block" | "sublayer" | ((name: string) => string);

/** A name without that of the delta which it is of. */
const bare = (name: string): string => name.slice(name.indexOf("/") + 1);

/** The path of the layer that a name is in, or the first word of what is in none. */
function blockOf(name: string): string {
  return /^(.*?\.\d+)(?:\.|$)/.exec(bare(name))?.[1] ?? bare(name).split(".")[0]!;
}

/** The layer, with the part of it that the sites above a name are of. */
function sublayerOf({ sites }: HasSites): (name: string) => string {
  const all = sites();
  const byWeight = new Map(all.flatMap((site) => [site.weight?.name, site.bias].map((name) => [name, site] as const)));
  const byPath = new Map(all.map((site) => [site.path, site]));
  return (name) => {
    const own = bare(name);
    let site = byWeight.get(own);
    for (let path = own; site === undefined && path.includes("."); ) {
      path = path.slice(0, path.lastIndexOf("."));
      site = byPath.get(path);
    }
    const part = site?.layer === undefined ? undefined : site.role.split(".")[0];
    return part === undefined || part === "block" ? blockOf(name) : `${blockOf(name)} ${part}`;
  };
}

/**
 * The group of each tensor that can be blended, by its name.
 *
 * @throws {ConfigError} For a grouping that does not exist, sub-layers of what has no sites, and labels that are no text.
 */
export function groupsOf(objective: object, tree: Parameters, by: Grouping): ReadonlyMap<string, string> {
  const fail = (problem: string): ConfigError => new ConfigError({ message: `trainBlend: ${problem}` });
  const hasSites = "sites" in objective && typeof objective.sites === "function";
  if (by === "sublayer" && !hasSites)
    throw fail('the objective has no sites that tell sub-layers apart; group "block" by block, or by a function');
  const known = { tensor: (name: string) => name, block: blockOf, sublayer: undefined };
  if (typeof by !== "function" && !Object.hasOwn(known, by))
    throw fail(`by must be "tensor", "block", "sublayer" or a function of the name, got ${JSON.stringify(by)}`);
  const label = typeof by === "function" ? by : (known[by] ?? sublayerOf(objective as HasSites));
  const groups = new Map<string, string>();
  for (const [name, { dtype }] of tree) {
    if (dtype !== "float32") continue;
    const group: unknown = label(name);
    if (typeof group !== "string" || group === "")
      throw fail(`the group of "${name}" is ${JSON.stringify(group)}; groups are called by texts`);
    groups.set(name, group);
  }
  return groups;
}
