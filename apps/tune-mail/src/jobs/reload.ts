import { join } from "node:path";
import { attach, loadAdapter } from "@cambium/delta";
import { loadClassifier, scoreMails } from "../classifier.ts";
import type { Job } from "../job.ts";
import { readMail } from "./prepare.ts";

/** What the saved adapter says in a fresh process. */
export interface Reloaded {
  /** Log-odds of spam of each test message. */
  readonly scores: readonly number[];
}

/** Reads the base model and the saved adapter again and scores the test messages with them. */
export const reload: Job<"reload"> = async (_, context) => {
  const { test } = readMail(context);
  const { base, toBatch } = await loadClassifier(context.settings);
  const tuned = attach(base, await loadAdapter(base, join(context.folder.out, "adapter")));
  return {
    scores: await scoreMails(tuned, test, toBatch, (done) => context.report(`${done} of ${test.length} test messages`)),
  };
};
