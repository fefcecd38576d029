/** Evaluations of stages: what they choose, and when they end one. */
import { ConfigError, type JsonObject, nearest, parseConfig } from "@cambium/base";
import { disposeParameters, type Parameters } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import type { EvaluationOptions, Metrics } from "@cambium/train";
import * as z from "zod";
import type { GrowthRule } from "./growth-rule.ts";
import type { RunLog } from "./run-log.ts";
import type { CoordinateObjective, StageModel } from "./stage-model.ts";
import type { PlannedStage } from "./stages.ts";

/** When and how a stage is evaluated. */
export interface StageEvaluation<M extends LanguageModel = LanguageModel> extends Omit<EvaluationOptions, "run"> {
  /**
   * Measures the parameters of a step. For curves that can be compared, measure the whole model: `tuned.with(parameters)`.
   *
   * @param at - The stage under way, and its model.
   */
  run(parameters: Parameters, at: { readonly stage: PlannedStage; readonly tuned: StageModel<M> }): Promise<Metrics>;
}

const count = z.int().positive();
const schema = z.strictObject({
  every: count,
  run: z.custom<StageEvaluation["run"]>((value) => typeof value === "function", "must be a function"),
  best: z.strictObject({ metric: z.string(), direction: z.enum(["highest", "lowest"]) }).exactOptional(),
  patience: count.exactOptional(),
});

/**
 * Checks evaluations before the first step.
 *
 * @throws {ConfigError} For settings that there are not or that are out of range.
 */
export function checkEvaluation(evaluate: object | undefined): void {
  if (evaluate === undefined) return;
  const { best, patience } = parseConfig("runFastPromptTuning: evaluate", schema, evaluate);
  if (patience !== undefined && best === undefined)
    throw new ConfigError({
      message:
        'runFastPromptTuning: evaluate.patience needs evaluate.best, such as { metric: "accuracy", direction: "highest" }',
    });
}

/** What ends stages early, as JSON. */
export function growthOf(
  { grow, evaluate }: { readonly grow?: GrowthRule; readonly evaluate?: Omit<StageEvaluation<never>, "run"> },
  isKept: boolean,
): JsonObject | null {
  if (grow !== undefined && evaluate === undefined)
    throw new ConfigError({ message: "runFastPromptTuning: grow reads evaluations; give evaluate" });
  if (grow !== undefined && grow.about === undefined && isKept)
    throw new ConfigError({
      message:
        'runFastPromptTuning: a checkpoint must know the rule that it was made under; say what grow is, as in Object.assign(rule, { about: { rule: "after two evaluations" } }), or leave out checkpoint',
    });
  if (evaluate === undefined || (grow === undefined && evaluate.patience === undefined)) return null;
  const { every, best = null, patience = null } = evaluate;
  return { rule: grow?.about ?? null, every, best: best && { ...best }, patience };
}

/** Evaluations of a stage: those of parts choose nothing. */
export function evaluationOf<M extends LanguageModel>(
  { every, run, best, patience }: StageEvaluation<M>,
  isBefore: boolean,
  at: { readonly stage: PlannedStage; readonly tuned: StageModel<M> },
  small: CoordinateObjective | undefined,
): EvaluationOptions {
  const measure = async (parameters: Parameters): Promise<Metrics> => {
    const metrics = await run(parameters, at);
    if (best !== undefined) metricOf(best.metric, metrics); // a stage of a part chooses nothing, and must not hide a typing error
    return metrics;
  };
  return {
    every,
    async run(parameters) {
      if (small === undefined) return measure(parameters);
      const point = small.decode(parameters);
      try {
        return await measure(point);
      } finally {
        disposeParameters(point);
      }
    },
    ...(!isBefore && best !== undefined && { best }),
    ...(!isBefore && patience !== undefined && { patience }),
  };
}

/** Whether the evaluations of a stage say that it has given what it can. */
export function wantsToGrow(
  { grow, evaluate }: { readonly grow?: GrowthRule; readonly evaluate?: Pick<EvaluationOptions, "best" | "patience"> },
  history: RunLog["history"],
): boolean {
  if (history.length === 0 || evaluate === undefined) return false;
  return grow?.(history) === true || isFlat(evaluate, history);
}

/** Whether nothing has got better for as many evaluations of a stage as `patience` says. A metric that is not finite never is better. */
function isFlat({ best, patience }: Pick<EvaluationOptions, "best" | "patience">, history: RunLog["history"]): boolean {
  if (best === undefined || patience === undefined) return false;
  const sign = best.direction === "highest" ? 1 : -1;
  let [most, at] = [Number.NEGATIVE_INFINITY, -1];
  for (const [i, { metrics }] of history.entries()) {
    const value = sign * metricOf(best.metric, metrics);
    if (Number.isFinite(value) && value > most) [most, at] = [value, i];
  }
  return history.length - 1 - at >= patience;
}

/** @throws {ConfigError} When it is not among those measured. */
function metricOf(metric: string, metrics: Metrics): number {
  const value = metrics[metric];
  if (value !== undefined) return value;
  const names = Object.keys(metrics);
  const guess = nearest(metric, names);
  throw new ConfigError({
    message: `runFastPromptTuning: evaluate.best names the metric "${metric}", but evaluate.run returned ${names.join(", ") || "none"}${guess === undefined ? "" : `; is "${guess}" meant?`}`,
    metric,
  });
}
