/** An old tuned model, the new one under the same head, and rows for both. */

import type { Files } from "@cambium/base";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { adapterHead, attach, loadAdapter, type Tuned } from "@cambium/delta";
import {
  collate,
  type HeadConfig,
  inspectModel,
  type LanguageModel,
  loadModel,
  loadTokenizer,
  type TokenBatch,
  type Tokenizer,
} from "@cambium/models";
import {
  type Compatibility,
  checkCompatibility,
  fingerprintModel,
  type Lineage,
  loadLineage,
} from "@cambium/recycling";
import { split } from "@cambium/tasks";
import { type Batches, batches } from "@cambium/train";
import { type Io, UseError } from "../io.ts";
import { modelFiles } from "../models/source.ts";
import { openTableFor, saySkipped } from "../models/table.ts";

/** What was opened. */
export interface OpenedVersions {
  readonly old: Tuned<LanguageModel>;
  readonly newBase: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly compatibility: Compatibility;
  /** What both models are called in lineages. */
  readonly models: readonly [old: string, current: string];
  /** Frees all of it. */
  dispose(): void;
}

/**
 * Opens an adapter on the model that it was made for, and the new model under the adapter's head.
 *
 * @param labels - Of an adapter whose file does not say them, in the order in which it was trained.
 * @throws {UseError} When there is no head, the tokenizers differ, or the adapter does not fit the new model.
 */
export async function openVersions(
  io: Io,
  verb: string,
  names: { readonly old: string; readonly current: string },
  adapter: string | Files,
  labels: readonly string[] | undefined,
): Promise<OpenedVersions> {
  const [before, after] = [modelFiles(io, verb, names.old), modelFiles(io, verb, names.current)];
  const stored = await headOf(adapter);
  if (stored !== undefined && labels !== undefined)
    throw new UseError(`${verb}: the adapter says its labels itself; leave out --labels`);
  const head: HeadConfig | undefined =
    stored ??
    (labels === undefined ? undefined : { kind: "sequence-classification", labels }) ??
    (await inspectModel(before)).head;
  if (head === undefined)
    throw new UseError(
      `${verb}: neither the adapter nor the model says what its labels are; give --labels, in the order of its training`,
    );
  const tokenizers = [await loadTokenizer(before), await loadTokenizer(after)] as const;
  if (tokenizers[0].fingerprint !== tokenizers[1].fingerprint)
    throw new UseError(
      `${verb}: ${names.old} and ${names.current} have different tokenizers, so that no number of the adapter means the same; let the old model label texts (cambium predict) and tune on these`,
    );
  const owned: Parameters[] = [];
  const dispose = (): void => {
    for (const tree of owned.splice(0)) disposeParameters(tree);
  };
  try {
    const base = await loadModel(before, { head, random: random(0) });
    owned.push(base.parameters);
    const newBase = await loadModel(after, { head, random: random(0) });
    owned.push(newBase.parameters);
    const delta = await loadAdapter(base, adapter);
    owned.push(delta.parameters, delta.buffers, delta.state);
    const old = attach(base, delta);
    const known = [await loadLineage(before), await loadLineage(after)] as const;
    const lineages = known.filter((each): each is Lineage => each !== undefined);
    const models = [
      known[0]?.model ?? (await fingerprintModel(base)),
      known[1]?.model ?? (await fingerprintModel(newBase)),
    ] as const;
    const compatibility = await checkCompatibility(old, newBase, { lineages, models, tokenizers });
    if (compatibility.verdict === "incompatible")
      throw new UseError(`${verb}: the adapter does not fit ${names.current}: ${compatibility.problems.join("; ")}`);
    return { old, newBase, tokenizer: tokenizers[1], compatibility, models, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** The head that an adapter's file says, where it is of a form that says one. */
async function headOf(adapter: string | Files): Promise<HeadConfig | undefined> {
  try {
    return await adapterHead(adapter);
  } catch (error) {
    // Adapters of other programs than PEFT have their weights under other names; loadAdapter knows them.
    if ((error as { readonly code?: string }).code === "FILE") return undefined;
    throw error;
  }
}

/** Flags that say which rows are learned from and judged by. */
export interface RowFlags {
  readonly text?: string;
  readonly pair?: string;
  readonly label?: string;
  readonly batch: number;
  readonly maxLength: number;
  readonly seed: number;
}

/** Rows to learn from, and others to judge by. */
export interface OpenedRows {
  readonly train: Batches<TokenBatch>;
  readonly dev: Batches<TokenBatch>;
  readonly counts: { readonly train: number; readonly dev: number };
}

interface TextRow {
  readonly text: string;
  readonly label?: unknown;
}

/** Of a table without a second one, this share is held back. */
const HELD_BACK = 0.25;

/**
 * Reads the rows of a table for a model; without a table of its own, a quarter of them is held back to judge by.
 *
 * @throws {UseError} For labels that the head does not have.
 */
export async function openRows(
  io: Io,
  verb: string,
  { newBase, tokenizer }: Pick<OpenedVersions, "newBase" | "tokenizer">,
  table: string,
  dev: string | undefined,
  flags: RowFlags,
): Promise<OpenedRows> {
  const key = random(flags.seed);
  const read = async (file: string) => {
    const opened = await openTableFor(verb, file, newBase.head, flags);
    saySkipped(io, opened);
    return opened.rows.map(({ row: _, group: __, ...row }) => row);
  };
  const all = await read(table);
  const parts =
    dev === undefined
      ? split(all as TextRow[], { parts: { dev: HELD_BACK, train: "rest" }, random: key.at("split") })
      : { train: all, dev: await read(dev) };
  const toBatch = collate(newBase, tokenizer, { maxLength: flags.maxLength });
  const batchesOf = (rows: readonly object[], options: object): Batches<TokenBatch> =>
    batches(rows as never, toBatch as never, { size: flags.batch, ...options }) as Batches<TokenBatch>;
  return {
    train: batchesOf(parts.train, { random: key.at("order") }),
    dev: batchesOf(parts.dev, {}),
    counts: { train: parts.train.length, dev: parts.dev.length },
  };
}
