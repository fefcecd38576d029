/**
 * Labelled text as training rows: tables read strictly, splits without leaks, and measures per class.
 *
 * @module
 */
export type { Calibration, CalibrationBin } from "./metrics/calibration.ts";
export { type Classifier, classWeights, type Penalised, weightClasses } from "./metrics/class-weights.ts";
export {
  type ClassificationOptions,
  type ClassificationReport,
  type ClassScores,
  measureClassification,
  type Scores,
} from "./metrics/classification.ts";
export { measureNumbers, type NumbersReport } from "./metrics/numbers.ts";
export { measureTexts, type TextsReport } from "./metrics/texts.ts";
export type { Columns } from "./read/columns.ts";
export type { LabelKind } from "./read/labels.ts";
export { readTable, type Table, type TableRow } from "./read/read-table.ts";
export type { Role, TableFormat, TableOptions, TableSource } from "./read/table-options.ts";
export {
  type DroppedDuplicates,
  type Duplicate,
  type DuplicateOptions,
  dropDuplicates,
  dropKnown,
  findDuplicates,
  normaliseText,
} from "./splits/duplicates.ts";
export { type FewShotOptions, fewShot } from "./splits/few-shot.ts";
export type { SplitRow } from "./splits/row-parts.ts";
export { type SplitOptions, split } from "./splits/split.ts";
export type { ClassifierOptions, TaskClassifier } from "./task/classifier.ts";
export { defineTask, type Form, type Task, type TaskOptions, type WordForm } from "./task/define-task.ts";
export type { RowsOptions, TaskRow, TaskRows } from "./task/rows.ts";
export type { Texts } from "./task/template.ts";
export { type BagOfWords, type BagOfWordsOptions, fitBagOfWords, type LabelledTexts } from "./words/bag-of-words.ts";
