/** Activations of many texts to files, a part for each batch: memory is that of a batch, and a run that stopped resumes. */
import {
  ConfigError,
  canonicalJson,
  checkOptions,
  type Files,
  FormatError,
  hasFile,
  openFiles,
  readJson,
  sha256,
} from "@cambium/base";
import { openSafetensors, saveSafetensors } from "@cambium/core";
import type { RunnableModel, Tokenizer } from "@cambium/models";
import { dispose, type Tensor, tensor } from "@tensorflow/tfjs-core";
import type { NeuronSite } from "../neurons/condition-activations.ts";
import { type ReadBatch, type ReadTextsOptions, readKeys, readTexts, resolveReading } from "./read-texts.ts";
import { sitesNamed, usualSites } from "./site-names.ts";

/** Settings of `runCapture`. */
export interface RunCaptureOptions extends ReadTextsOptions {
  /** Names of sites, as `findSites` takes them. @default ff.act of all layers, in models of two stacks the encoder's */
  readonly sites?: readonly string[];
  /** Where the files go: a folder, or any `Files`. */
  readonly to: string | Files;
  /** How numbers are stored. @default "F32" */
  readonly dtype?: "F32" | "F16";
  /** Stops between batches; what is done stays. */
  readonly signal?: AbortSignal;
}

/** How many rows are on file. */
export type CaptureEvent =
  | { readonly type: "batch"; readonly done: number; readonly total: number }
  | { readonly type: "end"; readonly reason: "done" | "stopped"; readonly done: number; readonly total: number };

/** What `activations.json` says. */
interface CaptureIndex {
  readonly format: "cambium activations";
  readonly version: 1;
  readonly sites: readonly NeuronSite[];
  readonly at: string;
  readonly dtype: string;
  /** Number of texts, and the hash of all that the numbers depend on. */
  readonly texts: number;
  readonly batchSize: number;
  readonly hash: string;
}

const INDEX = "activations.json";
const partName = (part: number): string => `activations-${String(part).padStart(5, "0")}.safetensors`;

/**
 * Reads activations of texts into files: `activations.json`, and one safetensors file for each batch, with a tensor
 * `[texts of the batch, width]` for each site and the texts' places. A run with the same texts and settings goes on where it
 * stopped; other settings are refused, and so are other weights, hooks and deltas, by computing the first batch again.
 *
 * @throws {ConfigError} For options or sites that do not exist, or a folder that holds activations of other texts or settings.
 * @example
 * await result(runCapture(model, tokenizer, texts, { sites: ["ff.act"], to: "activations" }));
 * const activations = await openActivations("activations");
 */
export async function* runCapture(
  model: RunnableModel,
  tokenizer: Tokenizer,
  texts: readonly string[],
  options: RunCaptureOptions,
): AsyncGenerator<CaptureEvent> {
  checkOptions("runCapture", options, [...readKeys, "sites", "to", "dtype", "signal"]);
  const { sites: names = usualSites(model), to, dtype = "F32", signal, ...reading } = options;
  if (dtype !== "F32" && dtype !== "F16")
    throw new ConfigError({ message: `runCapture: dtype must be "F32" or "F16", got "${dtype}"`, dtype });
  const files = typeof to === "string" ? openFiles(to) : to;
  const sites = sitesNamed("runCapture", model, names);
  const { at, maxLength, batchSize } = resolveReading("runCapture", model, tokenizer, texts, reading);
  const index: CaptureIndex = {
    format: "cambium activations",
    version: 1,
    sites: sites.map(({ path, width, layer, stack }) => ({
      path,
      width,
      ...(layer !== undefined && { layer }),
      ...(stack !== undefined && { stack }),
    })),
    at,
    dtype,
    texts: texts.length,
    batchSize,
    hash: sha256(
      canonicalJson({
        texts,
        maxLength,
        config: JSON.parse(JSON.stringify(model.config)),
        tokenizer: tokenizer.fingerprint,
      }),
    ),
  };
  const order = texts.map((_, i) => i).sort((a, b) => texts[a]!.length - texts[b]!.length);
  const read = (places: readonly number[]) =>
    readTexts(
      "runCapture",
      model,
      tokenizer,
      places.map((place) => texts[place]!),
      sites,
      { ...reading, at, maxLength },
    );
  let part = await partsDone(files, index);
  if (part > 0) await checkFirstPart(files, index, read(order.slice(0, batchSize)));
  else await files.write(INDEX, `${JSON.stringify(index, null, 1)}\n`);
  const total = texts.length;
  let done = Math.min(total, part * batchSize);
  const rest = order.slice(done);
  const isStopped = (): boolean => signal?.aborted === true;
  if (rest.length > 0 && !isStopped()) {
    for await (const { places, values } of read(rest)) {
      if (dtype === "F16") checkHalf(values);
      const tensors = new Map<string, Tensor>([
        [
          "places",
          tensor(
            Int32Array.from(places, (place) => rest[place]!),
            [places.length],
            "int32",
          ),
        ],
      ]);
      for (const { path, width } of sites) tensors.set(path, tensor(values.get(path)!, [places.length, width]));
      try {
        await saveSafetensors(files, partName(part++), tensors, { dtype });
      } finally {
        dispose([...tensors.values()]);
      }
      done += places.length;
      yield { type: "batch", done, total };
      if (isStopped()) break;
    }
  }
  yield { type: "end", reason: done === total ? "done" : "stopped", done, total };
}

/** The least number that 16 bits make infinite. */
const BEYOND_HALF = 65_520;

function checkHalf(values: ReadonlyMap<string, Float32Array>): void {
  for (const [path, all] of values) {
    const found = all.find((value) => Math.abs(value) >= BEYOND_HALF);
    if (found === undefined) continue;
    throw new ConfigError({
      message: `runCapture: ${path} reaches ${found}, and F16 holds up to 65504; choose dtype "F32"`,
      path,
    });
  }
}

/** How many parts are there, of the same texts and settings. */
async function partsDone(files: Files, index: CaptureIndex): Promise<number> {
  if (!(await hasFile(files, INDEX))) {
    if (!(await hasFile(files, partName(0)))) return 0;
    throw new ConfigError({
      message: `runCapture: the folder holds ${partName(0)} without its ${INDEX}, so that nobody knows of what; choose another`,
    });
  }
  if (canonicalJson(await readIndex(files)) !== canonicalJson(index)) {
    throw new ConfigError({
      message: "runCapture: the folder holds activations of other texts, sites or settings; choose another",
    });
  }
  let parts = 0;
  while (await hasFile(files, partName(parts))) parts++;
  return parts;
}

/** Weights, hooks and deltas are in no index: the first batch is computed again and has to be as it was. */
async function checkFirstPart(
  files: Files,
  { sites, dtype }: CaptureIndex,
  again: AsyncGenerator<ReadBatch>,
): Promise<void> {
  const stored = await openSafetensors(files, partName(0));
  const tolerance = dtype === "F16" ? 1e-2 : 1e-3;
  for await (const { values } of again) {
    for (const { path } of sites) {
      const [before, now] = [(await stored.values(path)) as Float32Array, values.get(path)!];
      const scale = Math.max(...before.map(Math.abs), 1e-6);
      if (before.length === now.length && before.every((value, i) => Math.abs(value - now[i]!) <= tolerance * scale))
        continue;
      throw new ConfigError({
        message: `runCapture: the folder holds activations of another model, or under other hooks: ${path} differs; choose another`,
        path,
      });
    }
  }
}

async function readIndex(files: Files): Promise<CaptureIndex> {
  const index = (await readJson(files, INDEX)) as CaptureIndex;
  if (index?.format === "cambium activations" && index.version === 1) return index;
  throw new FormatError({ message: `openActivations: ${INDEX} is no index of activations of version 1` });
}

/** Stored activations. */
export interface Activations {
  /** What can be read, by path. */
  readonly sites: readonly NeuronSite[];
  /** Number of texts. */
  readonly texts: number;
  /** All vectors of a site in the order of the texts, `[texts][width]`. One site is in memory at a time. */
  read(path: string): Promise<readonly Float32Array[]>;
}

/**
 * Opens what `runCapture` stored.
 *
 * @throws {FormatError} When the folder holds no activations, or not all of them yet.
 */
export async function openActivations(from: string | Files): Promise<Activations> {
  const files = typeof from === "string" ? openFiles(from) : from;
  const { sites, texts } = await readIndex(files);
  return {
    sites,
    texts,
    async read(path) {
      if (!sites.some((site) => site.path === path)) {
        throw new ConfigError({
          message: `openActivations: there is no site "${path}"; there are ${sites.map((site) => site.path).join(", ")}`,
          path,
        });
      }
      const rows = new Array<Float32Array>(texts);
      let count = 0;
      for (let part = 0; count < texts; part++) {
        if (!(await hasFile(files, partName(part)))) {
          throw new FormatError({
            message: `openActivations: only ${count} of ${texts} texts are there; run runCapture again`,
          });
        }
        const stored = await openSafetensors(files, partName(part));
        const [places, values] = [await stored.values("places"), (await stored.values(path)) as Float32Array];
        const width = values.length / places.length;
        for (let i = 0; i < places.length; i++) rows[Number(places[i])] = values.slice(i * width, (i + 1) * width);
        count += places.length;
      }
      return rows;
    },
  };
}
