/** Which model was trained on from which: a small file beside each model's folder, and what follows from several of them. */
import { type Files, FormatError, hasFile, openFiles, parseConfig, readJson } from "@cambium/base";
import { fingerprint } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import * as z from "zod";

/** Where a model comes from. */
export interface Lineage {
  /** Of the model, as `fingerprintModel` gives it. */
  readonly model: string;
  /** Of the model that it was trained on from, or null for one that began at random. */
  readonly parent: string | null;
  /** On what text. */
  readonly corpus: string;
  /** Steps of training since the parent. */
  readonly steps: number;
  /**
   * What the run of training is called, seed and all, where models of it were kept on the way: of two of one run and one parent, that of fewer steps is
   * an ancestor of the other. @default not known, and nothing follows
   */
  readonly run?: string;
}

const FILE = "lineage.json";
const FORMAT = "cambium-lineage";
const lineageSchema = z.strictObject({
  model: z.string().min(1),
  parent: z.string().min(1).nullable(),
  corpus: z.string(),
  steps: z.int().nonnegative(),
  run: z.string().min(1).exactOptional(),
});
const fileSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(1),
  ...lineageSchema.shape,
});

/**
 * A hash of a model's body: names and values of all weights that its file has below the head. Heads do not count, so that it is the
 * same under every head for which the body is the same; heads on tokens leave out a pooler, which `lineage.json` counts: there take
 * the model that was loaded without a head.
 *
 * Weights that are stored in 16 bits are those of the file: take it of a model that was loaded from its folder, not of the one that was
 * saved there.
 */
export async function fingerprintModel(
  model: Pick<LanguageModel, "parameters" | "isBody"> & Partial<Pick<LanguageModel, "created">>,
): Promise<string> {
  const { created = [] } = model;
  return fingerprint(new Map([...model.parameters].filter(([name]) => model.isBody(name) && !created.includes(name))));
}

/**
 * Writes `lineage.json` into a model's folder.
 *
 * @param to - The folder: a path, or any `Files`.
 * @throws {ConfigError} For keys that there are not, and values that cannot be meant.
 * @example
 * const model = await fingerprintModel(await loadModel("models/v2"));
 * await saveLineage("models/v2", { model, parent, corpus: "mail", steps: 4000 });
 */
export async function saveLineage(to: string | Files, lineage: Lineage): Promise<void> {
  const about = { format: FORMAT, version: 1, ...parseConfig("saveLineage", lineageSchema, lineage) };
  await openFiles(to).write(FILE, `${JSON.stringify(about, null, 1)}\n`);
}

/**
 * Reads the lineage of a model's folder.
 *
 * @returns Undefined where the folder has none.
 * @throws {FormatError} When the file is no lineage of version 1.
 */
export async function loadLineage(from: string | Files): Promise<Lineage | undefined> {
  const files = openFiles(from);
  if (!(await hasFile(files, FILE))) return undefined;
  try {
    const { format: _, version: __, ...lineage } = parseConfig("loadLineage", fileSchema, await readJson(files, FILE));
    return lineage;
  } catch (cause) {
    throw new FormatError({
      message: `loadLineage: ${FILE} in ${files.location} is no lineage of version 1: ${(cause as Error).message}`,
      cause,
    });
  }
}

/**
 * The way from an older model to a newer one, the first step after the older one first. Where the older one was kept on the way of a run, the first
 * step is the rest of that run, with the older one as its parent.
 *
 * @param lineages - Of all models that are known, in any order.
 * @returns Undefined where the newer one does not descend from the older one, as far as is known; empty for one and the same.
 */
export function pathBetween(
  older: string,
  newer: string,
  lineages: readonly Lineage[],
): readonly Lineage[] | undefined {
  const steps: Lineage[] = [];
  const start = lineages.find(({ model }) => model === older);
  for (let at = newer; at !== older; ) {
    const step = lineages.find(({ model }) => model === at);
    if (start !== undefined && step !== undefined && isEarlier(start, step))
      return [{ ...step, parent: older, steps: step.steps - start.steps }, ...steps];
    // A circle has more steps than there are lineages.
    if (step?.parent == null || steps.length >= lineages.length) return undefined;
    steps.unshift(step);
    at = step.parent;
  }
  return steps;
}

/** Whether two models were kept in one run, the first one of them earlier. Equal corpora do not say so: runs of other seeds have them too. */
const isEarlier = (first: Lineage, second: Lineage): boolean =>
  first.run !== undefined && first.run === second.run && first.parent === second.parent && first.steps < second.steps;
