/** What is claimed of a part, with the criteria. */
import type { ClaimOptions, Metric } from "@cambium/experiments";
import {
  BOTH_BELOW,
  DECAY,
  DROP,
  DROP_TO_CONTROL,
  HEAD_GAP,
  KEPT,
  KEPT_BY_CONTROL,
  OTHER_WITHIN,
  STEPS_SHARE,
} from "./plan.ts";

const percent = { unit: "%", digits: 1 } as const;
const points = { unit: "points", digits: 1 } as const;
const share = { digits: 2 } as const;

/** What every tuned version is asked. */
export const FEW_METRICS: Readonly<Record<string, Metric>> = {
  kept: share,
  keptByThird: share,
  keptByControl: share,
  decay: share,
  old: percent,
  constant: percent,
  direct: percent,
  flips: percent,
  drop: points,
  scratch: percent,
  init: percent,
  distil: percent,
  both: percent,
  initGain: points,
  distilGain: points,
  bothGain: points,
};

/** What encoders are asked besides. */
export const TASK_METRICS: Readonly<Record<string, Metric>> = {
  ...FEW_METRICS,
  robust: percent,
  robustGain: points,
  dropToControl: points,
  same: share,
  other: share,
  sameInControl: share,
  headGap: share,
  matched: share,
  cka: share,
  ckaOfControl: share,
  scaled: percent,
  stepsShare: share,
  otherStart: percent,
  otherGain: points,
};

const over = ["seed", "task", "method"];

/** Without training, along the line, and with few rows. */
export function fewClaims(control: string): ClaimOptions[] {
  return [
    {
      claim: `Applied as it is, an old delta keeps ${100 * KEPT} % of its gain over a constant answer on the second version`,
      metric: "kept",
      over,
      atLeast: KEPT,
    },
    {
      claim: `It decays with the steps since: rank correlation of at most ${DECAY}`,
      metric: "decay",
      over,
      atMost: DECAY,
    },
    {
      claim: `On ${control} it keeps at most ${100 * KEPT_BY_CONTROL} %`,
      metric: "keptByControl",
      over,
      atMost: KEPT_BY_CONTROL,
    },
    {
      claim: `Tunings of both versions are connected: on the line between them the score drops by at most ${DROP} points`,
      metric: "drop",
      over,
      atMost: DROP,
    },
    { claim: "From few rows, a start from the old delta beats a new one", metric: "initGain", over, atLeast: 0 },
    { claim: "So does learning from the old model's answers", metric: "distilGain", over, atLeast: 0 },
    {
      claim: `Both together are at most ${BOTH_BELOW} point below the better of the two`,
      metric: "bothGain",
      over,
      atLeast: -BOTH_BELOW,
    },
  ];
}

/** The same with what is asked of encoders alone. */
export function taskClaims(control: string): ClaimOptions[] {
  return [
    ...fewClaims(control),
    {
      claim: "Tuned to survive updates, it scores no less on the second version, applied as it is",
      metric: "robustGain",
      over,
      atLeast: 0,
    },
    {
      claim: `On the line to a tuning of ${control} it drops by at least ${DROP_TO_CONTROL} points`,
      metric: "dropToControl",
      over,
      atLeast: DROP_TO_CONTROL,
    },
    {
      claim: `The head at the same index attends more alike than another of its layer, by ${HEAD_GAP}`,
      metric: "headGap",
      over,
      atLeast: HEAD_GAP,
    },
    {
      claim: `From the old delta 95 % of the best that a new one reaches takes at most ${100 * STEPS_SHARE} % of its steps`,
      metric: "stepsShare",
      over,
      atMost: STEPS_SHARE,
    },
    ...[{ atLeast: -OTHER_WITHIN }, { atMost: OTHER_WITHIN }].map((criterion) => ({
      claim: `A start from another task's delta is at most ${OTHER_WITHIN} points ${criterion.atMost === undefined ? "below" : "above"} a new one`,
      metric: "otherGain",
      over,
      ...criterion,
    })),
  ];
}
