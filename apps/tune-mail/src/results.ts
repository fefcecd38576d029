/** The tables of a run, for the terminal and for the page. */
import { type Table, table } from "@cambium/report";
import type { Findings } from "./run.ts";
import { summarise } from "./statistics.ts";

/** Every method on all labels. */
export function resultsTable({ mail, bagOfWords, tuned }: Findings): Table {
  const { result: words, peakMiB } = bagOfWords;
  return table({
    caption: `${mail.test} test messages, ${Math.round(100 * mail.testSpam)} % of them spam. Peak memory is the resident set of the row's own process, Node included; step time is the median.`,
    columns: [
      { name: "method" },
      { name: "accuracy", unit: "%", digits: 1 },
      { name: "F1 of spam", digits: 3 },
      { name: "trainable" },
      { name: "step", unit: "ms", digits: 1 },
      { name: "peak memory", unit: "MiB", digits: 0 },
    ],
    rows: [
      ["bag of words", 100 * words.accuracy, words.f1, words.trainableCount, undefined, peakMiB],
      ...tuned.map(({ name, result, peakMiB }) => [
        name,
        100 * result.accuracy,
        result.f1,
        result.trainableCount,
        result.stepMs,
        peakMiB,
      ]),
    ],
  });
}

const spread = (values: readonly number[]): string => {
  const { mean, deviation } = summarise(values.map((value) => 100 * value));
  return `${mean.toFixed(1)} ± ${deviation.toFixed(1)}`;
};

/** LoRA and the bag of words on few labels. */
export function fewShotTable({ fewShot }: Findings): Table {
  const draws = fewShot[0]!.draws.length;
  return table({
    caption: `Accuracy on the same test messages in %, mean ± standard deviation over ${draws} draws of the labelled messages; both methods learn from the same draws.`,
    columns: [{ name: "labels" }, { name: "LoRA" }, { name: "bag of words" }],
    rows: fewShot.map(({ labels, draws }) => [
      String(labels),
      spread(draws.map(({ lora }) => lora)),
      spread(draws.map(({ bagOfWords }) => bagOfWords)),
    ]),
  });
}
