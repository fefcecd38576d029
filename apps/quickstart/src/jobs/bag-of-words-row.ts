import type { Mail } from "@cambium/mail";
import { fitBagOfWords, type LabelledText } from "../bag-of-words.ts";
import type { Job } from "../job.ts";
import { measure, type Quality } from "../quality.ts";
import { readMail } from "./prepare.ts";

/** The baseline without a transformer. */
export interface BagOfWordsRow extends Quality {
  readonly trainableCount: number;
  readonly penalty: number;
}

/** Messages as the bag of words takes them. */
export const toTexts = (mails: readonly Mail[]): readonly LabelledText[] =>
  mails.map(({ text, label }) => ({ text, positive: label === "spam" }));

/** Fits the bag of words on all training messages and measures it on the test messages. */
export const bagOfWordsRow: Job<"bagOfWords"> = async (_, context) => {
  const { train, dev, test } = readMail(context);
  context.report(`${train.length} messages, six penalties`);
  const model = fitBagOfWords(toTexts(train), toTexts(dev));
  const quality = measure(model.score(test.map(({ text }) => text)), test);
  return { ...quality, trainableCount: model.trainableCount, penalty: model.penalty };
};
