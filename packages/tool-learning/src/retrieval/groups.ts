import type { ToolDocument } from "./tool-document.ts";

/** Which tools belong together: a number for each tool, -1 for one that stands alone. */
export interface Groups {
  readonly count: number;
  readonly of: Int32Array;
}

/** The groups of documents. */
export function groupsOf(documents: readonly ToolDocument[]): Groups {
  const numbers = new Map<string, number>();
  const of = Int32Array.from(documents, ({ group }) => {
    if (group === undefined) return -1;
    const number = numbers.get(group) ?? numbers.size;
    numbers.set(group, number);
    return number;
  });
  return { count: numbers.size, of };
}

/** Adds a part of the score of the best tool of a group to every other that has a score. */
export function addGroups({ count, of }: Groups, scores: Float64Array, weight: number): void {
  if (weight === 0 || count === 0) return;
  const best = new Float64Array(count);
  for (let i = 0; i < scores.length; i++) {
    const group = of[i]!;
    if (group >= 0 && scores[i]! > best[group]!) best[group] = scores[i]!;
  }
  for (let i = 0; i < scores.length; i++) {
    const group = of[i]!;
    if (group >= 0 && scores[i]! > 0) scores[i]! += weight * best[group]!;
  }
}
