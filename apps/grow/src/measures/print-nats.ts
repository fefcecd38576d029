import { readdir } from "node:fs/promises";
import { folder, hasFile, readJson } from "@cambium/base";
import { disposeParameters } from "@cambium/core";
import { loadModel, loadTokenizer } from "@cambium/models";
import { nextNatsPerCharacter } from "../decoder/nats.ts";
import { spanNatsPerCharacter } from "../spans/nats.ts";
import type { Text } from "../text/text.ts";
import { natsPerCharacter } from "./nats.ts";

/** What is measured. */
export interface NatsOptions {
  readonly models: string;
  /** Name of the one model that is measured. */
  readonly only: string | undefined;
  /** The text, whose held-out documents are the same in both forms; asked for where it is needed. */
  readonly pieces: () => Promise<Text>;
  readonly bytes: () => Promise<Text>;
}

/** What a kind of model guesses, with which head. */
const kinds = {
  bert: { head: { kind: "masked-lm" }, guesses: "hidden words, from both sides", measure: natsPerCharacter },
  llama: {
    head: { kind: "causal-lm" },
    guesses: "all text, from what stands before it",
    measure: nextNatsPerCharacter,
  },
  t5: {
    head: { kind: "sequence-to-sequence" },
    guesses: "hidden words, from both sides",
    measure: spanNatsPerCharacter,
  },
} as const;

/** Prints a line of JSON for each model: nats of a held-out character, by corpus. */
export async function printNats(options: NatsOptions, print: (line: string) => void): Promise<void> {
  const { models, only, pieces, bytes } = options;
  for (const name of (await readdir(models)).sort()) {
    const files = folder(`${models}/${name}`);
    if (name !== (only ?? name) || !(await hasFile(files, "config.json"))) continue;
    const { model_type: type } = (await readJson(files, "config.json")) as { readonly model_type: keyof typeof kinds };
    const { head, guesses, measure } = kinds[type];
    const model = await loadModel(files, { head });
    const tokenizer = await loadTokenizer(files);
    const text = await (type === "bert" ? pieces : bytes)();
    const nats: Record<string, number> = {};
    for (const { name: corpus } of text.corpora)
      nats[corpus] = Number((await measure(model, tokenizer, await text.heldDocuments(corpus))).toFixed(4));
    disposeParameters(model.parameters);
    print(JSON.stringify({ name, guesses, nats }));
  }
}
