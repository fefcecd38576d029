import type { Json } from "@cambium/base";

/** Cells of the table of common lines; beyond it the rest counts as changed. */
const LARGEST_TABLE = 4_000_000;
/** Lines of context round a change. */
const CONTEXT = 2;

/** A JSON value as lines, with the lines of its texts as separate lines. */
export function linesOf(value: Json): string[] {
  const text = JSON.stringify(value, null, 1);
  return text.replace(/\\n/g, "\n").split("\n");
}

/** How alike two lists of lines are: 1 for equal ones, 0 for those without a common line. `O(a + b)`. */
export function similarity(a: readonly string[], b: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const line of a) counts.set(line, (counts.get(line) ?? 0) + 1);
  let common = 0;
  for (const line of b) {
    const left = counts.get(line) ?? 0;
    if (left === 0) continue;
    counts.set(line, left - 1);
    common += 1;
  }
  return (2 * common) / (a.length + b.length);
}

/** Lengths of the longest common subsequences of the ends of two lists: row-major, `[a + 1, b + 1]`. */
function commonTable(a: readonly string[], b: readonly string[]): Uint32Array {
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const at = i * width + j;
      table[at] = a[i] === b[j] ? table[at + width + 1]! + 1 : Math.max(table[at + width]!, table[at + 1]!);
    }
  }
  return table;
}

/** Lines as they stay (` `), go (`-`) and come (`+`). */
function diffMiddle(a: readonly string[], b: readonly string[]): string[] {
  if (a.length * b.length > LARGEST_TABLE) return [...a.map((line) => `-${line}`), ...b.map((line) => `+${line}`)];
  const table = commonTable(a, b);
  const width = b.length + 1;
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push(` ${a[i++]}`);
      j += 1;
    } else if (j >= b.length || (i < a.length && table[(i + 1) * width + j]! >= table[i * width + j + 1]!)) {
      lines.push(`-${a[i++]}`);
    } else lines.push(`+${b[j++]}`);
  }
  return lines;
}

/** The lines that differ, with a little context: `-` what `a` has, `+` what `b` has. */
export function diffLines(a: readonly string[], b: readonly string[]): string[] {
  let start = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const all = [
    ...a.slice(0, start).map((line) => ` ${line}`),
    ...diffMiddle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...a.slice(a.length - end).map((line) => ` ${line}`),
  ];
  const isNear = (at: number): boolean =>
    all.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some((line) => !line.startsWith(" "));
  return all.filter((_, at) => isNear(at));
}
