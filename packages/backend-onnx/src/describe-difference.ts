import { ELEMENT_TYPES } from "./graph.ts";
import { MARK } from "./program.ts";

const typeNames = new Map<number, string>(Object.entries(ELEMENT_TYPES).map(([name, number]) => [number, name]));
const described = new Map<number, string>([
  [MARK.data, "input"],
  [MARK.number, "number"],
  [MARK.structure, "constant"],
]);

/** The values that a program's code describes, in order: what they are, their type and shape. */
function valuesOf(code: Int32Array): string[] {
  const values: string[] = [];
  for (let i = 0; i < code.length; i++) {
    const what = described.get(code[i]!);
    if (what === undefined) continue;
    const [mark, rank] = [code[i]!, code[i + 2]!];
    const shape = code.subarray(i + 3, i + 3 + rank);
    values.push(`${what} ${typeNames.get(code[i + 1]!)} [${shape.join()}]`);
    i += 2 + rank;
    // The elements of what decides shapes follow, which may look like marks.
    if (mark === MARK.structure) i += shape.reduce((size, dimension) => size * dimension, 1);
  }
  return values;
}

const countOf = (code: Int32Array): number =>
  code.reduce((count, item) => count + (item === MARK.operation ? 1 : 0), 0);

/** Why a program is a new one, in words: how it differs from the likest of those that are known. */
export function describeDifference(code: Int32Array, known: Iterable<Int32Array>): string {
  const operations = countOf(code);
  let likest: Int32Array | undefined;
  for (const other of known) {
    if (likest === undefined || Math.abs(countOf(other) - operations) <= Math.abs(countOf(likest) - operations))
      likest = other;
  }
  if (likest === undefined) return "the first program";
  const before = countOf(likest);
  if (before !== operations) return `${operations} operations, the likest program before had ${before}`;
  const [here, there] = [valuesOf(code), valuesOf(likest)];
  const changes = here.flatMap((value, i) => (value === there[i] ? [] : [`${there[i] ?? "nothing"} became ${value}`]));
  if (changes.length === 0) return "other operations or attributes than in a program of equal size";
  return `like a program before, but ${changes.slice(0, 3).join(", ")}${changes.length > 3 ? ` and ${changes.length - 3} more` : ""}`;
}
