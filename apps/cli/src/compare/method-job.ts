/** What a process that tunes by one method is asked, and what it says. */
import type { JsonObject } from "@cambium/base";
import type { TableOptions } from "@cambium/tasks";
import type { Metrics } from "@cambium/train";
import type { FinetuneChoices } from "../finetune/plan.ts";

/** One method on a table. */
export interface MethodJob {
  readonly table: string;
  readonly tableOptions: TableOptions;
  readonly model: string;
  readonly method: string;
  readonly settings: JsonObject;
  readonly choices: Pick<FinetuneChoices, "epochs" | "batchSize" | "maxLength">;
  /** Where the search for the method's rate begins. */
  readonly learningRate: number;
  readonly out: string;
  readonly seed: number;
}

/** What came of one rate. */
export interface RateResult {
  readonly method: string;
  readonly settings: JsonObject;
  /** Trained scalars, the head's among them. */
  readonly trained: number;
  readonly learningRate: number;
  /** Median of a step. */
  readonly stepMs: number;
  /** From the first step to the last, evaluations included. */
  readonly totalMs: number;
  /** The most memory that the process had, program and runtime included. */
  readonly peakBytes: number;
  /** Of the adapter's folder. */
  readonly fileBytes: number;
  /** On rows that were never seen. */
  readonly metrics: Metrics;
  readonly rows: number;
  /** Macro F1, or minus the error of numbers, on the rows to develop by, at the best moment: the higher, the better. */
  readonly development: number;
}

/** A rate at which a loss was not finite. */
export interface Diverged {
  readonly learningRate: number;
  readonly development: null;
}

/** What came of a method, at the rate that the rows to develop by chose. */
export interface MethodResult extends RateResult {
  /** All rates that were tried, in their order. */
  readonly tried: readonly { readonly learningRate: number; readonly development: number | null }[];
}

/** What the process sends. */
export type MethodMessage =
  | { readonly type: "line"; readonly line: string }
  | { readonly type: "result"; readonly result: RateResult | Diverged }
  | { readonly type: "stopped" }
  | { readonly type: "problem"; readonly message: string; readonly isUse: boolean };
