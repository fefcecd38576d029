/** Tuned models on one base, from folders of adapters or of whole models. */
import { canonicalJson, hasFile, openFiles, readJson } from "@cambium/base";
import { disposeParameters, fingerprint, type Parameters, useBackend } from "@cambium/core";
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
import { openTableFor, saySkipped } from "../models/table.ts";

/** Points that are opened when they are needed. */
export interface PointSources {
  readonly base: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly count: number;
  /** What points are of: the first adapter, or of whole models the base as one. It stays until the work is done. */
  like(): Promise<Tuned<LanguageModel>>;
  /** Opens one, runs `body`, and lets go of it. */
  visit<Result>(index: number, body: (point: Tuned<LanguageModel>) => Promise<Result>): Promise<Result>;
  /** Opens one that stays until the work is done. */
  open(index: number): Promise<Tuned<LanguageModel>>;
  /**
   * A point of the first one's settings, which the caller frees.
   *
   * @throws {UseError} When it has other settings or other frozen numbers, so that its own are none of the first one's.
   */
  tree(index: number): Promise<Pick<Tuned<LanguageModel>, "parameters" | "head">>;
  /** Writes a point of the same kind. */
  save(point: Tuned<LanguageModel>, to: string): Promise<void>;
}

/** Points that are all open. */
export interface OpenedPoints extends Pick<PointSources, "base" | "tokenizer" | "save"> {
  /** On that base, in the order of the folders. */
  readonly points: readonly Tuned<LanguageModel>[];
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

/** A point with all that is to be freed with it. */
interface Loaded {
  readonly point: Tuned<LanguageModel>;
  readonly owned: readonly Parameters[];
}

/** What a point's numbers mean: kinds and settings of its deltas, and their frozen numbers. Dropout is of training alone. */
async function meaningOf({ deltas }: Tuned<LanguageModel>): Promise<string> {
  const parts: string[] = [];
  for (const { name, kind, config, buffers } of deltas) {
    const { dropout: _, ...settings } = config as Readonly<Record<string, unknown>>;
    parts.push(canonicalJson([name, kind, JSON.parse(JSON.stringify(settings)), await fingerprint(buffers)]));
  }
  return parts.join();
}

/**
 * Makes points ready to be opened on the fastest backend, and disposes of what is open when the work is done.
 *
 * @throws {UseError} When some are adapters and others whole models.
 */
export async function withSources(
  io: Io,
  verb: string,
  model: string,
  names: readonly string[],
  work: (sources: PointSources) => Promise<void>,
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
  const onModel = kinds[0] === true ? attach(base, whole(base)) : undefined;
  const owned: Parameters[] = [base.parameters, ...(onModel === undefined ? [] : [onModel.parameters])];
  const load = async (index: number): Promise<Loaded> => {
    const name = names[index]!;
    const files = modelFiles(io, verb, name);
    if (onModel === undefined) {
      const delta = await loadAdapter(base, files);
      return { point: attach(base, delta), owned: [delta.parameters, delta.buffers, delta.state] };
    }
    if ((await loadTokenizer(files)).fingerprint !== tokenizer.fingerprint)
      throw new UseError(
        `${verb}: ${name} has another tokenizer than ${model}: between their tables of words lies nothing`,
      );
    const loaded = await loadModel(files, head === undefined ? {} : { head });
    if (loaded.created.length > 0) {
      disposeParameters(loaded.parameters);
      throw new UseError(`${verb}: ${name} lacks ${loaded.created.join(", ")}, which the first model has`);
    }
    const tree = new Map([...loaded.parameters].map(([key, value]) => [`whole/${key}`, value] as const));
    return { point: onModel.with(tree), owned: [loaded.parameters] };
  };
  let meaning: string | undefined;
  const sources: PointSources = {
    base,
    tokenizer,
    count: names.length,
    like: async () => onModel ?? sources.open(0),
    async visit(index, body) {
      const { point, owned: trees } = await load(index);
      try {
        return await body(point);
      } finally {
        for (const tree of trees) disposeParameters(tree);
      }
    },
    async open(index) {
      const { point, owned: trees } = await load(index);
      owned.push(...trees);
      return point;
    },
    async tree(index) {
      const { point, owned: trees } = await load(index);
      meaning ??= index === 0 ? await meaningOf(point) : await sources.visit(0, meaningOf);
      const isAlike = (await meaningOf(point)) === meaning;
      for (const tree of isAlike ? trees.slice(1) : trees) disposeParameters(tree);
      if (isAlike) return point;
      throw new UseError(
        `${verb}: ${names[index]} and ${names[0]} differ in kind, settings or frozen numbers, so that numbers of one mean nothing in the other`,
      );
    },
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
  };
  try {
    await work(sources);
  } finally {
    for (const tree of owned) disposeParameters(tree);
  }
}

/** The same with all points open. */
export const withPoints = (
  io: Io,
  verb: string,
  model: string,
  names: readonly string[],
  work: (opened: OpenedPoints) => Promise<void>,
): Promise<void> =>
  withSources(io, verb, model, names, async (sources) => {
    const points: Tuned<LanguageModel>[] = [];
    for (let i = 0; i < sources.count; i++) points.push(await sources.open(i));
    await work({ ...sources, points });
  });

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
  io: Io,
  verb: string,
  { base, tokenizer }: Pick<OpenedPoints, "base" | "tokenizer">,
  flags: DataFlags,
): Promise<Batches<TokenBatch>> {
  const { rows: most } = flags;
  if (base.head === undefined) throw new UseError(`${verb}: there is no head, so that there is nothing to measure`);
  const table = await openTableFor(verb, flags.table, base.head, flags);
  saySkipped(io, table);
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
