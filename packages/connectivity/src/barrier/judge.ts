/** Whether two models are connected, by criteria that are always said. */
import { checkOptions } from "@cambium/base";
import type { BarrierSummary } from "./summary.ts";

/** Settings of `judgeBarrier`. */
export interface JudgeBarrierOptions {
  /** Loss of a guess, in nats: `Math.log(classes)` for balanced classes. */
  readonly chanceLoss: number;
  /** Largest drop of the score, 0 to 1. @default 0.02 */
  readonly scoreDrop?: number;
  /** Standard deviation of the score over seeds: a drop of twice as much is none. @default 0 */
  readonly deviation?: number;
  /** Largest linear barrier, as a share of `chanceLoss`. @default 0.05 */
  readonly barrierShare?: number;
}

/** A verdict with what it rests on. */
export interface BarrierVerdict {
  readonly connected: boolean;
  /** Each criterion as a sentence, with what was measured. */
  readonly criteria: readonly { readonly text: string; readonly isMet: boolean }[];
}

/** Judges a path: connected where the score drops little and the loss has no barrier to speak of. */
export function judgeBarrier(
  { barrierLinear, scoreDrop }: BarrierSummary,
  options: JudgeBarrierOptions,
): BarrierVerdict {
  checkOptions("judgeBarrier", options, ["chanceLoss", "scoreDrop", "deviation", "barrierShare"]);
  const { chanceLoss, scoreDrop: most = 0.02, deviation = 0, barrierShare = 0.05 } = options;
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
