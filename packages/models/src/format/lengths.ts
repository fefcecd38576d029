/**
 * Parts of patterns that know how long their strings can be, and can be held to fewer lengths. Where one part varies, what is left are all
 * strings within the bounds; where several do, each gets its share of the characters, so that some strings are left out, and none is wrong.
 */
import { choiceOf, type Expression, nothing, optional, repeat, sequenceOf } from "./expression.ts";

/** A part of a pattern. Lengths are in characters. */
export interface Part {
  readonly least: number;
  /** `Infinity` where there is no end. */
  readonly most: number;
  /** Strings of at least `low` and at most `high` characters; nothing where none was found. */
  within(low: number, high: number): Expression | undefined;
}

/** A part: whole where its lengths are within the bounds, else `cut` to them. */
function part(
  least: number,
  most: number,
  whole: Expression,
  cut: (low: number, high: number) => Expression | undefined,
): Part {
  return {
    least,
    most,
    within(low, high) {
      if (least > high || most < low) return undefined;
      return low <= least && most <= high ? whole : cut(low, high);
    },
  };
}

/** The expression of a part in all its lengths. */
const wholeOf = ({ within }: Part): Expression => within(0, Number.POSITIVE_INFINITY)!;

/** One character. */
export const one = (character: Expression): Part => part(1, 1, character, () => undefined);

export const anyOf = (options: readonly Part[]): Part =>
  part(
    Math.min(...options.map(({ least }) => least)),
    Math.max(...options.map(({ most }) => most)),
    choiceOf(options.map(wholeOf)),
    (low, high) => {
      const fitting = options.flatMap((option) => option.within(low, high) ?? []);
      return fitting.length === 0 ? undefined : choiceOf(fitting);
    },
  );

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Parts one after the other. */
export function inRow(parts: readonly Part[]): Part {
  const least = sum(parts.map((each) => each.least));
  const most = sum(parts.map((each) => each.most));
  return part(least, most, sequenceOf(parts.map(wholeOf)), (low, high) => {
    const bounds = parts.map((each) => [each.least, each.least] as [low: number, high: number]);
    // Those that vary least first, so that what they do not need is left to the others.
    const byRange = parts
      .map((_, i) => i)
      .sort((a, b) => parts[a]!.most - parts[a]!.least - parts[b]!.most + parts[b]!.least || a - b);
    let spare = high - least;
    for (const [place, i] of byRange.entries()) {
      const range = parts[i]!.most - parts[i]!.least;
      const share = Math.min(range, Math.floor(spare / (parts.length - place)));
      bounds[i]![1] += share;
      if (share !== Number.POSITIVE_INFINITY) spare -= share;
    }
    let missing = low - least;
    for (const i of byRange.toReversed()) {
      const [from, to] = bounds[i]!;
      const more = Math.max(0, Math.min(to - from, missing));
      bounds[i]![0] += more;
      missing -= more;
    }
    const cut = parts.map((each, i) => each.within(...bounds[i]!));
    return cut.includes(undefined) ? undefined : sequenceOf(cut as Expression[]);
  });
}

/** Without "not a number" where nothing is repeated for ever. */
const times = (count: number, length: number): number => (count === 0 || length === 0 ? 0 : count * length);

/** A part several times; one that may be empty at most once. */
export function several(body: Part, min: number, max: number): Part {
  const { least, most } = body;
  return part(times(min, least), times(max, most), repeat(wholeOf(body), min, max), (low, high) => {
    if (max === 1) {
      const cut = body.within(low, high) ?? (min === 0 && low === 0 ? nothing : undefined);
      return min === 0 && low === 0 && cut !== undefined && cut !== nothing ? optional(cut) : cut;
    }
    if (least === most) {
      const [from, to] = [Math.max(min, Math.ceil(low / least)), Math.min(max, Math.floor(high / least))];
      return from > to ? undefined : repeat(wholeOf(body), from, to);
    }
    // Some repetitions of some length: as many as they may be long.
    const fitting = Math.min(max, Math.floor(high / least));
    const full = Math.floor(high / most);
    const balanced = Math.floor(Math.sqrt(high / least));
    const to = high === Number.POSITIVE_INFINITY ? max : Math.max(min, Math.min(fitting, Math.max(full, balanced)));
    if (to === 0) return low === 0 ? nothing : undefined;
    const from = Math.min(to, Math.max(min, Math.ceil(low / least)));
    const longest = high === Number.POSITIVE_INFINITY ? most : Math.floor(high / to);
    const cut = body.within(Math.max(least, Math.ceil(low / Math.max(1, from))), longest);
    return cut && repeat(cut, from, to);
  });
}
