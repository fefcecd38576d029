import { ConfigError, type JsonObject, parseConfig } from "@cambium/base";
import * as z from "zod";

/** An evaluation within a stage. */
export interface GrowthPoint {
  /** Steps of the run. */
  readonly step: number;
  /** Operations of the run up to it. */
  readonly flops: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Whether a stage has given what it can, by its evaluations so far, of which there is at least one. Pure: it is asked again when a run resumes. */
export interface GrowthRule {
  (history: readonly GrowthPoint[]): boolean;
  /** What the rule is, with its settings: the checkpoint of a run with another rule is refused. Where a run has checkpoints, it must be there. */
  readonly about?: JsonObject;
}

/** Settings of `growWhenFlat`. */
export interface GrowWhenFlatOptions {
  /** What is watched, best measured on the whole model. @default "loss" */
  readonly metric?: string;
  /** Which way it gets better. @default "lowest" */
  readonly direction?: "lowest" | "highest";
  /** A stage is flat when it gains less than this part of the most that it gained per operation between two evaluations. @default 0.2 */
  readonly factor?: number;
  /** Flat evaluations in a row. @default 2 */
  readonly patience?: number;
}

const schema = z.strictObject({
  metric: z.string().default("loss"),
  direction: z.enum(["lowest", "highest"]).default("lowest"),
  factor: z.number().min(0).lt(1).default(0.2),
  patience: z.int().positive().default(2),
});

/**
 * A rule that grows the model when what is watched improves too slowly for the operations that it costs. What is not finite is no improvement.
 *
 * @throws {ConfigError} For settings out of range; the rule, when an evaluation has no such metric.
 * @example
 * runFastPromptTuning(tuned, data, { grow: growWhenFlat(), evaluate: { every: 50, run }, ...options });
 */
export function growWhenFlat(options: GrowWhenFlatOptions = {}): GrowthRule {
  const { metric, direction, factor, patience } = parseConfig("growWhenFlat", schema, options);
  const watched = ({ metrics, step }: GrowthPoint): number => {
    const value = metrics[metric];
    if (value === undefined)
      throw new ConfigError({
        message: `growWhenFlat: the evaluation at step ${step} has no "${metric}"; it has ${Object.keys(metrics).join(", ")}`,
        metric,
      });
    return direction === "lowest" ? -value : value;
  };
  const isFlat = (history: readonly GrowthPoint[]): boolean => {
    const values = history.map(watched);
    let [best, most, flat]: [number | undefined, number, number] = [undefined, 0, 0];
    for (const [i, value] of values.entries()) {
      if (best === undefined && Number.isFinite(value)) {
        [best, flat] = [value, 0];
        continue;
      }
      if (best === undefined || !Number.isFinite(value)) {
        flat += 1;
        continue;
      }
      const gain = Math.max(0, value - best) / (history[i]!.flops - history[i - 1]!.flops);
      flat = gain <= factor * most ? flat + 1 : 0;
      most = Math.max(most, gain);
      best = Math.max(best, value);
    }
    return flat >= patience;
  };
  return Object.assign(isFlat, { about: { rule: "growWhenFlat", metric, direction, factor, patience } });
}
