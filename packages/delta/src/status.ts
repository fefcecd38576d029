/** What is on a tuned model: its deltas, the layers that each touches, and what should not be so. */
import { describeQuantised, floatUnderHooks, type Hook, type Site } from "@cambium/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { AnyModel, Tuned } from "./attach.ts";
import type { Delta } from "./delta.ts";
import { countText, textTable } from "./text-table.ts";

/** One delta. */
export interface DeltaStatus {
  readonly name: string;
  readonly kind: string;
  /** Its place among those that act, from 0 for the innermost; undefined for one that waits. */
  readonly place?: number;
  /** Trained scalars. */
  readonly trained: number;
  /** Frozen scalars that come with it. */
  readonly frozen: number;
  /** In memory, of all its tensors. */
  readonly sizeBytes: number;
  /** Types of its tensors. */
  readonly dtypes: readonly string[];
  /** Whether weights of the base can do the same. */
  readonly isMergeable: boolean;
}

/** One place of the model that deltas touch. */
export interface LayerStatus {
  /** Path of a site, or name of a parameter that no site reads. */
  readonly path: string;
  readonly role?: string;
  /** Names of the deltas that act there, innermost first. */
  readonly active: readonly string[];
  /** Names of those that would, and wait. */
  readonly inactive: readonly string[];
}

/** All of it. */
export interface Status {
  readonly deltas: readonly DeltaStatus[];
  readonly layers: readonly LayerStatus[];
  /**
   * What should not be so: tensors that are disposed of, edits that a later delta hides, weights in few bits that edits make floats of,
   * random weights that nothing carries.
   */
  readonly problems: readonly string[];
}

/**
 * What is on a tuned model. Reads no value.
 *
 * @example
 * console.log(formatStatus(describeStatus(tuned)));
 */
export function describeStatus(tuned: Tuned): Status {
  const { base, deltas, inactive } = tuned;
  const sites = base.sites();
  const layers = new Map<string, { path: string; role?: string; active: string[]; inactive: string[] }>();
  const note = (delta: Delta, list: "active" | "inactive"): void => {
    for (const { path, role } of placesOf(delta, base, sites)) {
      const row = layers.get(path) ?? { path, ...(role !== undefined && { role }), active: [], inactive: [] };
      layers.set(path, row);
      row[list].push(delta.name);
    }
  };
  for (const delta of deltas) note(delta, "active");
  for (const delta of inactive) note(delta, "inactive");
  const order = new Map(sites.map(({ path }, i) => [path, i]));
  const placeOf = ({ path }: LayerStatus): number => order.get(path) ?? sites.length;
  return {
    deltas: [...deltas.map((delta, place) => statusOf(delta, place)), ...inactive.map((delta) => statusOf(delta))],
    layers: [...layers.values()].sort((a, b) => placeOf(a) - placeOf(b)),
    problems: [
      ...disposedOf([...deltas, ...inactive]),
      ...hiddenEdits(deltas, base),
      ...roundedEdits(deltas, base),
      ...(tuned.warnings ?? []),
    ],
  };
}

const tensorsOf = ({ parameters, buffers, state }: Delta): readonly Tensor[] =>
  [parameters, buffers, state].flatMap((tree) => [...tree.values()]);

const sizeOf = (tensors: Iterable<Tensor>): number => [...tensors].reduce((sum, { size }) => sum + size, 0);

function statusOf(delta: Delta, place?: number): DeltaStatus {
  const all = tensorsOf(delta);
  return {
    name: delta.name,
    kind: delta.kind,
    ...(place !== undefined && { place }),
    trained: sizeOf(delta.parameters.values()),
    frozen: sizeOf(delta.buffers.values()),
    sizeBytes: 4 * sizeOf(all), // float32 and int32
    dtypes: [...new Set(all.map(({ dtype }) => dtype))],
    isMergeable: delta.merge !== undefined,
  };
}

/** The sites that a delta's hooks sit on, and those that read a weight which it changes. */
function placesOf(delta: Delta, base: AnyModel, sites: readonly Site[]): readonly { path: string; role?: string }[] {
  const found = new Map<string, { path: string; role?: string }>();
  const put = ({ path, role }: { path: string; role?: string }): void => {
    if (!found.has(path)) found.set(path, { path, ...(role !== undefined && { role }) });
  };
  for (const hook of delta.hooks(delta)) {
    if (hook.kind !== "weight") {
      for (const site of sites) if (site.kind === hook.kind && (hook.at as (site: Site) => boolean)(site)) put(site);
      continue;
    }
    for (const name of base.parameters.keys()) {
      if (!hook.at(name)) continue;
      const readers = sites.filter(({ weight, bias }) => weight?.name === name || bias === name);
      for (const reader of readers) put(reader);
      if (readers.length === 0) put({ path: name });
    }
  }
  return [...found.values()];
}

function disposedOf(deltas: readonly Delta[]): readonly string[] {
  return deltas.flatMap((delta) => {
    const gone = tensorsOf(delta).filter(({ isDisposed }) => isDisposed).length;
    return gone === 0 ? [] : [`${gone} tensors of "${delta.name}" are disposed of`];
  });
}

/** Weights that one delta edits and a later one replaces, so that the edit does nothing. */
function hiddenEdits(deltas: readonly Delta[], { parameters }: AnyModel): readonly string[] {
  return deltas.flatMap((delta, i) => {
    const edits = delta.hooks(delta).filter((hook): hook is Hook & { kind: "weight" } => hook.kind === "weight");
    return deltas.slice(i + 1).flatMap((later) => {
      const { replaces, replaced } = later.method;
      const taken =
        replaces === true ? [...later.parameters.keys()] : (replaced?.(later.shape, later.config as never) ?? []);
      const hidden = taken.filter((name) => parameters.has(name) && edits.some((hook) => hook.at(name)));
      const [first] = hidden;
      const more = hidden.length > 1 ? ` and ${hidden.length - 1} more` : "";
      return first === undefined
        ? []
        : [
            `"${later.name}" replaces ${first}${more}, so that what "${delta.name}" does there is lost: attach it first`,
          ];
    });
  });
}

/** Weights in 8 or 4 bits that deltas edit, which costs what was saved by them. */
function roundedEdits(deltas: readonly Delta[], { parameters }: AnyModel): readonly string[] {
  return deltas.flatMap((delta) => {
    const names = floatUnderHooks(parameters, delta.hooks(delta));
    if (names.length === 0) return [];
    const bytes = 4 * sizeOf(names.map((name) => parameters.get(name)!));
    return [
      `"${delta.name}" edits weights in few bits: ${describeQuantised(parameters, names)}, and are multiplied in float32, which takes up to ${(bytes / 2 ** 20).toFixed(1)} MiB more`,
    ];
  });
}

/** A status as two tables for printing, and what should not be so. */
export function formatStatus({ deltas, layers, problems }: Status): string {
  const first = textTable(
    ["delta", "kind", "acts", "trains", "frozen", "KiB", "merges"],
    deltas.map(({ name, kind, place, trained, frozen, sizeBytes, isMergeable }) => [
      name,
      kind,
      place === undefined ? "waits" : `${place + 1}.`,
      countText(trained),
      countText(frozen),
      (sizeBytes / 1024).toFixed(1),
      isMergeable ? "yes" : "no",
    ]),
    [3, 4, 5],
  );
  const second = textTable(
    ["layer", "role", "act", "wait"],
    layers.map(({ path, role, active, inactive }) => [path, role ?? "", active.join(", "), inactive.join(", ")]),
    [],
  );
  return [first, "", second, ...problems.map((problem) => `! ${problem}`)].join("\n");
}
