import { loadMail, type Mail, type MailSplit, mailSplit } from "@cambium/tasks/real";
import type { Job, JobContext } from "../job.ts";

/** Messages by part. */
export interface MailCounts {
  readonly train: number;
  readonly dev: number;
  readonly test: number;
  /** Share of spam among the test messages. */
  readonly testSpam: number;
}

const isSpam = ({ label }: Mail): boolean => label === "spam";

/** `count` items evenly spaced over a list: the corpus stands in order of its groups, and each is to be met. */
export function thinOut<Item>(items: readonly Item[], count = items.length): readonly Item[] {
  if (count >= items.length) return items;
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!);
}

/** The messages of a run, as `prepare` left them. */
export function readMail({ folder, settings }: JobContext): MailSplit {
  const { train, dev, test } = folder.read<MailSplit>("mail")!;
  const { limits } = settings;
  return { train: thinOut(train, limits.train), dev: thinOut(dev, limits.dev), test: thinOut(test, limits.test) };
}

/** Reads, cleans and splits the messages once, for all other jobs. */
export const prepare: Job<"prepare"> = async (_, context) => {
  context.report("reading 6,046 messages");
  context.folder.write("mail", mailSplit(await loadMail()));
  const { train, dev, test } = readMail(context);
  return {
    train: train.length,
    dev: dev.length,
    test: test.length,
    testSpam: test.filter(isSpam).length / test.length,
  };
};
