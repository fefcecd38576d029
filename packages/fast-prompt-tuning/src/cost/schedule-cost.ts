/** What a schedule of stages costs, and schedules that cost what is wanted. */
import { ConfigError, checkOptions, parseConfig } from "@cambium/base";
import * as z from "zod";
import type { Stage } from "../schedule/stages.ts";

/** A stage with its cost. */
export interface CostedStage {
  /** Part of the steps. */
  readonly share: number;
  /** Cost of a step, relative to the whole model's. */
  readonly cost: number;
}

/**
 * Cost of a run relative to one of the whole model: `Σ share · cost`.
 *
 * @throws {ConfigError} For shares that do not sum to 1, and costs below 0.
 * @see Huang et al. 2022, FPT, arXiv:2211.06840, table 2.
 * @example
 * scheduleCost([{ share: 0.6, cost: 0.42 }, { share: 0.4, cost: 1 }]); // 0.652
 */
export function scheduleCost(stages: readonly CostedStage[]): number {
  const total = stages.reduce((sum, { share }) => sum + share, 0);
  const bad = stages.find(({ share, cost }) => !(share >= 0 && cost >= 0 && Number.isFinite(cost)));
  if (bad !== undefined)
    throw new ConfigError({ message: `scheduleCost: shares and costs must be at least 0, got ${JSON.stringify(bad)}` });
  if (Math.abs(total - 1) > 1e-9)
    throw new ConfigError({ message: `scheduleCost: shares must sum to 1, and they sum to ${total}`, total });
  return stages.reduce((sum, { share, cost }) => sum + share * cost, 0);
}

/** Settings of `planStages`. */
export interface PlanStagesOptions {
  /** Part of the whole model's cost that is to be saved, above 0 and below 1. */
  readonly targetSaving: number;
  /** Parts of the model before it is whole, from small to large. @default a quarter, a half and three quarters of layers and neurons */
  readonly parts?: readonly { readonly depth?: number; readonly width?: number }[];
  /** Cost of a step of each part relative to the whole model's, such as `flops` gives; of the same number. */
  readonly costs: readonly number[];
  /** Least share of the whole model. @default 0.1 */
  readonly least?: number;
}

const share = z.number().gt(0).lt(1);
const schema = z.strictObject({
  targetSaving: share,
  parts: z
    .array(
      z.strictObject({ depth: z.number().positive().exactOptional(), width: z.number().positive().exactOptional() }),
    )
    .min(1)
    .default([0.25, 0.5, 0.75].map((size) => ({ depth: size, width: size }))),
  costs: z.array(z.number().nonnegative()).min(1),
  least: share.default(0.1),
});

/**
 * Stages that save as much as is wanted: each part for the same share of the steps, and the whole model for the rest. Where even the least share of the whole
 * model saves too little so, the smaller parts get more: shares fall by a factor from part to part, which is searched.
 *
 * @returns Stages for `runFastPromptTuning`; `scheduleCost` of them is `1 − targetSaving`.
 * @throws {ConfigError} When no shares save so much; says how much can be.
 * @example
 * const stages = planStages({ targetSaving: 0.35, costs: [0.2, 0.4, 0.66] });
 */
export function planStages(options: PlanStagesOptions): readonly Stage[] {
  checkOptions("planStages", options, ["targetSaving", "parts", "costs", "least"]);
  const { targetSaving, parts, costs, least } = parseConfig("planStages", schema, options);
  const fail = (message: string): ConfigError => new ConfigError({ message: `planStages: ${message}`, targetSaving });
  if (costs.length !== parts.length) throw fail(`costs has ${costs.length} numbers for ${parts.length} parts`);
  const savings = costs.map((cost) => 1 - cost);
  if (savings.some((saving, i) => saving <= 0 || (i > 0 && saving > savings[i - 1]!)))
    throw fail("costs must rise from part to part and be below 1");
  const most = (1 - least) * savings[0]!;
  if (targetSaving > most + 1e-12)
    throw fail(
      `a run with ${least} of its steps on the whole model saves at most ${most.toFixed(3)}, and ${targetSaving} was asked for`,
    );
  const even = savings.reduce((a, b) => a + b, 0) / savings.length;
  const stages = (shares: readonly number[]): readonly Stage[] => {
    const spent = shares.reduce((a, b) => a + b, 0);
    return [...parts.map((part, i) => ({ share: shares[i]!, ...part })), { share: 1 - spent }].filter(
      (stage) => stage.share > 1e-12,
    );
  };
  const each = targetSaving / even / parts.length;
  if (each * parts.length <= 1 - least) return stages(parts.map(() => each));
  const sharesAt = (factor: number): number[] => {
    const raw = parts.map((_, i) => factor ** i);
    const sum = raw.reduce((a, b) => a + b, 0);
    return raw.map((value) => ((1 - least) * value) / sum);
  };
  let [low, high] = [0, 1]; // a factor of 0 saves most
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    const saved = sharesAt(middle).reduce((sum, value, part) => sum + value * savings[part]!, 0);
    if (saved > targetSaving) low = middle;
    else high = middle;
  }
  return stages(sharesAt(low));
}
