/** What `plan` measured, as it is kept for the page. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { markdownTable } from "./markdown.ts";

/** Runs and hours of one part. */
export interface PlannedPart {
  readonly name: string;
  readonly runs: number;
  /** Hours of one core; absent where no step could be measured. */
  readonly hours?: number;
}

export interface PlanFile {
  readonly date: string;
  readonly machine: string;
  readonly parts: readonly PlannedPart[];
}

const fileOf = (folder: string): string => join(folder, "plan.json");

/** The plan that `plan` kept, where it did. */
export async function readPlan(folder: string): Promise<PlanFile | undefined> {
  try {
    return JSON.parse(await readFile(fileOf(folder), "utf8")) as PlanFile;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Keeps a plan, together with the parts of an earlier one that this call was not asked for. */
export async function writePlan(folder: string, planned: readonly PlannedPart[]): Promise<readonly PlannedPart[]> {
  const names = planned.map(({ name }) => name);
  const before = (await readPlan(folder))?.parts.filter(({ name }) => !names.includes(name)) ?? [];
  const parts = [...before, ...planned];
  const machine = `${cpus()[0]!.model.trim()}, Node ${process.versions.node}, one thread a run`;
  const file: PlanFile = { date: new Date().toISOString().slice(0, 10), machine, parts };
  await mkdir(folder, { recursive: true });
  await writeFile(fileOf(folder), `${JSON.stringify(file, null, 1)}\n`);
  return parts;
}

/** The plan as a paragraph and a table. */
export function planText(
  name: string,
  plan: PlanFile | undefined,
  parts: readonly { readonly name: string }[],
): string {
  if (plan === undefined) return `The time that it takes has not been measured: \`pnpm study:${name} plan\`.`;
  const known = parts.flatMap((part) => plan.parts.find((each) => each.name === part.name) ?? []);
  const rows = parts.map((part) => {
    const own = known.find((each) => each.name === part.name);
    return [part.name, own?.runs ?? "–", own?.hours?.toFixed(2) ?? "not measured"];
  });
  const hours = known.reduce((sum, each) => sum + (each.hours ?? 0), 0);
  const isWhole = known.length === parts.length && known.every((each) => each.hours !== undefined);
  const all = ["all", known.reduce((sum, { runs }) => sum + runs, 0), hours.toFixed(2)];
  const total =
    hours === 0
      ? []
      : [
          `${isWhole ? "That is" : "The parts that were measured take"} ${(hours / 2).toFixed(1)} h on two cores that do not slow each other.`,
        ];
  return [
    `Planned on ${plan.date} by one measured step of each kind (${plan.machine}):`,
    markdownTable(["part", "runs, tuning included", "hours of one core"], parts.length === 1 ? rows : [...rows, all]),
    ...total,
  ].join("\n\n");
}
