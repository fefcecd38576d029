import { createHash } from "node:crypto";
import { type Mail, normaliseBody } from "./load.ts";

/** Messages to train on, to choose settings by, and to report. */
export interface MailSplit {
  readonly train: readonly Mail[];
  readonly dev: readonly Mail[];
  readonly test: readonly Mail[];
}

/** Letters at the start of a body that decide its part: copies of one campaign that differ further down stay together. */
const OPENING_LETTERS = 60;

/** A number in [0, 1) that depends on a body's opening letters only. */
function place(text: string): number {
  const digest = createHash("sha256").update(normaliseBody(text).slice(0, OPENING_LETTERS)).digest();
  return digest.readUInt32BE(0) / 2 ** 32;
}

/**
 * About 70 % of the messages to train, 15 % for development, 15 % to test.
 *
 * A message's part follows from its own text by a hash, not from its neighbours or a seed: it is the same in every
 * program, and messages that open alike are never on two sides.
 */
export function mailSplit(mails: readonly Mail[]): MailSplit {
  const parts = { train: [] as Mail[], dev: [] as Mail[], test: [] as Mail[] };
  for (const mail of mails) {
    const at = place(mail.text);
    parts[at < 0.7 ? "train" : at < 0.85 ? "dev" : "test"].push(mail);
  }
  return parts;
}
