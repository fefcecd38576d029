import { excerptOf } from "../tools/hostile.ts";

const written = (value: unknown): string => excerptOf(JSON.stringify(value) ?? "nothing", 300);

/**
 * What differs between two JSON values, a line for each place: `description: "Adds." is now "Adds. <IMPORTANT>"`. The order of
 * keys does not count.
 *
 * @param most - Lines that are written. @default 50
 */
export function differenceOf(before: unknown, now: unknown, most = 50): readonly string[] {
  const lines: string[] = [];
  function compare(a: unknown, b: unknown, path: string): void {
    if (lines.length >= most || Object.is(a, b)) return;
    const at = path === "" ? "the whole" : path;
    const areObjects = [a, b].every((value) => typeof value === "object" && value !== null);
    if (a === undefined) lines.push(`${at}: ${written(b)} is new`);
    else if (b === undefined) lines.push(`${at}: ${written(a)} is gone`);
    else if (areObjects && Array.isArray(a) === Array.isArray(b)) {
      const [x, y] = [a, b] as [Record<string, unknown>, Record<string, unknown>];
      for (const key of new Set([...Object.keys(x), ...Object.keys(y)])) {
        compare(own(x, key), own(y, key), Array.isArray(a) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`);
      }
    } else lines.push(`${at}: ${written(a)} is now ${written(b)}`);
  }
  compare(before, now, "");
  return lines;
}

const own = (value: Record<string, unknown>, key: string): unknown =>
  Object.hasOwn(value, key) ? value[key] : undefined;
