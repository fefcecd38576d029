/** What is decided before the first step: parts, weights of classes, method, rate and length. All of it shows in the report. */
import { type JsonObject, sha256 } from "@cambium/base";
import type { Random } from "@cambium/core";
import { usualTraining } from "@cambium/delta";
import { classWeights, dropDuplicates, split, type Table, type TableRow } from "@cambium/tasks";
import { UseError } from "../io.ts";

/** How a table is tuned on; what is absent is chosen. */
export interface FinetuneChoices {
  /** Name of a method of `@cambium/delta`. */
  readonly method?: string;
  /** Settings of the method. @default those of `cambium finetune` for LoRA, else the method's own */
  readonly settings?: JsonObject;
  readonly learningRate?: number;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly maxLength?: number;
}

/** Rows by part, and what was taken out. */
export interface Parts {
  readonly train: readonly TableRow[];
  readonly dev: readonly TableRow[];
  readonly test: readonly TableRow[];
  /** Rows whose text another row has, or almost. */
  readonly duplicates: number;
  /** Of these, rows whose twin has another class. */
  readonly disputed: number;
}

const MEASURED_SHARE = 0.15;
const MOST_MEASURED = 1000;
const NEAR = 0.8;

/**
 * Rows to train on, to choose the best moment by, and to measure.
 *
 * @throws {UseError} When a class has too few rows to be in all of them; names it and its rows.
 */
export function splitTable(table: Table, random: Random): Parts {
  checkClasses(table);
  const size = Math.min(MOST_MEASURED, Math.max(table.labels.length, Math.round(MEASURED_SHARE * table.rows.length)));
  const parts = split(table.rows, { parts: { train: "rest", dev: size, test: size }, random });
  const { parts: kept, dropped, disputed } = dropDuplicates(parts, { near: NEAR });
  for (const [name, rows] of Object.entries(kept)) {
    const missing = table.labels.find((label) => !rows.some((row) => row.label === label));
    if (missing === undefined && rows.length > 0) continue;
    throw new UseError(
      `finetune: no row of class "${missing ?? ""}" is left in the ${name} part of ${table.name} after duplicates and groups are taken into account; add rows of it`,
    );
  }
  return { ...kept, duplicates: dropped.train + dropped.dev + dropped.test, disputed };
}

/** Rows that a class needs: one in each part. */
const LEAST_ROWS = 3;

function checkClasses({ name, labels, rows }: Table): void {
  for (const label of labels) {
    const own = rows.filter((row) => row.label === label);
    if (own.length >= LEAST_ROWS) continue;
    throw new UseError(
      `finetune: class "${label}" of ${name} has ${own.length === 1 ? "one row" : `${own.length} rows`} (row ${own.map(({ row }) => row).join(", ")}), it needs ${LEAST_ROWS} to be learnt, chosen by and measured; add some, or take it out`,
    );
  }
}

/** Largest over smallest class from which on classes are weighted. */
const UNBALANCED = 2;

/** Weights of the classes, where they are unbalanced. */
export function weightsOf(train: readonly TableRow[]): ReadonlyMap<string, number> | undefined {
  const weights = classWeights(train.map(({ label }) => String(label)));
  const values = [...weights.values()];
  return Math.max(...values) / Math.min(...values) >= UNBALANCED ? weights : undefined;
}

/** How a run is trained, with every choice made. */
export interface TuningPlan extends Required<Omit<FinetuneChoices, "settings">> {
  readonly rank: number;
  readonly steps: number;
  readonly evaluateEvery: number;
  readonly patience: number;
}

/** What choices depend on. */
export interface PlanInputs {
  /** dModel. */
  readonly width: number;
  readonly rows: number;
  /** Tokens of each row that is trained on. */
  readonly lengths: readonly number[];
  /** Most tokens that the model reads. */
  readonly modelLength: number;
}

/** Rate by rules of thumb, for a method on a model of that width (dModel). */
export function usualRate(method: string, width: number): number {
  if (method === "head") return 1e-2;
  const rate = width <= 256 ? 2e-3 : width <= 512 ? 1e-3 : width <= 1024 ? 5e-4 : 2e-4;
  return rate * usualTraining(method).factor;
}

const LONGEST = 256;
const USUAL_STEPS = 600;

/**
 * Choices for what was not given: LoRA on every linear layer; a rate that falls with the width (LoRA stands rates ten times as high as
 * full tuning does); as many epochs as give some 600 steps, from 3 to 20, of which early stopping may leave out the rest; and the length
 * that 99 of 100 rows have, at most 256 tokens.
 */
export function planTuning({ width, rows, lengths, modelLength }: PlanInputs, choices: FinetuneChoices): TuningPlan {
  const method = choices.method ?? "lora";
  const learningRate = choices.learningRate ?? usualRate(method, width);
  const batchSize = choices.batchSize ?? 16;
  const perEpoch = Math.ceil(rows / batchSize);
  const epochs = choices.epochs ?? Math.min(20, Math.max(3, Math.round(USUAL_STEPS / perEpoch)));
  const sorted = [...lengths].sort((a, b) => a - b);
  const usual = sorted[Math.min(sorted.length - 1, Math.floor(0.99 * sorted.length))]!;
  const maxLength = choices.maxLength ?? Math.min(modelLength, LONGEST, Math.ceil(usual / 16) * 16);
  return {
    method,
    learningRate,
    batchSize,
    epochs,
    maxLength,
    rank: 8,
    steps: epochs * perEpoch,
    evaluateEvery: perEpoch,
    patience: 5,
  };
}

/** Numbers that a head of regression learns well: near zero, and not all the same. */
export function checkNumbers({ name, columns, rows }: Table, verb = "finetune"): void {
  const values = rows.map(({ label }) => label as number);
  const [least, most] = values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
  if (Math.max(-least, most) <= 10 && most - least >= 0.1) return;
  throw new UseError(
    `${verb}: column "${columns.label}" of ${name} holds numbers from ${least} to ${most}; scale them so that they lie within about −3 to 3, or pass --kind classes`,
  );
}

/** What a run is of: one that was stopped is resumed by the same. */
export function identityOf(table: Table, model: string, settings: FinetuneChoices & JsonObject): JsonObject {
  return { model, ...settings, rows: sha256(JSON.stringify(table.rows)), columns: { ...table.columns } };
}
