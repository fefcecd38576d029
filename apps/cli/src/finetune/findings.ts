import type { LabelScore } from "@cambium/models";
import {
  type ClassificationReport,
  fitBagOfWords,
  measureClassification,
  type Table,
  type TableRow,
} from "@cambium/tasks";
import type { Metrics } from "@cambium/train";
import type { Parts, TuningPlan } from "./plan.ts";
import type { LogLine } from "./run-log.ts";

/** A way to do without a model. */
export interface Baseline {
  readonly name: string;
  readonly accuracy: number;
  readonly macroF1: number;
}

/** All that a run found. */
export interface Findings {
  readonly table: Table;
  readonly parts: Parts;
  readonly plan: TuningPlan;
  readonly modelName: string;
  /** The metric that decided which moment is the best. */
  readonly counts: string;
  readonly best: { readonly step: number; readonly value: number };
  readonly isEarly: boolean;
  readonly lines: readonly LogLine[];
  /** Of the test rows. */
  readonly predictions: readonly (readonly LabelScore[] | number)[];
  readonly metrics: Metrics;
  readonly baselines: readonly Baseline[];
  /** Share of the rows that were cut to the most tokens. */
  readonly cutShare: number;
  readonly weights: Readonly<Record<string, number>> | undefined;
  readonly trained: number;
  readonly backend: string;
}

/** The classification of the test rows. */
export function reportOf({ table, parts, predictions }: Findings): ClassificationReport {
  return measureClassification(
    predictions as readonly (readonly LabelScore[])[],
    parts.test.map(({ label }) => label as string),
    { labels: table.labels },
  );
}

const named = (rows: readonly TableRow[]) => rows.map((row) => ({ ...row, label: row.label as string }));

/** What the most frequent class and a bag of words reach on the same rows. */
export function measureBaselines({ train, dev, test }: Parts): Baseline[] {
  const actual = test.map(({ label }) => label as string);
  const counts = new Map<string, number>();
  for (const { label } of named(train)) counts.set(label, (counts.get(label) ?? 0) + 1);
  const [most] = [...counts].reduce((best, each) => (each[1] > best[1] ? each : best));
  const words = fitBagOfWords(named(train), named(dev)).predict(test);
  const all = [
    { name: "the most frequent class", predictions: actual.map(() => most) },
    { name: "bag of words", predictions: words.map(([best]) => best!.label) },
  ];
  return all.map(({ name, predictions }) => {
    const { accuracy, macro } = measureClassification(predictions, actual);
    return { name, accuracy, macroF1: macro.f1 };
  });
}
