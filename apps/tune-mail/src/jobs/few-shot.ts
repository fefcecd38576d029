/** Few labels: where a pretrained model earns its keep. */
import { setImmediate } from "node:timers/promises";
import { result } from "@cambium/base";
import { disposeParameters, type Random, random } from "@cambium/core";
import { attach } from "@cambium/delta";
import { fitBagOfWords } from "@cambium/tasks";
import type { Mail } from "@cambium/tasks/real";
import { adamW, batches, linear, train } from "@cambium/train";
import { type Classifier, loadClassifier, scoreMails } from "../classifier.ts";
import type { Job } from "../job.ts";
import { measure } from "../quality.ts";
import type { Settings } from "../settings.ts";
import { spamScores } from "./bag-of-words-row.ts";
import { readMail } from "./prepare.ts";
import { createDeltas } from "./tune.ts";

/** Test accuracies of both methods on the same few messages. */
export interface Draw {
  readonly bagOfWords: number;
  readonly lora: number;
}

/** Every draw of one number of labels. */
export interface FewShotRow {
  readonly labels: number;
  readonly draws: readonly Draw[];
}

/** `count` messages at random, with both classes among them. */
export function drawMails(mails: readonly Mail[], count: number, random: Random): readonly Mail[] {
  for (let attempt = 0; ; attempt++) {
    const drawn = [...random.at(attempt).permutation(mails.length)].slice(0, count).map((index) => mails[index]!);
    if (new Set(drawn.map(({ label }) => label)).size === 2) return drawn;
  }
}

/** LoRA and the head on a few messages: the same number of steps whatever the number of labels. */
async function tuneOnFew(
  { base, toBatch }: Classifier,
  drawn: readonly Mail[],
  test: readonly Mail[],
  settings: Settings,
  seed: Random,
): Promise<number[]> {
  const tuned = attach(base, ...createDeltas("lora", base, settings, seed.at("delta")));
  const { steps } = settings.fewShot!;
  const data = batches(drawn, toBatch, { size: Math.min(settings.batchSize, drawn.length), random: seed.at("order") });
  const { parameters } = await result(
    train(tuned, data, {
      optimiser: adamW({ learningRate: linear(settings.lora.learningRate, { warmUp: Math.ceil(steps / 10), steps }) }),
      steps,
      clipNorm: 1,
      random: seed.at("dropout"),
    }),
  );
  const scores = await scoreMails(tuned.with(parameters), test, toBatch);
  disposeParameters(parameters);
  disposeParameters(tuned.parameters);
  return scores;
}

/** All draws of one number of labels. Those that an earlier process finished are kept. */
export const fewShot: Job<"fewShot"> = async (labels, context) => {
  const { settings, folder, report, signal } = context;
  const { train, dev, test } = readMail(context);
  const name = `few-shot-${labels}`;
  const { draws } = settings.fewShot!;
  const classifier = await loadClassifier(settings);
  for (let draw = folder.list<Draw>(name).length; draw < draws; draw++) {
    await setImmediate(); // lets a "stop" from the parent in
    if (signal.aborted) return undefined;
    report(`draw ${draw + 1} of ${draws}`);
    const seed = random(settings.seed).at("few-shot").at(labels).at(draw);
    const drawn = drawMails(train, labels, seed.at("mails"));
    const scores = await tuneOnFew(classifier, drawn, test, settings, seed);
    const words = spamScores(fitBagOfWords(drawn, dev), test);
    folder.append(name, {
      bagOfWords: measure(words, test).accuracy,
      lora: measure(scores, test).accuracy,
    } satisfies Draw);
  }
  return { labels, draws: folder.list<Draw>(name) };
};
