import { ConfigError, parseConfig } from "@cambium/base";
import type { Random } from "@cambium/core";
import * as z from "zod";
import { groupBy, type SplitRow } from "./row-parts.ts";

/** Settings of `split`. */
export interface SplitOptions<Part extends string, Row> {
  /**
   * Parts by name, each with a share of the rows (below 1) or a number of rows (a whole number from 1). Shares add up to at most 1;
   * one part may be `"rest"`.
   */
  readonly parts: Readonly<Record<Part, number | "rest">>;
  readonly random: Random;
  /** What each part has the same share of. @default the row's `label`, where it is a text */
  readonly stratum?: (row: Row) => string | undefined;
  /** What stays together. @default the row's `group`; rows without one are on their own */
  readonly group?: (row: Row) => string | undefined;
}

const partSchema = z.union([z.number().positive().max(1), z.int().positive(), z.literal("rest")]);
const isFunction = (value: unknown): boolean => typeof value === "function";
const schema = z.strictObject({
  parts: z.record(z.string(), partSchema),
  random: z.custom<Random>((value) => typeof (value as Random | undefined)?.permutation === "function"),
  stratum: z.custom<(row: never) => string | undefined>(isFunction).exactOptional(),
  group: z.custom<(row: never) => string | undefined>(isFunction).exactOptional(),
});

/**
 * Rows in parts of which none shares a group with another, and in which each stratum has about the same share. The same rows, seed
 * and parts give the same split; rows keep their order within a part.
 *
 * Groups are dealt in random order, the large ones first, each to the part that lacks most of the group's strata. Without groups
 * every part has its share of each stratum to less than one row, and at least one row of a stratum that has enough for all. Rows for
 * which no part has room are in none.
 *
 * @throws {ConfigError} When parts want more rows than there are, or one would have none; says how many it was to have.
 * @see Sechidis et al. 2011, On the Stratification of Multi-label Data, ECML PKDD, algorithm 1: the demand of each part decides.
 * @example
 * const { train, dev, test } = split(table.rows, { parts: { train: "rest", dev: 0.1, test: 200 }, random: random(1) });
 */
export function split<Row extends SplitRow, Part extends string>(
  rows: readonly Row[],
  options: SplitOptions<Part, Row>,
): Record<Part, Row[]> {
  const { parts, random } = parseConfig("split", schema, options) as SplitOptions<Part, Row>;
  const stratumOf = options.stratum ?? (({ label }: Row) => (typeof label === "string" ? label : undefined));
  const groupOf = options.group ?? (({ group }: Row) => group);
  const sizes = sizesOf(rows.length, parts);
  const names = Object.keys(sizes) as Part[];
  const strata = groupBy(rows.keys(), (i) => stratumOf(rows[i]!));
  const lacks = demands(strata, sizes, rows.length);
  const room = new Map(names.map((name) => [name, sizes[name]]));
  const place = new Array<Part | undefined>(rows.length);
  for (const group of dealingOrder(rows, groupOf, stratumOf, random)) {
    const fits = names.filter((name) => room.get(name)! >= group.length);
    const wish = (name: Part): number => group.reduce((sum, i) => sum + lacks.get(name)!.get(stratumOf(rows[i]!))!, 0);
    if (fits.length === 0) continue;
    const part = fits.reduce((most, name) => (wish(name) > wish(most) ? name : most));
    room.set(part, room.get(part)! - group.length);
    for (const i of group) {
      const lack = lacks.get(part)!;
      const key = stratumOf(rows[i]!);
      lack.set(key, lack.get(key)! - 1);
      place[i] = part;
    }
  }
  const empty = names.find((name) => !place.includes(name));
  if (empty !== undefined) {
    throw new ConfigError({
      message: `split: part "${empty}" was to have ${sizes[empty]} of ${rows.length} rows and has none; give it more, or smaller groups`,
      part: empty,
    });
  }
  return Object.fromEntries(names.map((name) => [name, rows.filter((_, i) => place[i] === name)])) as Record<
    Part,
    Row[]
  >;
}

/**
 * What each part is to have of each stratum, in rows: its share, but at least one row where there are enough for all parts, which the
 * largest part gives.
 */
function demands<Key, Part extends string>(
  strata: ReadonlyMap<Key, readonly number[]>,
  sizes: Readonly<Record<Part, number>>,
  total: number,
): ReadonlyMap<Part, Map<Key, number>> {
  const names = Object.keys(sizes) as Part[];
  const largest = names.reduce((most, name) => (sizes[name] > sizes[most] ? name : most));
  const wanted = new Map(names.map((name) => [name, new Map<Key, number>()]));
  for (const [key, own] of strata) {
    const least = own.length >= names.length ? 1 : 0;
    const shares = new Map(names.map((name) => [name, Math.max(least, (own.length * sizes[name]) / total)]));
    const over =
      [...shares.values()].reduce((sum, share) => sum + share, 0) -
      (own.length * names.reduce((sum, name) => sum + sizes[name], 0)) / total;
    for (const [name, share] of shares)
      wanted.get(name)!.set(key, name === largest ? Math.max(least, share - over) : share);
  }
  return wanted;
}

/** Rows of each part. */
function sizesOf<Part extends string>(
  count: number,
  parts: Readonly<Record<Part, number | "rest">>,
): Record<Part, number> {
  const entries = Object.entries<number | "rest">(parts);
  const wanted = entries.map(
    ([name, size]) => [name, size === "rest" ? size : size < 1 ? Math.round(size * count) : size] as const,
  );
  const taken = wanted.reduce((sum, [, size]) => sum + (size === "rest" ? 0 : size), 0);
  const rests = wanted.filter(([, size]) => size === "rest");
  const shares = entries.reduce((sum, [, size]) => sum + (size !== "rest" && size < 1 ? size : 0), 0);
  const problem =
    entries.length === 0
      ? "there are no parts"
      : rests.length > 1
        ? `only one part can be the rest, got ${rests.map(([name]) => name).join(" and ")}`
        : shares > 1 + 1e-9
          ? `the shares add up to ${shares}`
          : taken - entries.length > count || (taken > count && shares === 0)
            ? `the parts want ${taken} rows, there are ${count}`
            : undefined;
  if (problem !== undefined) throw new ConfigError({ message: `split: ${problem}`, parts });
  // Rounded shares may be a row too many: the last of them gives it back.
  let over = Math.max(0, taken - count);
  const sizes = wanted.toReversed().map(([name, size]) => {
    if (size === "rest") return [name, count - Math.min(taken, count)] as const;
    const less = Math.min(over, (parts as Readonly<Record<string, number>>)[name]! < 1 ? size : 0);
    over -= less;
    return [name, size - less] as const;
  });
  return Object.fromEntries(sizes.toReversed()) as Record<Part, number>;
}

/** Groups in the order in which they are dealt: the large ones first, equal ones at random, strata in turn. */
function dealingOrder<Row>(
  rows: readonly Row[],
  groupOf: (row: Row) => string | undefined,
  stratumOf: (row: Row) => string | undefined,
  random: Random,
): readonly (readonly number[])[] {
  const order = Array.from(random.permutation(rows.length));
  const groups = groupBy(order, (i) => groupOf(rows[i]!) ?? i);
  const byStratum = groupBy([...groups.values()], ([first]) => stratumOf(rows[first!]!));
  const rarest = [...byStratum.values()].sort((a, b) => a.length - b.length).flat();
  return rarest.sort((a, b) => b.length - a.length);
}
