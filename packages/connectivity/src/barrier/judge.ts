/** Whether two models are connected, by criteria that are always said. */
import { ConfigError, checkOptions } from "@cambium/base";
import type { BarrierSummary } from "./summary.ts";

/** Settings of `judgeBarrier`. */
export interface JudgeBarrierOptions {
  /** Loss of a guess, in nats, above 0: `Math.log(classes)` for balanced classes. */
  readonly chanceLoss: number;
  /** Largest drop of the score, 0 to 1. @default 0.02 */
  readonly scoreDrop?: number;
  /** Standard deviation of the score over seeds, 0 to 1: a drop of twice as much is none. @default 0 */
  readonly deviation?: number;
  /** Largest linear barrier, as a share of `chanceLoss`, from 0. @default 0.05 */
  readonly barrierShare?: number;
}

/** A verdict with what it rests on. */
export interface BarrierVerdict {
  readonly connected: boolean;
  /** Each criterion as a sentence, with what was measured. */
  readonly criteria: readonly { readonly text: string; readonly isMet: boolean }[];
}

/**
 * Judges a path: connected where the score drops little and the loss has no barrier to speak of.
 *
 * @throws {ConfigError} For criteria out of range.
 */
export function judgeBarrier(
  { barrierLinear, scoreDrop }: BarrierSummary,
  options: JudgeBarrierOptions,
): BarrierVerdict {
  checkOptions("judgeBarrier", options, ["chanceLoss", "scoreDrop", "deviation", "barrierShare"]);
  const { chanceLoss, scoreDrop: most = 0.02, deviation = 0, barrierShare = 0.05 } = options;
  const check = (name: string, value: number, isFine: boolean, what: string): void => {
    if (!isFine) throw new ConfigError({ message: `judgeBarrier: ${name} must be ${what}, got ${value}` });
  };
  check("chanceLoss", chanceLoss, chanceLoss > 0 && Number.isFinite(chanceLoss), "above 0");
  check("scoreDrop", most, most >= 0 && most <= 1, "a share from 0 to 1");
  check("deviation", deviation, deviation >= 0 && deviation <= 1, "a share from 0 to 1");
  check("barrierShare", barrierShare, barrierShare >= 0 && Number.isFinite(barrierShare), "from 0");
  const largestDrop = Math.max(most, 2 * deviation);
  const largestBarrier = barrierShare * chanceLoss;
  const criteria = [
    {
      text: `linear barrier ${barrierLinear.toFixed(4)} nats, at most ${largestBarrier.toFixed(4)}`,
      isMet: barrierLinear <= largestBarrier,
    },
    ...(scoreDrop === undefined
      ? []
      : [
          {
            text: `score drop ${(100 * scoreDrop).toFixed(1)} points, at most ${(100 * largestDrop).toFixed(1)}`,
            isMet: scoreDrop <= largestDrop,
          },
        ]),
  ];
  return { connected: criteria.every(({ isMet }) => isMet), criteria };
}
