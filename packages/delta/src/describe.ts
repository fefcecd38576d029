import { disposeParameters, random, type Site } from "@cambium/core";
import type { Host, Method } from "./delta.ts";

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

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, dimension) => size * dimension, 1);

/**
 * A dry run: where a method with these options would go, and what it would train. Nothing is attached or kept.
 *
 * @param model - Read as the method reads it: most need sites and shapes only, so weights can be left out.
 * @throws {ConfigError} As the method does, naming what is near to a target that matches nothing.
 * @example
 * console.log(formatTargets(describeTargets(base, lora, { rank: 8, targets: ["attn.q", "ff.up"] })));
 */
export function describeTargets<M extends Host, Options>(
  model: M,
  method: Method<M, Options>,
  options: Options,
): TargetReport {
  const { parameters } = method(model, options, random(0));
  const shapes = [...parameters].map(([name, tensor]) => [name, tensor.shape] as const);
  disposeParameters(parameters);

  const sites = model.sites();
  const rows = new Map<string, TargetRow>();
  for (const [name, shape] of shapes) {
    const site = owner(sites, name);
    const path = site?.path ?? name.replace(/\.[^.]+$/, "");
    const before = rows.get(path) ?? emptyRow(model, path, site);
    const rest = name === path ? name : name.slice(path.length + 1);
    rows.set(path, {
      ...before,
      trained: { ...before.trained, [rest]: shape },
      count: before.count + sizeOf(shape),
    });
  }
  return {
    rows: [...rows.values()],
    trained: shapes.reduce((count, [, shape]) => count + sizeOf(shape), 0),
    total: [...model.parameters.values()].reduce((count, { shape }) => count + sizeOf(shape), 0),
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

function emptyRow(model: Host, path: string, site: Site | undefined): TargetRow {
  const weight = model.parameters.get(site?.weight?.name ?? `${path}.weight`)?.shape;
  return {
    path,
    ...(site !== undefined && { role: site.role }),
    ...(site?.layer !== undefined && { layer: site.layer }),
    ...(weight !== undefined && { weight }),
    trained: {},
    count: 0,
  };
}

const showCount = (count: number): string => count.toLocaleString("en-US");

/** A report as a table for printing, one line for each place and a sum at the end. */
export function formatTargets({ rows, trained, total }: TargetReport): string {
  const cells = rows.map((row) => [
    row.path,
    row.role ?? "",
    row.weight === undefined ? "" : `[${row.weight.join(", ")}]`,
    Object.entries(row.trained)
      .map(([name, shape]) => `${name} [${shape.join(", ")}]`)
      .join(", "),
    showCount(row.count),
  ]);
  const table = [["module", "role", "weight", "trained", "count"], ...cells];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => (column === 4 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join("  "),
  );
  const percent = ((100 * trained) / total).toPrecision(3);
  return [...lines, `trains ${showCount(trained)} scalars beside ${showCount(total)} (${percent} %)`].join("\n");
}
