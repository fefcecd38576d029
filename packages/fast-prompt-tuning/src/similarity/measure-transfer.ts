import { ConfigError, checkOptions } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import { capture, type LanguageModel, type LanguageOutput, type TokenBatch } from "@cambium/models";
import type { Batches } from "@cambium/train";
import { abs, dispose, keep, mean, slice, type Tensor, type Tensor1D, tidy } from "@tensorflow/tfjs-core";
import { promptRows } from "../cost/flops.ts";
import { topIndices } from "../partial/select-layers.ts";

/** Models by name: parts of one, each with the prompt that was trained on it. */
export type TunedParts = Readonly<Record<string, Tuned<LanguageModel>>>;

/** Scores of every prompt in every model. */
export interface Transfer {
  readonly names: readonly string[];
  /** `scores[i][j]` is that of the prompt of part i in part j. */
  readonly scores: readonly (readonly number[])[];
}

/**
 * The score of each part's prompt in each part, without further training.
 *
 * @param measure - A score of a tuned model, such as its accuracy.
 * @throws {ConfigError} For fewer than two parts, and scores that are no numbers.
 */
export async function measureTransfer(
  parts: TunedParts,
  measure: (tuned: Tuned<LanguageModel>, names: { readonly prompt: string; readonly model: string }) => Promise<number>,
): Promise<Transfer> {
  const names = Object.keys(parts);
  if (names.length < 2)
    throw new ConfigError({ message: `measureTransfer: pass at least two parts, got ${names.length}` });
  const scores: number[][] = [];
  for (const from of names) {
    const row: number[] = [];
    for (const to of names) {
      const point = parts[to]!.with(parts[from]!.parameters as Parameters);
      const score = await measure(point, { prompt: from, model: to });
      if (!Number.isFinite(score))
        throw new ConfigError({ message: `measureTransfer: the score of ${from} in ${to} is ${score}` });
      row.push(score);
    }
    scores.push(row);
  }
  return { names, scores };
}

/** Settings of `measureActivationOverlap`. */
export interface MeasureActivationOverlapOptions {
  /** Part of the neurons of a layer that counts as switched on. @default 0.1 */
  readonly share?: number;
}

/**
 * Which feed-forward neurons prompts switch on: for each pair, the part that both have of the neurons that either has among the most active over its prompt's rows (Jaccard),
 * a mean over layers. Neurons drawn at random overlap by `share / (2 − share)`.
 *
 * @param points - Prompts on one whole model: tuned models with parameters of the same names.
 * @param data - The first batch is read.
 * @returns `[points, points]`.
 * @throws {ConfigError} For models without a prompt, and where there are no prompts or no batch.
 * @see Su et al. 2022, On Transferability of Prompt Tuning, arXiv:2111.06719, section 5.
 */
export async function measureActivationOverlap(
  points: readonly Tuned<LanguageModel>[],
  data: Batches<TokenBatch>,
  options: MeasureActivationOverlapOptions = {},
): Promise<readonly (readonly number[])[]> {
  checkOptions("measureActivationOverlap", options, ["share"]);
  const { share = 0.1 } = options;
  if (!(share > 0 && share < 1))
    throw new ConfigError({ message: `measureActivationOverlap: share must be above 0 and below 1, got ${share}` });
  if (points.length === 0) throw new ConfigError({ message: "measureActivationOverlap: there are no prompts" });
  const lit: (readonly ReadonlySet<number>[])[] = [];
  for await (const { batch } of data.epoch(0)) {
    for (const point of points) lit.push(await litUnits(point as unknown as Tuned<LanguageModel>, batch, share));
    dispose(batch as unknown as Record<string, Tensor>);
    break;
  }
  if (lit.length === 0) throw new ConfigError({ message: "measureActivationOverlap: the data have no batch" });
  return lit.map((a) => lit.map((b) => a.reduce((total, layer, i) => total + jaccard(layer, b[i]!), 0) / a.length));
}

async function litUnits(
  point: Tuned<LanguageModel>,
  batch: TokenBatch,
  share: number,
): Promise<readonly ReadonlySet<number>[]> {
  const rows = promptRows(point);
  if (rows === 0) throw new ConfigError({ message: "measureActivationOverlap: the model has no prompt" });
  const sites = point.sites().filter(({ role, stack }) => role === "ff.act" && stack !== "decoder");
  const means = tidy(() => {
    const { captured } = capture<TokenBatch, LanguageOutput>(point as never, batch, ["ff.act"]);
    return sites.map(({ path }) => {
      const active = captured.get(path)!; // [batch, rows, dFf]
      const own = slice(abs(active), [0, 0, 0], [-1, rows, -1]);
      return keep(mean(own, [0, 1]) as Tensor1D);
    });
  });
  const values = await Promise.all(means.map((each) => each.data()));
  dispose(means);
  return values.map((units) => new Set(topIndices(units, Math.max(1, Math.round(share * units.length)))));
}

function jaccard(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  const both = [...a].filter((unit) => b.has(unit)).length;
  return both / (a.size + b.size - both);
}
