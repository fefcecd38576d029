import { type Files, FormatError, type JsonObject, readJson } from "@cambium/base";
import * as z from "zod";
import type { Position } from "../data/groups-of-batches.ts";
import { digestText, type Fingerprint } from "./digest.ts";

/** The file whose renaming makes a checkpoint the current one. */
export const MANIFEST = "checkpoint.json";

const kinds = ["parameters", "state", "optimiser", "best", "best-state"] as const;

/** A checkpoint's files with tensors: the point, the objective's state, the optimiser's, and the best point so far. */
export type FileKind = (typeof kinds)[number];

/** The name of a file with the tensors of a step. */
export const fileName = (kind: FileKind, step: number): string => `${kind}-${step}.safetensors`;

/** Every name that a file with the tensors of a step may have. */
export const fileNames = (step: number): readonly string[] => kinds.map((kind) => fileName(kind, step));

/** Whether a file has such a name. */
export const isCheckpointFile = (name: string): boolean =>
  /^(parameters|state|optimiser|best|best-state)-\d+\.safetensors$/.test(name);

/** What a checkpoint holds besides tensors, and the files with its tensors. */
export interface Manifest {
  readonly format: "cambium-checkpoint";
  readonly version: 2;
  readonly step: number;
  readonly position: Position;
  /** Updates that the optimiser made, before the run as well. */
  readonly optimiserStep: number;
  readonly evaluationsSinceBest: number;
  readonly best: { readonly step: number; readonly value: number } | null;
  /** Every file that belongs to the folder, with what it must contain. */
  readonly files: Readonly<Record<string, Fingerprint>>;
  /** Steps whose parameters are in the folder, in order; the last one is current. */
  readonly kept: readonly number[];
  /** What the run depends on. */
  readonly run: JsonObject;
  /** What its steps so far depended on. */
  readonly taken: JsonObject;
  /** What the caller keeps with it. */
  readonly note?: JsonObject;
}

const count = z.int().nonnegative();
const objectSchema = z.custom<JsonObject>((value) => typeof value === "object" && value !== null);
const schema = z.strictObject({
  digest: z.string(),
  checkpoint: z.strictObject({
    format: z.literal("cambium-checkpoint"),
    version: z.literal(2),
    step: count,
    position: z.strictObject({ epoch: count, batch: count, fingerprint: z.string().exactOptional() }),
    optimiserStep: count,
    evaluationsSinceBest: count,
    best: z.strictObject({ step: count, value: z.number() }).nullable(),
    files: z.record(z.string(), z.strictObject({ sizeBytes: count, digest: z.string() })),
    kept: z.array(count),
    run: objectSchema,
    taken: objectSchema,
    note: objectSchema.exactOptional(),
  }),
});

/** A file that is damaged, and what can be done about it. */
export function damaged(files: Files, name: string, problem: string): FormatError {
  return new FormatError({
    message: `train: "${name}" in ${files.location} ${problem}; restore the folder from a copy, or remove it to start over`,
    name,
    location: files.location,
  });
}

/** Writes a manifest, with its own digest. From then on its checkpoint is the current one. */
export async function writeManifest(files: Files, manifest: Manifest): Promise<void> {
  const digest = await digestText(JSON.stringify(manifest));
  await files.write(MANIFEST, `${JSON.stringify({ digest, checkpoint: manifest }, null, 1)}\n`);
}

/**
 * The current manifest.
 *
 * @throws {FormatError} When it is damaged, or none at all.
 */
export async function readManifest(files: Files): Promise<Manifest> {
  const value = await readJson(files, MANIFEST);
  const { success, data } = schema.safeParse(value);
  if (!success) throw damaged(files, MANIFEST, "is no checkpoint of this version");
  // The order of keys counts, so that the digest is taken of the value as it was read.
  if ((await digestText(JSON.stringify((value as { checkpoint: unknown }).checkpoint))) !== data.digest) {
    throw damaged(files, MANIFEST, "was changed or damaged (its digest differs)");
  }
  return data.checkpoint;
}
