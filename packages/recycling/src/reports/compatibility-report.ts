/** How far an old delta serves newer models without training, along their continued training. */
import { ConfigError, checkOptions } from "@cambium/base";
import { disposeParameters, type Objective } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import type { LanguageModel, TokenBatch } from "@cambium/models";
import { type Batches, spearman } from "@cambium/train";
import { inOrderOf } from "../transfer/labels.ts";
import { type RecycleOptions, recycle } from "../transfer/recycle.ts";
import { baselineOf, gainOf, type Score, scoreOf } from "./score.ts";

/** A model on the way from the old one to the newest, or a control. */
export interface Checkpoint {
  readonly name: string;
  /** Steps of training since the old model; absent for a control, such as a model of another start. */
  readonly step?: number;
  /** The model, or what loads it. One that was loaded here is freed again. */
  readonly model: LanguageModel | (() => Promise<LanguageModel>);
}

/** Settings of `compatibilityReport`. */
export interface CompatibilityReportOptions
  extends Pick<RecycleOptions, "scale" | "classifier" | "prompts" | "align"> {}

/** What was measured of a checkpoint. */
export interface CheckpointScore {
  readonly name: string;
  readonly step?: number;
  readonly score: Score;
  /**
   * Gain over a constant answer, as a share of the gain on the old model; above 1 where it is better there. Absent where the delta gains
   * nothing on the old model, of which there is no share.
   */
  readonly kept?: number;
}

/** How an old delta fares on newer models. */
export interface CompatibilityReport {
  /** On the model that it was trained on. */
  readonly reference: Score;
  /** Of a constant answer, where the head is on sequences. */
  readonly baseline?: Score;
  readonly checkpoints: readonly CheckpointScore[];
  /** Rank correlation of steps and scores over the checkpoints with steps, −1 where every step costs; the old model counts as step 0. */
  readonly decay?: number;
}

/**
 * Puts a delta onto model after model and measures it there, without training.
 *
 * @param old - The delta on the model that it was trained on.
 * @param data - Rows that it did not learn from, made for the old model's head.
 * @throws {ConfigError} When a model does not fit; names it.
 * @example
 * const { checkpoints, decay } = await compatibilityReport(old, [{ name: "v2", step: 353, model: newBase }], dev);
 */
export async function compatibilityReport(
  old: Tuned<LanguageModel>,
  checkpoints: readonly Checkpoint[],
  data: Batches<TokenBatch>,
  options: CompatibilityReportOptions = {},
): Promise<CompatibilityReport> {
  checkOptions("compatibilityReport", options, ["scale", "classifier", "prompts", "align"]);
  if (checkpoints.length === 0) throw new ConfigError({ message: "compatibilityReport: there are no models" });
  const reference = await scoreOf(old as unknown as Objective<TokenBatch>, data);
  const baseline = await baselineOf(old, data);
  const gain = baseline === undefined ? 0 : gainOf(reference, baseline);
  const found: CheckpointScore[] = [];
  for (const { name, step, model } of checkpoints) {
    const score = await scoreOn(old, name, model, data, options);
    const kept = baseline === undefined || !(gain > 0) ? undefined : gainOf(score, baseline) / gain;
    found.push({ name, score, ...(step !== undefined && { step }), ...(kept !== undefined && { kept }) });
  }
  const onTheWay = [{ step: 0, score: reference }, ...found.filter((each) => each.step !== undefined && each.step > 0)];
  const values = onTheWay.map(({ score }) => score.accuracy ?? -score.loss);
  const varies = new Set(values).size > 1;
  return {
    reference,
    ...(baseline !== undefined && { baseline }),
    checkpoints: found,
    ...(onTheWay.length > 2 &&
      varies && {
        decay: spearman(
          onTheWay.map(({ step }) => step!),
          values,
        ),
      }),
  };
}

async function scoreOn(
  old: Tuned<LanguageModel>,
  name: string,
  model: Checkpoint["model"],
  data: Batches<TokenBatch>,
  options: CompatibilityReportOptions,
): Promise<Score> {
  const loaded = typeof model === "function" ? await model() : model;
  try {
    const moved = await recycle(old, loaded, { method: "initialise", ...options });
    try {
      return await scoreOf(inOrderOf(moved, old.head) as unknown as Objective<TokenBatch>, data);
    } finally {
      disposeParameters(moved.parameters);
    }
  } catch (cause) {
    if ((cause as { readonly code?: string }).code !== "CONFIG") throw cause;
    throw new ConfigError({ message: `compatibilityReport: ${name}: ${(cause as Error).message}`, name, cause });
  } finally {
    if (typeof model === "function") disposeParameters(loaded.parameters);
  }
}
