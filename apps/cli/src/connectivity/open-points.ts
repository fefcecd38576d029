/** Tuned models on one base, from folders of adapters or of whole models. */
import { hasFile, openFiles, readJson } from "@cambium/base";
import { disposeParameters, type Parameters, useBackend } from "@cambium/core";
import { adapterHead, attach, loadAdapter, merge, saveAdapter, type Tuned, whole } from "@cambium/delta";
import {
  type Collate,
  collate,
  inspectModel,
  type LanguageModel,
  loadModel,
  loadTokenizer,
  saveModel,
  type TokenBatch,
  type Tokenizer,
} from "@cambium/models";
import { type Batches, batches } from "@cambium/train";
import { type Command, InvalidArgumentError } from "commander";
import { parseCount } from "../commands/parse-count.ts";
import { type Io, UseError } from "../io.ts";
import { modelFiles } from "../models/source.ts";
import { openTable } from "../models/table.ts";

/** What was opened. */
export interface OpenedPoints {
  readonly base: LanguageModel;
  readonly tokenizer: Tokenizer;
  /** On that base, in the order of the folders. */
  readonly points: readonly Tuned<LanguageModel>[];
  /** Writes a point of the same kind. */
  save(point: Tuned<LanguageModel>, to: string): Promise<void>;
}

/** How folders are named on the command line, for `--help`. */
export const POINT_ARGUMENT = "folders of adapters on the model, or of whole models of its kind";

async function isModel(io: Io, verb: string, name: string): Promise<boolean> {
  if (name.endsWith(".gguf") || name.startsWith("sapling:")) return true;
  const files = openFiles(modelFiles(io, verb, name));
  // OpenDelta's adapters have a file of this name as well.
  return (
    (await hasFile(files, "config.json")) &&
    !Object.hasOwn(Object((await readJson(files, "config.json")) ?? {}), "delta_type")
  );
}

/**
 * Opens points on the fastest backend and disposes of them when the work is done.
 *
 * @throws {UseError} When some are adapters and others whole models, or there is no head to measure by.
 */
export async function withPoints(
  io: Io,
  verb: string,
  model: string,
  names: readonly string[],
  work: (opened: OpenedPoints) => Promise<void>,
): Promise<void> {
  await useBackend();
  const kinds: boolean[] = [];
  for (const name of names) kinds.push(await isModel(io, verb, name));
  if (new Set(kinds).size > 1) {
    const [model_, adapter] = [kinds.indexOf(true), kinds.indexOf(false)].map((i) => names[i]);
    throw new UseError(`${verb}: ${model_} is a whole model and ${adapter} an adapter; points must be of one kind`);
  }
  const source = modelFiles(io, verb, model);
  const first = modelFiles(io, verb, names[0]!);
  const own = kinds[0] === true ? (await inspectModel(first)).head : await adapterHead(first);
  const head = own ?? (await inspectModel(source)).head;
  const tokenizer = await loadTokenizer(source);
  const base = await loadModel(source, head === undefined ? {} : { head });
  const owned: Parameters[] = [base.parameters];
  try {
    const points: Tuned<LanguageModel>[] = [];
    const onModel = kinds[0] === true ? attach(base, whole(base)) : undefined;
    if (onModel !== undefined) owned.push(onModel.parameters);
    for (const name of names) {
      if (onModel === undefined) {
        const delta = await loadAdapter(base, modelFiles(io, verb, name));
        owned.push(delta.parameters, delta.buffers, delta.state);
        points.push(attach(base, delta));
        continue;
      }
      const files = modelFiles(io, verb, name);
      if ((await loadTokenizer(files)).fingerprint !== tokenizer.fingerprint)
        throw new UseError(
          `${verb}: ${name} has another tokenizer than ${model}: between their tables of words lies nothing`,
        );
      const loaded = await loadModel(files, head === undefined ? {} : { head });
      owned.push(loaded.parameters);
      if (loaded.created.length > 0)
        throw new UseError(`${verb}: ${name} lacks ${loaded.created.join(", ")}, which the first model has`);
      const tree = new Map([...loaded.parameters].map(([key, value]) => [`whole/${key}`, value] as const));
      points.push(onModel.with(tree));
    }
    await work({
      base,
      tokenizer,
      points,
      async save(point, to) {
        if (onModel === undefined) {
          await saveAdapter(point, to);
          return;
        }
        const merged = merge(point);
        try {
          await saveModel(merged, to, { tokenizer });
        } finally {
          disposeParameters(merged.parameters);
        }
      },
    });
  } finally {
    for (const tree of owned) disposeParameters(tree);
  }
}

/** Flags that say on what a point is measured. */
export interface DataFlags {
  readonly table: string;
  readonly text?: string;
  readonly pair?: string;
  readonly label?: string;
  readonly maxLength: number;
  readonly rows?: number;
  readonly batch: number;
}

/** Adds the flags to a command. */
export function addDataFlags(command: Command, isNeeded = true): Command {
  const text = "labelled rows to measure on: a .csv, .tsv, .jsonl or .parquet file";
  return (isNeeded ? command.requiredOption("--table <file>", text) : command.option("--table <file>", text))
    .option("--text <column>", "column of the texts (default: found, and said)")
    .option("--pair <column>", "column of second texts, for pairs")
    .option("--label <column>", "column of labels (default: found, and said)")
    .option("--rows <number>", "at most so many rows, the first ones (default: all)", parseCount)
    .option("--batch <number>", "rows in a pass", parseCount, 32)
    .option("--max-length <number>", "most tokens of a row", parseCount, 128);
}

/** The rows of a table as batches, in their order. */
export async function openData(
  verb: string,
  { base, tokenizer }: Pick<OpenedPoints, "base" | "tokenizer">,
  flags: DataFlags,
): Promise<Batches<TokenBatch>> {
  const { text, pair, label, rows: most } = flags;
  if (base.head === undefined) throw new UseError(`${verb}: there is no head, so that there is nothing to measure`);
  const table = await openTable(verb, flags.table, {
    ...(text !== undefined && { text }),
    ...(pair !== undefined && { pair }),
    ...(label !== undefined && { label }),
  });
  const labels = "labels" in base.head ? base.head.labels : undefined;
  const unknown = labels && table.labels.find((name) => !labels.includes(name));
  if (labels !== undefined && unknown !== undefined)
    throw new UseError(`${verb}: ${table.name} has the label "${unknown}", and the models know ${labels.join(", ")}`);
  const toBatch: Collate = collate(base, tokenizer, { maxLength: flags.maxLength });
  const rows = table.rows.slice(0, most ?? table.rows.length).map(({ row: _, group: __, ...row }) => row);
  return batches(rows as never, toBatch as never, { size: flags.batch }) as Batches<TokenBatch>;
}

/** Numbers with commas between them. */
export function parseNumbers(text: string): readonly number[] {
  const numbers = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (numbers.every(Number.isFinite)) return numbers;
  throw new InvalidArgumentError("It is written as numbers with commas between them, such as 0.5,0.5.");
}
