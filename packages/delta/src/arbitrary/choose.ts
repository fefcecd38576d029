/**
 * The choice itself: which scalars of the candidates are trained.
 *
 * `choose` divides the count between lists of candidates. In each list `choosePieces` takes rows, tensors or groups in a random
 * order as far as they fit, and `chooseScalars` single scalars. Both work on a `Draft`, which knows what is taken.
 */
import { ConfigError } from "@cambium/base";
import type { Random } from "@cambium/core";
import type { Candidate } from "./candidates.ts";
import { drawDistinct } from "./draw.ts";
import type { Pick, Selection } from "./manifest.ts";
import type { Granularity } from "./options.ts";

/** Candidates that share a part of the count. */
export interface ChoiceList {
  readonly label: string;
  readonly candidates: readonly Candidate[];
  /** Of the count, relative to the other lists. */
  readonly share: number;
}

/** What is asked for. */
export interface Choice {
  readonly count: number;
  readonly granularity: Granularity;
  readonly fit: "skip" | "exact";
  readonly minPerLayer: number;
  readonly maxPerLayer?: number;
}

/** Limits of scalars in a layer. */
interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** What is taken so far. */
class Draft {
  readonly whole = new Set<Candidate>();
  readonly rows = new Map<Candidate, Int32Array>();
  readonly scalars = new Map<Candidate, Int32Array>();
  readonly ofLayer = new Map<string, number>();
  count = 0;

  /** Scalars taken in a layer. */
  in(layer: string): number {
    return this.ofLayer.get(layer) ?? 0;
  }

  add({ layer }: Candidate, count: number): void {
    this.count += count;
    if (layer !== undefined) this.ofLayer.set(layer, this.in(layer) + count);
  }

  picks(lists: readonly ChoiceList[]): Pick[] {
    const none = new Int32Array(0);
    return lists
      .flatMap(({ candidates }) => candidates)
      .map((candidate): Pick => {
        const all = this.whole.has(candidate);
        return {
          candidate,
          all,
          rows: all ? none : (this.rows.get(candidate) ?? none),
          scalars: all ? none : (this.scalars.get(candidate) ?? none),
        };
      })
      .filter(({ all, rows, scalars }) => all || rows.length > 0 || scalars.length > 0);
  }
}

const sizeOf = (candidates: readonly Candidate[]): number => candidates.reduce((sum, { size }) => sum + size, 0);

/** Scalars that a list can give within a limit for each layer. */
function capacityOf(candidates: readonly Candidate[], most: number): number {
  if (most === Number.POSITIVE_INFINITY) return sizeOf(candidates);
  let [free, layers] = [0, new Map<string, number>()];
  for (const { layer, size } of candidates) {
    if (layer === undefined) free += size;
    else layers.set(layer, (layers.get(layer) ?? 0) + size);
  }
  for (const size of layers.values()) free += Math.min(size, most);
  return free;
}

/**
 * A choice of `count` scalars.
 *
 * @param random - The same gives the same choice, on every backend and machine.
 * @param leftOut - What the message of a count that is too large adds, of weights that are no candidates.
 * @throws {ConfigError} When there are fewer candidates, or too few for the limits of layers.
 */
export function choose(lists: readonly ChoiceList[], choice: Choice, random: Random, leftOut = ""): Selection {
  const { count, granularity, fit, minPerLayer: least, maxPerLayer: most = Number.POSITIVE_INFINITY } = choice;
  const shares = lists.reduce((sum, { share }) => sum + share, 0);
  const capacities = lists.map(({ candidates }) => capacityOf(candidates, most));
  const total = capacityOf(
    lists.flatMap(({ candidates }) => candidates),
    most,
  );
  if (total < count)
    throw new ConfigError({
      message: `arbitrary: a count of ${count} was asked for, and there are ${total} scalars to choose from${leftOut}`,
      count,
      total,
    });
  const draft = new Draft();
  let left = count;
  for (const [i, { label, candidates, share }] of lists.entries()) {
    const isLast = i === lists.length - 1;
    const later = capacities.slice(i + 1).reduce((sum, capacity) => sum + capacity, 0);
    // What lists after this one cannot give comes from this one; of single scalars the last list gives the rest.
    const own =
      isLast && (granularity === "scalar" || lists.length === 1) ? left : Math.floor((count * share) / shares);
    const budget = Math.min(capacities[i]!, left, fit === "exact" ? Math.max(own, left - later) : own);
    const bounds = { least: isLast ? least : 0, most };
    const before = draft.count;
    if (granularity === "scalar") chooseScalars(draft, candidates, budget, bounds, random.at(label));
    else choosePieces(draft, candidates, granularity, budget, bounds, random.at(label));
    left -= draft.count - before;
  }
  // Weights come last, and have room in nearly every case: the rest is theirs.
  for (const { label, candidates } of fit === "exact" ? [...lists].reverse() : []) {
    if (left === 0) break;
    const before = draft.count;
    const room = roomOf(draft, candidates, most);
    chooseScalars(draft, candidates, Math.min(left, room), { least: 0, most }, random.at(label).at("rest"));
    left -= draft.count - before;
  }
  if (fit === "exact" && left > 0)
    throw new ConfigError({
      message: `arbitrary: ${left} of ${count} scalars find no place within "maxPerLayer" ${most}`,
      count,
    });
  checkLeast(draft, lists, least);
  if (draft.count === 0)
    throw new ConfigError({
      message: `arbitrary: no ${granularity} fits into a count of ${count}; take a larger count or smaller pieces, or let \`fit: "exact"\` fill it with single scalars`,
      count,
    });
  return { requested: count, picks: draft.picks(lists) };
}

function checkLeast(draft: Draft, lists: readonly ChoiceList[], least: number): void {
  if (least === 0) return;
  for (const layer of new Set(lists.flatMap(({ candidates }) => candidates.map((each) => each.layer)))) {
    if (layer === undefined || draft.in(layer) >= least) continue;
    throw new ConfigError({
      message: `arbitrary: layer ${layer} would have ${draft.in(layer)} scalars, and "minPerLayer" is ${least}; allow a larger count, or smaller pieces`,
      layer,
    });
  }
}

/** A piece that is taken as a whole. */
interface Piece {
  readonly candidates: readonly Candidate[];
  /** The row; undefined for whole tensors. */
  readonly row?: number;
  readonly size: number;
}

/** Pieces by number, made when they are asked for: there may be millions of rows. */
function piecesOf(
  candidates: readonly Candidate[],
  granularity: "row" | "tensor" | "group",
): { readonly count: number; at(index: number): Piece; readonly least: number } {
  if (granularity === "row") {
    const ends: number[] = [];
    let count = 0;
    for (const { rows } of candidates) {
      count += rows;
      ends.push(count);
    }
    return {
      count,
      least: Math.min(...candidates.map(({ width }) => width)),
      at(index) {
        let [low, high] = [0, ends.length - 1];
        while (low < high) {
          const middle = (low + high) >> 1;
          if (ends[middle]! > index) high = middle;
          else low = middle + 1;
        }
        const candidate = candidates[low]!;
        return { candidates: [candidate], row: index - (ends[low]! - candidate.rows), size: candidate.width };
      },
    };
  }
  const groups = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const key = granularity === "tensor" ? candidate.name : `${candidate.pool} ${candidate.group}`;
    groups.set(key, [...(groups.get(key) ?? []), candidate]);
  }
  const pieces = [...groups.values()].map((members): Piece => ({ candidates: members, size: sizeOf(members) }));
  return {
    count: pieces.length,
    at: (index) => pieces[index]!,
    least: Math.min(...pieces.map(({ size }) => size)),
  };
}

/** Takes pieces in a random order, each that fits into what is left, as Su et al.; first what layers must have. */
function choosePieces(
  draft: Draft,
  candidates: readonly Candidate[],
  granularity: "row" | "tensor" | "group",
  budget: number,
  { least, most }: Bounds,
  random: Random,
): void {
  if (candidates.length === 0) return;
  const pieces = piecesOf(candidates, granularity);
  const order = random.permutation(pieces.count);
  const rows = new Map<Candidate, number[]>();
  const taken = new Set<number>();
  let left = budget;
  const scan = (isWanted: (layer: string | undefined) => boolean): void => {
    for (const index of order) {
      if (left < pieces.least) return;
      if (taken.has(index)) continue;
      const { candidates: members, row, size } = pieces.at(index);
      const { layer } = members[0]!;
      if (size > left || !isWanted(layer) || (layer !== undefined && draft.in(layer) + size > most)) continue;
      left -= size;
      taken.add(index);
      for (const member of members) {
        draft.add(member, row === undefined ? member.size : member.width);
        if (row === undefined || member.rows === 1) draft.whole.add(member);
        else (rows.get(member) ?? rows.set(member, []).get(member)!).push(row);
      }
    }
  };
  if (least > 0) scan((layer) => layer !== undefined && draft.in(layer) < least);
  scan(() => true);
  for (const [candidate, list] of rows) {
    if (list.length === candidate.rows) draft.whole.add(candidate);
    else draft.rows.set(candidate, Int32Array.from(list).sort());
  }
}

/** Places of a candidate that are not taken, from and to. */
interface Segment {
  readonly candidate: Candidate;
  readonly from: number;
  readonly size: number;
}

/** What is free, between the rows that are taken. Single scalars are drawn once for each list, and are not looked at. */
function segmentsOf(draft: Draft, candidates: readonly Candidate[]): Segment[] {
  return candidates.flatMap((candidate): Segment[] => {
    if (draft.whole.has(candidate) || draft.scalars.has(candidate)) return [];
    const segments: Segment[] = [];
    let from = 0;
    for (const row of draft.rows.get(candidate) ?? []) {
      const start = row * candidate.width;
      if (start > from) segments.push({ candidate, from, size: start - from });
      from = start + candidate.width;
    }
    if (from < candidate.size) segments.push({ candidate, from, size: candidate.size - from });
    return segments;
  });
}

/** Scalars that can still be taken. */
function roomOf(draft: Draft, candidates: readonly Candidate[], most: number): number {
  const segments = segmentsOf(draft, candidates);
  return [...byLayer(segments)].reduce(
    (sum, [layer, members]) =>
      sum + Math.min(sizeOfAll(members), layer === "" ? Number.POSITIVE_INFINITY : most - draft.in(layer)),
    0,
  );
}

const sizeOfAll = (segments: readonly Segment[]): number => segments.reduce((sum, { size }) => sum + size, 0);

function byLayer(segments: readonly Segment[]): Map<string, Segment[]> {
  const layers = new Map<string, Segment[]>();
  for (const segment of segments) {
    const layer = segment.candidate.layer ?? "";
    const members = layers.get(layer);
    if (members === undefined) layers.set(layer, [segment]);
    else members.push(segment);
  }
  return layers;
}

/** Takes single scalars, each free one with equal probability, as far as limits of layers let it. */
function chooseScalars(
  draft: Draft,
  candidates: readonly Candidate[],
  budget: number,
  bounds: Bounds,
  random: Random,
): void {
  if (budget <= 0) return;
  const segments = segmentsOf(draft, candidates);
  if (bounds.least === 0 && bounds.most === Number.POSITIVE_INFINITY) {
    takeScalars(draft, segments, budget, random);
    return;
  }
  const layers = byLayer(segments);
  const count = Math.min(budget, roomOf(draft, candidates, bounds.most));
  for (const [layer, own] of countsOfLayers(draft, layers, count, bounds, random.at("layers")))
    takeScalars(draft, layers.get(layer)!, own, random.at("of").at(layer));
}

/** How many scalars each layer gets: what it must have, then where uniform draws fall, until none lies beyond a limit. */
function countsOfLayers(
  draft: Draft,
  layers: ReadonlyMap<string, readonly Segment[]>,
  budget: number,
  { least, most }: Bounds,
  random: Random,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const room = new Map<string, number>();
  let left = budget;
  for (const [layer, segments] of layers) {
    const limit = layer === "" ? Number.POSITIVE_INFINITY : most - draft.in(layer);
    room.set(layer, Math.min(limit, sizeOfAll(segments)));
    const needed = layer === "" ? 0 : Math.max(0, Math.min(least - draft.in(layer), room.get(layer)!));
    counts.set(layer, needed);
    left -= needed;
  }
  if (left < 0)
    throw new ConfigError({
      message: `arbitrary: a count of ${budget} is too small for "minPerLayer" ${least} in each of ${layers.size - Number(layers.has(""))} layers`,
      count: budget,
    });
  for (let round = 0; left > 0; round++) {
    const open = [...layers.keys()].filter((layer) => counts.get(layer)! < room.get(layer)!);
    const sizes = open.map((layer) => sizeOfAll(layers.get(layer)!) - counts.get(layer)!);
    const drawn = drawDistinct(
      left,
      sizes.reduce((sum, size) => sum + size, 0),
      random.at(round),
    );
    let [position, start] = [0, 0];
    for (const [i, layer] of open.entries()) {
      const from = position;
      while (position < drawn.length && drawn[position]! < start + sizes[i]!) position++;
      const given = Math.min(position - from, room.get(layer)! - counts.get(layer)!);
      counts.set(layer, counts.get(layer)! + given);
      left -= given;
      start += sizes[i]!;
    }
  }
  return counts;
}

/** Takes `count` of the places in the segments, each with equal probability. */
function takeScalars(draft: Draft, segments: readonly Segment[], count: number, random: Random): void {
  if (count === 0) return;
  const drawn = drawDistinct(count, sizeOfAll(segments), random);
  const parts = new Map<Candidate, Int32Array[]>();
  let [position, start] = [0, 0];
  for (const { candidate, from, size } of segments) {
    const first = position;
    while (position < drawn.length && drawn[position]! < start + size) position++;
    if (position > first) {
      const offset = from - start;
      const list = parts.get(candidate) ?? [];
      list.push(Int32Array.from(drawn.subarray(first, position), (place) => place + offset));
      parts.set(candidate, list);
    }
    start += size;
  }
  for (const [candidate, lists] of parts) {
    const places = lists.length === 1 ? lists[0]! : joined(lists);
    draft.add(candidate, places.length);
    if (places.length === candidate.size) draft.whole.add(candidate);
    else draft.scalars.set(candidate, places);
  }
}

function joined(lists: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(lists.reduce((sum, { length }) => sum + length, 0));
  let from = 0;
  for (const list of lists) {
    all.set(list, from);
    from += list.length;
  }
  return all;
}
