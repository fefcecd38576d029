/** The result of one run as a file: written whole or not at all, and recognised when it was damaged afterwards. */
import { join } from "node:path";
import { canonicalJson, type Files, FormatError, folder, type JsonObject, sha256 } from "@cambium/base";
import * as z from "zod";
import { identityOf, keyOf, type Run, type StudyIdentity } from "./grid.ts";

/** What came of a run. */
export type Outcome =
  | { readonly status: "done"; readonly result: JsonObject }
  | { readonly status: "failed"; readonly message: string };

/** What is kept of a run. */
export type RunRecord = Outcome & {
  readonly key: string;
  /** What the result depends on. */
  readonly of: JsonObject;
  readonly durationMs: number;
  /** When it ended, in ISO 8601. */
  readonly endedAt: string;
  /** The machine's name. */
  readonly machine: string;
};

const schema = z.looseObject({
  format: z.literal("cambium-run-1"),
  key: z.string(),
  of: z.looseObject({}),
  durationMs: z.number(),
  endedAt: z.string(),
  machine: z.string(),
  checksum: z.string(),
});
const outcome = z.union([
  z.looseObject({ status: z.literal("done"), result: z.looseObject({}) }),
  z.looseObject({ status: z.literal("failed"), message: z.string() }),
]);

/** A metric of a run that has a result with it. */
export function metricOf(record: RunRecord | undefined, metric: string): number | undefined {
  const value = record?.status === "done" ? record.result[metric] : undefined;
  return typeof value === "number" ? value : undefined;
}

/** The record of a run that has just ended. */
export function createRecord(
  study: StudyIdentity,
  run: Run,
  outcome: Outcome,
  about: Pick<RunRecord, "durationMs" | "endedAt" | "machine">,
): RunRecord {
  return { ...outcome, key: run.key, of: JSON.parse(identityOf(study, run)), ...about };
}

/** The folder of results below a study's. */
export const recordFolder = (path: string): Files => folder(join(path, "runs"));

/** Name of the file that holds a run's result. */
export const recordName = (key: string): string => `${key}.json`;

/** The run whose result a file holds, or `undefined` when it is another kind of file. */
export function keyOfName(name: string): string | undefined {
  return /^([0-9a-f]{32})\.json$/.exec(name)?.[1];
}

/** Writes a record whole or not at all. */
export async function writeRecord(files: Files, record: RunRecord): Promise<void> {
  const content = { format: "cambium-run-1", ...record };
  const checksum = sha256(canonicalJson(content));
  await files.write(recordName(record.key), `${JSON.stringify({ ...content, checksum }, null, 1)}\n`);
}

/**
 * The record in a file.
 *
 * @throws {FormatError} When it is not what was written: truncated, edited, of another name; says what is wrong.
 */
export async function readRecord(files: Files, key: string): Promise<RunRecord> {
  const name = recordName(key);
  const bytes = await files.read(name);
  const refuse = (problem: string, cause?: unknown): never => {
    throw new FormatError({
      message: `readRecord: "${name}" in ${files.location} ${problem}; remove it, and the run is done again`,
      name,
      problem,
      cause,
    });
  };
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    return refuse(bytes.length === 0 ? "is empty" : "is not JSON", cause);
  }
  const head = schema.safeParse(value);
  const body = outcome.safeParse(value);
  if (!head.success || !body.success) return refuse("is no result of a run");
  const { format: _, checksum, ...record } = value as z.output<typeof schema> & Outcome;
  if (sha256(canonicalJson({ format: "cambium-run-1", ...record })) !== checksum)
    return refuse("was changed after it was written");
  if (keyOf(canonicalJson(record.of)) !== key) return refuse("holds the result of another run");
  return record as RunRecord;
}
