import { ConfigError, checkOptions } from "@cambium/base";
import type { RunnableModel, Tokenizer } from "@cambium/models";
import type { NeuronSite } from "../neurons/condition-activations.ts";
import { type ReadTextsOptions, readTexts, resolveReading, type TokenWindow, windowName } from "./read-texts.ts";
import { sitesNamed, usualSites } from "./site-names.ts";

/** Settings of `collectWindows`. */
export interface CollectWindowsOptions extends Omit<ReadTextsOptions, "at"> {
  /** Tokens in a window. @default 3 */
  readonly size?: number;
  /** Tokens from the start of a window to that of the next. @default 1 */
  readonly step?: number;
  /** Where places are counted from: texts of different lengths are alike at their start, or at their end. @default "start" */
  readonly from?: "start" | "end";
  /** Number of windows. @default as many as the shortest text has */
  readonly count?: number;
  /** Names of sites, as `findSites` takes them. @default ff.act of all layers, in models of two stacks the encoder's */
  readonly sites?: readonly string[];
}

/** Activations in windows that slide over the tokens. */
export interface WindowActivations {
  readonly windows: readonly TokenWindow[];
  /** Each site once for each window, as in `encoder.layer.0.intermediate[0:3]`: a searchlight takes them as sites of their own. */
  readonly sites: readonly NeuronSite[];
  /** By the path of a site, `[texts][width]`, in the order of the texts. */
  readonly rows: ReadonlyMap<string, readonly Float32Array[]>;
}

const keys = ["size", "step", "from", "count", "sites", "maxLength", "batchSize", "hooks"] as const;

/**
 * Means of each text's activations over windows that slide over its tokens: where along a text a concept is read. One pass for all windows. Special tokens are
 * places too.
 *
 * @throws {ConfigError} For options that do not exist or cannot be meant, and a text without a token in some window.
 * @example
 * const { sites, rows } = await collectWindows(model, tokenizer, texts, { size: 3, from: "end", count: 5 });
 * const activations = averageConditions(sites, rows, labels, { folds: 2 });
 * await result(runSearchlight(activations, { valence }, { lights: "layer", random: random(1) })); // a light for each layer and window
 */
export async function collectWindows(
  model: RunnableModel,
  tokenizer: Tokenizer,
  texts: readonly string[],
  options: CollectWindowsOptions = {},
): Promise<WindowActivations> {
  checkOptions("collectWindows", options, keys);
  const { size = 3, step = 1, from = "start", count, sites: names = usualSites(model), ...reading } = options;
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;
  if (!isCount(size) || !isCount(step) || (count !== undefined && !isCount(count)))
    throw new ConfigError({
      message: `collectWindows: size, step and count must be whole numbers from 1, got ${size}, ${step} and ${count}`,
    });
  if (from !== "start" && from !== "end")
    throw new ConfigError({ message: `collectWindows: from must be "start" or "end", got ${JSON.stringify(from)}` });
  const { maxLength } = resolveReading("collectWindows", model, tokenizer, texts, { ...reading, at: "mean" });
  const lengths = texts.map((text) => tokenizer.encode(text, undefined, { maxLength }).ids.length);
  const shortest = Math.min(...lengths);
  const wanted = count ?? Math.max(1, Math.floor((shortest - size) / step) + 1);
  const lastStart = (wanted - 1) * step;
  const short = lengths.findIndex((length) => length <= lastStart);
  if (short >= 0)
    throw new ConfigError({
      message: `collectWindows: text ${short} has ${lengths[short]} tokens and none in window ${wanted}, which begins after ${lastStart}; leave it out, or ask for fewer windows`,
      index: short,
    });
  const windows = Array.from({ length: wanted }, (_, i): TokenWindow => {
    const start = i * step;
    return from === "start" ? [start, start + size] : [-start - size, 0 - start];
  });
  const sites = sitesNamed("collectWindows", model, names);
  const rows = new Map<string, Float32Array[]>();
  const all = sites.flatMap(({ path, layer, stack, width }) =>
    windows.map((window): NeuronSite => {
      rows.set(path + windowName(window), new Array<Float32Array>(texts.length));
      const about = { ...(layer !== undefined && { layer }), ...(stack !== undefined && { stack }) };
      return { path: path + windowName(window), width, ...about };
    }),
  );
  const batches = readTexts("collectWindows", model, tokenizer, texts, sites, { ...reading, at: "mean" }, windows);
  for await (const { places, values } of batches)
    for (const { path, width } of all)
      places.forEach((place, i) => {
        rows.get(path)![place] = values.get(path)!.slice(i * width, (i + 1) * width);
      });
  return { windows, sites: all, rows };
}
