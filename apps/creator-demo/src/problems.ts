import { createCreationProblems } from "@cambium/problem-families";
import type { Problem } from "@cambium/tool-learning";

/** Kinds of problems that come three times, so that a tool is used again and becomes verified. */
const THRICE = ["tieredCharge", "coveredLength"];

/** Kinds that come once. */
const ONCE = ["stepsToZero", "mixtureAfter", "gridPaths", "evenSplit"];

/** Ten word problems without hints, or four. Their numbers are drawn from the seed. */
export function chooseProblems(seed: number, quick: boolean): readonly Problem[] {
  const all = createCreationProblems(seed).map(({ hints: _, ...problem }): Problem => problem);
  const some = (kind: string, count: number): readonly Problem[] =>
    all.filter(({ subject }) => subject === kind).slice(0, count);
  const chosen = [...THRICE.flatMap((kind) => some(kind, 3)), ...ONCE.flatMap((kind) => some(kind, 1))];
  return quick ? [...chosen.slice(0, 3), chosen.at(-1)!] : chosen;
}
