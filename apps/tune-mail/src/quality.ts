import type { Mail } from "@cambium/tasks/real";
import { accuracy, f1 } from "@cambium/train";

/** How well spam is found. */
export interface Quality {
  /** Messages judged. */
  readonly count: number;
  /** Share of messages judged rightly. */
  readonly accuracy: number;
  /** Harmonic mean of precision and recall of spam. */
  readonly f1: number;
}

/** Judges a message as spam where its score, in nats of log-odds, is above 0. */
export function measure(scores: ArrayLike<number>, mails: readonly Pick<Mail, "label">[]): Quality {
  const judged = Array.from(scores, (score) => (score > 0 ? "spam" : "ham"));
  const labels = mails.map(({ label }) => label);
  return { count: labels.length, accuracy: accuracy(judged, labels), f1: f1(judged, labels, { positive: "spam" }) };
}
