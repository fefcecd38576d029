import { type BagOfWords, fitBagOfWords } from "@cambium/tasks";
import type { Mail } from "@cambium/tasks/real";
import type { Job } from "../job.ts";
import { measure, type Quality } from "../quality.ts";
import { readMail } from "./prepare.ts";

/** The baseline without a transformer. */
export interface BagOfWordsRow extends Quality {
  readonly trainableCount: number;
  readonly penalty: number;
}

/** Log-odds of spam, in nats: the second of the two classes. */
export const spamScores = (model: BagOfWords, mails: readonly Mail[]): number[] =>
  model.score(mails).map(([, spam]) => spam!);

/** Fits the bag of words on all training messages and measures it on the test messages. */
export const bagOfWordsRow: Job<"bagOfWords"> = async (_, context) => {
  const { train, dev, test } = readMail(context);
  context.report(`${train.length} messages, six penalties`);
  const model = fitBagOfWords(train, dev);
  const quality = measure(spamScores(model, test), test);
  return { ...quality, trainableCount: model.trainableCount, penalty: model.penalty };
};
