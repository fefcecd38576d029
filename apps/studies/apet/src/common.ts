import type { RunCode, Tuning } from "@cambium/experiments";
import { type Extent, TUNING_SEED } from "./plan.ts";

export const METRICS = { accuracy: { unit: "%", digits: 1 } } as const;

/** The code of a part's runs. */
export function codeOf(name: string, per: readonly string[]): RunCode {
  const models = { minilm: "all-MiniLM-L6-v2", smollm2: "SmolLM2-135M-Instruct, Q4_1" };
  return {
    module: new URL("./runs.ts", import.meta.url).href,
    name,
    version: "1",
    inputs: { models, saplings: 1 },
    step: { name: `${name}Step`, per },
  };
}

/** Rates by successive halving, with one budget for whatever is told apart by `per`, on a seed that is reported nowhere. */
export function tuningOf(
  { rates, tuningSteps: [from, to], tunedOn, steps }: Extent,
  per: readonly string[],
  rows: number,
): Tuning {
  return {
    factor: "rate",
    values: rates,
    per,
    at: { task: tunedOn, rows: [rows], steps: [steps], seed: [TUNING_SEED] },
    from,
    to,
    metric: "accuracy",
    goal: "max",
  };
}
