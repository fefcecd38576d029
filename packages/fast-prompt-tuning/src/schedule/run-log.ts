/** What a run in stages keeps beside the checkpoints of its stages, so that it resumes where it was. */
import { ConfigError, type Files, FormatError, hasFile, readJson } from "@cambium/base";
import * as z from "zod";
import type { GrowthPoint } from "./growth-rule.ts";

/** What was spent up to a checkpoint, which keeps it. */
export interface Spent {
  /** Operations. */
  readonly flops: number;
  /** Wall clock, the making of parts and of graphs included. */
  readonly elapsedMs: number;
  /** Operations of the same steps on the whole model. */
  readonly wholeFlops: number;
}

/** The state of a run in stages. */
export interface RunLog {
  /** The stages as they were planned and what ends them early, as JSON: another plan would take stages up where they did not end. */
  readonly plan: string;
  /** Steps after which stages ended, in their order; the one under way is not among them. */
  ended: number[];
  /** Evaluations of the stage under way. */
  history: GrowthPoint[];
}

const FILE = "stages.json";
const number = z.number();
/** Numbers that JSON does not have are texts in the file. */
const metric = z.union([number, z.enum(["NaN", "Infinity", "-Infinity"]).transform(Number)]);
const schema = z.strictObject({
  format: z.literal("cambium stages"),
  version: z.literal(2),
  plan: z.string(),
  ended: z.array(number),
  history: z.array(z.strictObject({ step: number, flops: number, metrics: z.record(z.string(), metric) })),
});

/**
 * Reads the log of a folder, or begins one.
 *
 * @throws {ConfigError} When it is of another plan.
 */
export async function readLog(files: Files | undefined, plan: string): Promise<RunLog> {
  if (files === undefined || !(await hasFile(files, FILE))) return { plan, ended: [], history: [] };
  const parsed = schema.safeParse(await readJson(files, FILE));
  if (!parsed.success)
    throw new FormatError({
      message: `runFastPromptTuning: ${FILE} in ${files.location} is no log of stages; choose another folder`,
    });
  const { ended, history } = parsed.data;
  if (parsed.data.plan !== plan)
    throw new ConfigError({
      message: `runFastPromptTuning: the checkpoint in ${files.location} is of the plan ${parsed.data.plan}, and this run's is ${plan}; choose another folder, or restore the plan`,
    });
  return { plan, ended, history };
}

/** Writes it, whole or not at all. */
export async function writeLog(files: Files | undefined, log: RunLog): Promise<void> {
  const toText = (_: string, value: unknown): unknown =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  await files?.write(FILE, JSON.stringify({ format: "cambium stages", version: 2, ...log }, toText));
}

/** The files of a folder whose names begin with `<name>/`, as a folder. */
export function inFolder(files: Files, name: string): Files {
  const inside = `${name}/`;
  return {
    location: `${files.location}/${name}`,
    list: async () =>
      (await files.list()).flatMap(({ name: path, sizeBytes }) =>
        path.startsWith(inside) ? [{ name: path.slice(inside.length), sizeBytes }] : [],
      ),
    read: (path, range) => files.read(inside + path, range),
    write: (path, content) => files.write(inside + path, content),
    remove: (path) => files.remove(inside + path),
  };
}
