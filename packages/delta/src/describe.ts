import { type Random, type Site, sizeOfShape } from "@cambium/core";
import { type Host, type HostSource, hostOf } from "./host.ts";
import type { MethodDefinition } from "./method.ts";
import { countText, textTable } from "./text-table.ts";

/** What a delta trains at one place. */
export interface TargetRow {
  /** Module path, or the parameter's own name where it belongs to no module. */
  readonly path: string;
  readonly role?: string;
  readonly layer?: number;
  /** Shape of the module's weight, where it has one. */
  readonly weight?: readonly number[];
  /** Shapes of the trained tensors, by the rest of their names. */
  readonly trained: Readonly<Record<string, readonly number[]>>;
  /** Trained scalars. */
  readonly count: number;
}

/** What a method would train on a model. */
export interface TargetReport {
  readonly rows: readonly TargetRow[];
  /** Trained scalars. */
  readonly trained: number;
  /** Scalars of the model. */
  readonly total: number;
}

/**
 * A dry run: where a method with these options would go, and what it would train. No tensor is made.
 *
 * @param model - A model, or what `modelLayout` gives: no weights are needed.
 * @param random - For methods that choose at random what they train, such as `arbitrary`.
 * @throws {ConfigError} As the method does, naming what is near to a target that matches nothing.
 * @example
 * console.log(formatTargets(describeTargets(base, lora, { rank: 8, targets: ["attn.q", "ff.up"] })));
 */
export function describeTargets<Options, Config>(
  model: HostSource,
  method: MethodDefinition<Options, Config>,
  options: Options,
  random?: Random,
): TargetReport {
  const host = hostOf(model);
  const { trained } = method.tensors(host, method.parse(options, host, random));
  const sites = host.sites();
  const rows = new Map<string, TargetRow>();
  let count = 0;
  for (const [name, { shape }] of trained) {
    const size = sizeOfShape(shape);
    const site = owner(sites, name);
    const path = site?.path ?? name.replace(/\.[^.]+$/, "");
    const before = rows.get(path) ?? emptyRow(host, path, site);
    const rest = name === path ? name : name.slice(path.length + 1);
    rows.set(path, { ...before, trained: { ...before.trained, [rest]: shape }, count: before.count + size });
    count += size;
  }
  return {
    rows: [...rows.values()],
    trained: count,
    total: [...host.tensors.values()].reduce((sum, { shape }) => sum + sizeOfShape(shape), 0),
  };
}

/** The site deepest in the tree of names that a parameter lies under. */
function owner(sites: readonly Site[], name: string): Site | undefined {
  let deepest: Site | undefined;
  for (const site of sites) {
    if (name.startsWith(`${site.path}.`) && site.path.length > (deepest?.path.length ?? 0)) deepest = site;
  }
  return deepest;
}

function emptyRow(host: Host, path: string, site: Site | undefined): TargetRow {
  const weight = host.tensors.get(site?.weight?.name ?? `${path}.weight`)?.shape;
  return {
    path,
    ...(site !== undefined && { role: site.role }),
    ...(site?.layer !== undefined && { layer: site.layer }),
    ...(weight !== undefined && { weight }),
    trained: {},
    count: 0,
  };
}

/** A report as a table for printing, one line for each place and a sum at the end. */
export function formatTargets({ rows, trained, total }: TargetReport): string {
  const cells = rows.map((row) => [
    row.path,
    row.role ?? "",
    row.weight === undefined ? "" : `[${row.weight.join(", ")}]`,
    Object.entries(row.trained)
      .map(([name, shape]) => `${name} [${shape.join(", ")}]`)
      .join(", "),
    countText(row.count),
  ]);
  const percent = ((100 * trained) / total).toPrecision(3);
  return [
    textTable(["module", "role", "weight", "trained", "count"], cells, [4]),
    `trains ${countText(trained)} scalars beside ${countText(total)} (${percent} %)`,
  ].join("\n");
}
