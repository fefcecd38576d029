import { ConfigError, FormatError, type Json } from "@cambium/base";
import * as z from "zod";
import type { Results } from "./results.ts";

/** What was run: enough to run it again, and to refuse rows of another run. */
export interface Manifest {
  readonly version: 1;
  readonly method: string;
  readonly settings: Json;
  readonly graders: readonly string[];
  readonly sample: number;
  /** Groups beside `subject` and `level`, each with its known values in order. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

const schema = z.looseObject({
  version: z.literal(1),
  method: z.string(),
  settings: z.json(),
  graders: z.array(z.string()).min(1),
  sample: z.int(),
  groups: z.record(z.string(), z.array(z.string())),
});

/** The manifest of kept results, if they have one. */
export async function readManifest(results: Results): Promise<Manifest | undefined> {
  const text = await results.manifest();
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text)) as Manifest;
  } catch (cause) {
    throw new FormatError({
      message: "results: the manifest is not one of this package, or of another version; use another folder",
      cause,
    });
  }
}

/** Paths at which two JSON values differ. */
function differences(a: unknown, b: unknown, path = ""): string[] {
  if (JSON.stringify(a) === JSON.stringify(b)) return [];
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject(a) || !isObject(b)) return [`${path}: ${JSON.stringify(a)} before, ${JSON.stringify(b)} now`];
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return keys.flatMap((key) => differences(a[key], b[key], path === "" ? key : `${path}.${key}`));
}

/**
 * Writes the manifest of a new run, or checks that the results are those of the same run.
 *
 * @param caller - Function to name in the message.
 * @throws {ConfigError} When they belong to another run; names what differs.
 * @throws {FormatError} When they are of another version.
 */
export async function settleManifest(caller: string, results: Results, manifest: Manifest): Promise<void> {
  const before = await readManifest(results);
  if (before === undefined) return results.writeManifest(`${JSON.stringify(manifest, null, 2)}\n`);
  const found = differences(before, manifest);
  if (found.length === 0) return;
  throw new ConfigError({
    message: `${caller}: the results belong to another run (${found.join("; ")}); use another folder, or the same options`,
    differences: found,
  });
}
