import { FormatError, nearest } from "@cambium/base";
import * as z from "zod";
import { type Host, type UntrainedTensor, untrained } from "../host.ts";
import type { Candidate } from "./candidates.ts";
import { readIndices, writeIndices } from "./index-text.ts";

/** What is chosen of one tensor. */
export interface ManifestPart {
  /** Name of the weight, or of the tensor of the method that it is of. */
  readonly tensor: string;
  readonly shape: readonly number[];
  /** Scalars. */
  readonly count: number;
  /** Whether it is all of the tensor. */
  readonly all?: true;
  /** Rows, as text. */
  readonly rows?: string;
  /** Places in the flattened tensor, as text. */
  readonly scalars?: string;
}

/** A choice of scalars as JSON. */
export interface Manifest {
  /** Scalars that were asked for. */
  readonly requested: number;
  /** Scalars that are chosen. */
  readonly count: number;
  /** Scalars by layer: `"3"`, `"decoder.3"`, and `""` for what belongs to none. */
  readonly layers: Readonly<Record<string, number>>;
  /** Scalars by role, `""` for what belongs to no site. */
  readonly roles: Readonly<Record<string, number>>;
  /** Scalars that can never change anything, such as entries of LoRA's A whose column of B stays zero. */
  readonly dead: number;
  /** What the model has that no choice falls on, because it is not float32. Absent where there is nothing of the kind. */
  readonly untrained?: readonly UntrainedTensor[];
  readonly parts: readonly ManifestPart[];
}

const count = z.int().nonnegative();
const counts = z.record(z.string(), count);

/** The schema of a manifest. */
export const manifestSchema: z.ZodType<Manifest> = z.strictObject({
  requested: count,
  count,
  layers: counts,
  roles: counts,
  dead: count,
  untrained: z
    .array(z.strictObject({ tensor: z.string(), dtype: z.string(), count }))
    .readonly()
    .exactOptional(),
  parts: z
    .array(
      z.strictObject({
        tensor: z.string(),
        shape: z.array(count).readonly(),
        count,
        all: z.literal(true).exactOptional(),
        rows: z.string().exactOptional(),
        scalars: z.string().exactOptional(),
      }),
    )
    .min(1)
    .readonly(),
}) as unknown as z.ZodType<Manifest>;

/** What is chosen of one candidate: rows, and scalars outside of them, both ascending. */
export interface Pick {
  readonly candidate: Candidate;
  readonly all: boolean;
  readonly rows: Int32Array;
  readonly scalars: Int32Array;
}

/** A choice. */
export interface Selection {
  readonly requested: number;
  readonly picks: readonly Pick[];
}

/** Scalars of a part of a choice. */
function countOf({ candidate, all, rows, scalars }: Pick): number {
  return all ? candidate.size : rows.length * candidate.width + scalars.length;
}

/** A choice among the weights of `host` as JSON. */
export function writeManifest(host: Host, { requested, picks: all }: Selection, dead: number): Manifest {
  const left = untrained(host);
  const picks = all.filter((pick) => countOf(pick) > 0);
  const sumBy = (label: (candidate: Candidate) => string): Record<string, number> => {
    const sums = new Map<string, number>();
    for (const pick of picks) {
      const key = label(pick.candidate);
      sums.set(key, (sums.get(key) ?? 0) + countOf(pick));
    }
    return Object.fromEntries(sums);
  };
  return {
    requested,
    count: picks.reduce((sum, pick) => sum + countOf(pick), 0),
    layers: sumBy(({ layer }) => layer ?? ""),
    roles: sumBy(({ role }) => role ?? ""),
    dead,
    ...(left.length > 0 && { untrained: left }),
    parts: picks.map((pick) => ({
      tensor: pick.candidate.name,
      shape: [...pick.candidate.shape],
      count: countOf(pick),
      ...(pick.all && { all: true as const }),
      ...(pick.rows.length > 0 && { rows: writeIndices(pick.rows) }),
      ...(pick.scalars.length > 0 && { scalars: writeIndices(pick.scalars) }),
    })),
  };
}

const none = new Int32Array(0);

/**
 * The choice that a manifest states.
 *
 * @throws {FormatError} When it was made for another model, or is damaged.
 */
export function readManifest(
  host: Host,
  { requested, count: total, parts }: Manifest,
  candidates: readonly Candidate[],
): Selection {
  const twice = parts.find(({ tensor }, i) => parts.findIndex((each) => each.tensor === tensor) < i);
  if (twice !== undefined)
    throw new FormatError({ message: `arbitrary: the selection names "${twice.tensor}" twice`, tensor: twice.tensor });
  const byName = new Map(candidates.map((candidate) => [candidate.name, candidate]));
  const picks = parts.map(({ tensor, shape, count, all = false, rows, scalars }): Pick => {
    const candidate = byName.get(tensor);
    if (candidate === undefined) {
      const other = untrained(host).find((each) => each.tensor === tensor);
      if (other !== undefined)
        throw new FormatError({
          message: `arbitrary: the selection names "${tensor}", which is ${other.dtype} here; only float32 is trained`,
          tensor,
        });
      const near = nearest(tensor, [...byName.keys()]);
      throw new FormatError({
        message: `arbitrary: the selection names "${tensor}", which is no weight of this model${near === undefined ? "" : `; the nearest is "${near}"`}`,
        tensor,
      });
    }
    if (candidate.shape.join() !== shape.join())
      throw new FormatError({
        message: `arbitrary: the selection has "${tensor}" of shape [${shape}], and here it is [${candidate.shape}]; was it made for another model?`,
        tensor,
      });
    const what = `arbitrary: the selection of "${tensor}"`;
    const pick = {
      candidate,
      all,
      rows: rows === undefined ? none : readIndices(rows, candidate.rows, what),
      scalars: scalars === undefined ? none : readIndices(scalars, candidate.size, what),
    };
    if (countOf(pick) !== count || count === 0)
      throw new FormatError({ message: `${what} states ${count} scalars, and has ${countOf(pick)}`, tensor });
    const isInRow = new Set(pick.rows);
    const both = pick.scalars.find((place) => all || isInRow.has(Math.floor(place / candidate.width)));
    if (both !== undefined || (all && pick.rows.length > 0))
      throw new FormatError({
        message: `${what} has places twice: in ${all ? "all of it" : "a row"} and apart`,
        tensor,
      });
    return pick;
  });
  const sum = parts.reduce((all, { count }) => all + count, 0);
  if (sum !== total)
    throw new FormatError({ message: `arbitrary: the selection states ${total} scalars, and its parts have ${sum}` });
  return { requested, picks };
}
