/** The report of a run as a page. */
import {
  type Block,
  code,
  type Figure,
  plotBars,
  plotLines,
  plotPoints,
  type Report,
  report,
  type Section,
  settings as showSettings,
} from "@cambium/report";
import { environment } from "./environment.ts";
import { fewShotTable, resultsTable } from "./results.ts";
import { type Findings, formatSmall } from "./run.ts";
import type { Settings } from "./settings.ts";
import { summarise, wilsonInterval } from "./statistics.ts";

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function accuracyFigure({ bagOfWords, tuned }: Findings): Figure {
  const rows = [{ name: "bag of words", result: bagOfWords.result }, ...tuned].map(
    ({ name, result: { count, accuracy } }) => {
      const [low, high] = wilsonInterval(accuracy, count);
      return { name, value: 100 * accuracy, low: 100 * low, high: 100 * high };
    },
  );
  return plotPoints({
    title: "Accuracy on test messages",
    description:
      "Lines are 95 % intervals (Wilson) over the test messages, from one run; they say nothing about other seeds.",
    value: { label: "accuracy", unit: "%" },
    rows,
  });
}

/** Points of a loss curve: batches differ, so each point is the mean of a few. */
const LOSS_POINTS = 40;

function lossFigure({ tuned }: Findings): Figure {
  const size = Math.ceil(tuned[0]!.result.losses.length / LOSS_POINTS);
  const series = tuned.map(({ name, result: { losses } }) => {
    const groups = Array.from({ length: Math.ceil(losses.length / size) }, (_, i) =>
      losses.slice(i * size, (i + 1) * size),
    );
    const points = groups.map((group) => ({
      x: group.at(-1)!.step,
      y: summarise(group.map(({ value }) => value)).mean,
    }));
    return { name, points };
  });
  return plotLines({
    title: "Training loss",
    description:
      size === 1 ? "Of each batch, before its update." : `Mean of ${size} batches, before each one's update.`,
    x: { label: "step" },
    y: { label: "loss", unit: "nats a message" },
    series,
  });
}

function developmentFigure({ tuned }: Findings): Figure {
  return plotLines({
    title: "Accuracy on development messages while training",
    x: { label: "step" },
    y: { label: "accuracy", unit: "%" },
    series: tuned.map(({ name, result: { accuracies } }) => ({
      name,
      points: accuracies.map(({ step, value }) => ({ x: step, y: 100 * value })),
    })),
  });
}

function memoryFigure({ bagOfWords, tuned }: Findings): Figure {
  return plotBars({
    title: "Peak memory",
    description:
      "Largest resident set of the process that did the row and nothing else: Node, libraries, data, weights, activations.",
    value: { label: "resident set", unit: "MiB" },
    rows: [
      { name: "bag of words", value: bagOfWords.peakMiB },
      ...tuned.map(({ name, peakMiB }) => ({ name, value: peakMiB })),
    ],
  });
}

function fewShotFigure({ fewShot }: Findings): Figure {
  const series = (["lora", "bagOfWords"] as const).map((method) => ({
    name: method === "lora" ? "LoRA" : "bag of words",
    points: fewShot.map(({ labels, draws }) => {
      const { mean, deviation } = summarise(draws.map((draw) => 100 * draw[method]));
      return { x: labels, y: mean, low: mean - deviation, high: mean + deviation };
    }),
  }));
  return plotLines({
    title: "Accuracy by number of labels",
    description: "Mean over draws of the labelled messages; the band is one standard deviation.",
    x: { label: "labelled messages", scale: "log", ticks: fewShot.map(({ labels }) => labels) },
    y: { label: "accuracy", unit: "%" },
    series,
  });
}

function summary({ tuned, mail }: Findings): string {
  const { result } = tuned.find(({ method }) => method === "lora")!;
  const share = (100 * result.trainableCount) / result.weightCount;
  return `A small pretrained transformer, tuned on ${mail.train} e-mails: LoRA trains ${result.trainableCount.toLocaleString("en-US")} scalars (${share.toFixed(1)} % of the model's ${result.weightCount.toLocaleString("en-US")}) and judges ${percent(result.accuracy)} of ${mail.test} held-out messages rightly.`;
}

const dataText = (maxLength: number): string =>
  `SpamAssassin's public mail, without any header and without signatures and list footers; of messages with the same letters one is kept. A message's part (training, development, test) follows from a hash of its own opening letters, so copies of one campaign are on one side.

The transformer reads the first ${maxLength} word pieces of a message; the bag of words reads all of it. The bag of words is a logistic regression on tf-idf features whose penalty is the best of six on the development messages.`;

/** The page with tables, curves, settings and environment. */
export function createPage(findings: Findings, settings: Settings, command: string): Report {
  const few: readonly Block[] = findings.fewShot.length === 0 ? [] : [fewShotTable(findings), fewShotFigure(findings)];
  const sections: readonly Section[] = [
    { title: "Results", blocks: [resultsTable(findings), accuracyFigure(findings)] },
    ...(few.length === 0 ? [] : [{ title: "Few labels", blocks: few }]),
    { title: "Curves", blocks: [lossFigure(findings), developmentFigure(findings)] },
    {
      title: "Cost",
      blocks: [
        memoryFigure(findings),
        `The adapter was saved as a PEFT folder and read again in a fresh process: the largest difference between its scores and the first ones was ${formatSmall(findings.reloadDifference)} nats.`,
      ],
    },
    { title: "Data", blocks: [dataText(settings.maxLength)] },
    {
      title: "To do it again",
      blocks: [
        code(command),
        showSettings("Settings", settings),
        showSettings("Environment", environment(findings.runtime)),
      ],
    },
  ];
  return report({ title: "Spam or ham: four ways to tune", summary: summary(findings), sections });
}
