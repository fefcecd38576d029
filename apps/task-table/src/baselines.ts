import { labelled } from "@cambium/study-kit/runs";
import { fitBagOfWords, measureClassification } from "@cambium/tasks";
import type { LoadedTask } from "@cambium/tasks/real";
import { type TableCell, trainRows } from "./rows.ts";

/** Share of the test rows that have the most frequent class of the training rows. */
export function majorityScore({ train, test, task }: LoadedTask): number {
  if (task.kind === "texts") return 0; // no word is the answer to two definitions that are measured
  const count = (label: string): number => train.filter((row) => row.label === label).length;
  const most = task.labels.reduce((best, label) => (count(label) > count(best) ? label : best));
  return test.filter(({ label }) => label === most).length / test.length;
}

/** Score of words, of which those in one text or in two count: the better one on the development rows. */
export function wordsScore(loaded: LoadedTask, cell: TableCell): number {
  if (loaded.task.kind === "texts") return 0; // no word that is measured is trained on
  const [train, dev, test] = [labelled(trainRows(loaded, cell)), labelled(loaded.dev), labelled(loaded.test)];
  const fitted = [1, 2].map((leastTexts) => fitBagOfWords(train, dev, { leastTexts }));
  const best = fitted.reduce((one, other) => (other.devLoss < one.devLoss ? other : one));
  return measureClassification(
    best.predict(test),
    test.map(({ label }) => label),
  ).accuracy;
}
