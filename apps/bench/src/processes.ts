import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Runs a program to its end, prints its last line and returns it parsed. */
export function runToLine<Row>(command: string, parameters: readonly string[]): Row {
  const { status, stdout, stderr } = spawnSync(command, parameters, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${parameters.join(" ")} failed:\n${stderr}`);
  const line = stdout.trim().split("\n").at(-1)!;
  console.log(line);
  return JSON.parse(line) as Row;
}

/** Runs a program of this folder in a process of its own. */
export const runHere = <Row>(file: string, parameters: readonly string[]): Row =>
  runToLine<Row>(process.execPath, [...process.execArgv, fileURLToPath(new URL(file, import.meta.url)), ...parameters]);

/** Median, least and greatest of some ratios, to three places. */
export function spreadOf(numbers: readonly number[]): { median: number; min: number; max: number } {
  const sorted = numbers.map((x) => Number(x.toFixed(3))).sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1]!, min: sorted[0]!, max: sorted.at(-1)! };
}
