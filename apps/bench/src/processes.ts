import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Runs a program to its end, prints its JSON lines, and returns them parsed. What it says on stderr goes to ours. */
export function runToLines<Row>(command: string, parameters: readonly string[]): Row[] {
  const { status, signal, stdout } = spawnSync(command, parameters, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${command} ${parameters.join(" ")} ended with ${signal ?? `status ${status}`}`);
  const lines = stdout.split("\n").filter((line) => line.startsWith("{")); // libraries print greetings, too
  for (const line of lines) console.log(line);
  return lines.map((line) => JSON.parse(line) as Row);
}

/** Runs a program to its end, prints its lines, and returns the last one parsed. */
export const runToLine = <Row>(command: string, parameters: readonly string[]): Row =>
  runToLines<Row>(command, parameters).at(-1)!;

/** Command and first parameters that run a program of this folder in its own process. */
const here = (file: string): string[] => [...process.execArgv, fileURLToPath(new URL(file, import.meta.url))];

/** Runs a program of this folder in its own process, as `runToLines`. */
export const runLinesHere = <Row>(file: string, parameters: readonly string[]): Row[] =>
  runToLines<Row>(process.execPath, [...here(file), ...parameters]);

/** Runs a program of this folder in its own process, as `runToLine`. */
export const runHere = <Row>(file: string, parameters: readonly string[]): Row =>
  runToLine<Row>(process.execPath, [...here(file), ...parameters]);

/** Path of a file beside `src`. */
export const pathOf = (file: string): string => fileURLToPath(new URL(`../${file}`, import.meta.url));

/** Median, least and greatest of some numbers, to three places. */
export function spreadOf(numbers: readonly number[]): { median: number; min: number; max: number } {
  const sorted = numbers.map((x) => Number(x.toFixed(3))).sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1]!, min: sorted[0]!, max: sorted.at(-1)! };
}
