/** Cuts stretches of text into pieces, and decides what becomes of the places where they are cut. */
import { type Aligned, slice } from "./aligned.ts";
import type { CharacterClass } from "./characters.ts";
import type { Match } from "./pattern.ts";

/** What becomes of a match: it goes, stands alone, joins its neighbour, or joins matches beside it. */
export const behaviors = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;

/** One of `behaviors`. */
export type Behavior = (typeof behaviors)[number];

type Range = readonly [start: number, end: number];

/** Ranges of matches and what is between them, joined as a behavior says. */
export function rangesOf(matches: readonly Match[], behavior: Behavior): Range[] {
  const ranges: [number, number][] = [];
  let previous = false;
  switch (behavior) {
    case "Removed":
      return matches.filter(({ isMatch }) => !isMatch).map(({ start, end }) => [start, end]);
    case "Isolated":
      return matches.map(({ start, end }) => [start, end]);
    case "MergedWithNext": {
      for (const { start, end, isMatch } of matches.toReversed()) {
        const next = ranges.at(-1);
        if (isMatch && !previous && next !== undefined) next[0] = start;
        else ranges.push([start, end]);
        previous = isMatch;
      }
      return ranges.reverse();
    }
    default: {
      for (const { start, end, isMatch } of matches) {
        const last = ranges.at(-1);
        const joins = behavior === "Contiguous" ? isMatch === previous : isMatch && !previous;
        if (joins && last !== undefined) last[1] = end;
        else ranges.push([start, end]);
        previous = isMatch;
      }
      return ranges;
    }
  }
}

/** Appends the parts of a stretch that hold anything. */
export function cutInto(whole: Aligned, ranges: readonly Range[], out: Aligned[]): void {
  for (const [start, end] of ranges) if (end > start) out.push(slice(whole, start, end));
}

/** Matches of single characters, one for each. */
export function characterMatches(text: string, isMatch: CharacterClass): Match[] {
  const found: Match[] = [];
  let before = 0;
  for (let start = 0; start < text.length; ) {
    const code = text.codePointAt(start)!;
    const end = start + (code > 0xffff ? 2 : 1);
    if (isMatch(code)) {
      if (start > before) found.push({ start: before, end: start, isMatch: false });
      found.push({ start, end, isMatch: true });
      before = end;
    }
    start = end;
  }
  if (before < text.length) found.push({ start: before, end: text.length, isMatch: false });
  return found;
}
