/** What `cambium inspect` shows, as tables. */
import { type Site, sizeOfShape } from "@cambium/core";
import type { ModelInspection } from "@cambium/models";
import { type Table, textTable } from "@cambium/report";
import { fold } from "./fold.ts";
import type { MethodCount } from "./method-counts.ts";

const text = (columns: Table["columns"], rows: Table["rows"]): string => textTable({ columns, rows }).trimEnd();

/** Parameters with their shapes, types and counts, repeated blocks folded. */
export function parameterTable({ stored, parameters, created }: ModelInspection): string {
  const held = [...stored].map(
    ([name, { shape, dtype, blocks }]) => [name, { shape, dtype: blocks ?? dtype }] as const,
  );
  const random = created.map((name) => [name, { shape: parameters.get(name)!.shape, dtype: "random" }] as const);
  const rows = fold<{ readonly shape: readonly number[]; readonly dtype: string }>(
    [...held, ...random],
    ({ shape, dtype }) => JSON.stringify([shape, dtype]),
  ).map(({ name, values }) => [
    name,
    `[${values[0]!.shape.join(", ")}]`,
    values[0]!.dtype,
    values.length * sizeOfShape(values[0]!.shape),
  ]);
  return text([{ name: "parameter" }, { name: "shape" }, { name: "type" }, { name: "scalars" }], rows);
}

const widthText = ({ input, width }: Site): string => (input === undefined ? `${width}` : `${input} → ${width}`);

/** Sites with their roles, repeated blocks folded. */
export function siteTable({ sites }: ModelInspection): string {
  const rows = fold(
    sites.map((site) => [site.path, site] as const),
    ({ kind, role, input, width }) => JSON.stringify([kind, role, input, width]),
  ).map(({ name, values }) => [values[0]!.role, values[0]!.kind, name, widthText(values[0]!), values.length]);
  return text([{ name: "role" }, { name: "kind" }, { name: "site" }, { name: "width" }, { name: "sites" }], rows);
}

/** What each method of tuning would train. */
export function methodTable(counts: readonly MethodCount[]): string {
  const rows = counts.map(({ method, trained, share, places, problem }) => [
    method,
    trained,
    share === undefined ? undefined : 100 * share,
    problem ?? places!.slice(0, 6).join(", ") + (places!.length > 6 ? ", …" : ""),
  ]);
  return text(
    [{ name: "method" }, { name: "trains" }, { name: "share", unit: "%", digits: 3 }, { name: "where" }],
    rows,
  );
}
