/** Tuned models generate what PEFT's do, and rows of a mixed model what their deltas do alone. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { result } from "@cambium/base";
import { disposeParameters, mapParameters, random } from "@cambium/core";
import {
  choose,
  createTokenizer,
  generate,
  generateBatch,
  type LanguageModel,
  loadModel,
  readPrefix,
} from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { describe, expect, test } from "vitest";
import { attach } from "./attach.ts";
import { loadAdapter } from "./files/load-adapter.ts";
import { lora } from "./methods/lora.ts";
import { perRow } from "./per-row.ts";

const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url));
const models = fileURLToPath(new URL("../../models/fixtures/", import.meta.url));

interface Case {
  readonly options: Readonly<Record<string, unknown>>;
  readonly rows: readonly { readonly ids: readonly number[]; readonly ended: boolean }[];
}

const golden = JSON.parse(readFileSync(`${fixtures}generation/golden.json`, "utf8")) as {
  readonly prompts: readonly (readonly number[])[];
  readonly newTokens: number;
  readonly adapters: Readonly<
    Record<string, { readonly family: string; readonly ends: readonly number[]; readonly cases: readonly Case[] }>
  >;
};
const bases: Readonly<Record<string, string>> = {
  gpt2: "gpt2/gelu-new",
  llama: "llama/llama3",
  mistral: "mistral/window",
  qwen3: "qwen3/norms",
  t5: "t5/v1.1",
};
const words: Readonly<Record<string, string>> = {
  num_beams: "beams",
  length_penalty: "lengthPenalty",
  early_stopping: "earlyStopping",
  repetition_penalty: "repetitionPenalty",
};
const tokenizer = createTokenizer(JSON.parse(readFileSync(`${models}tokenizers/gpt2.json`, "utf8")));

test.each(Object.entries(golden.adapters))(
  "a model with %s generates what PEFT's does",
  async (folder, { family, ends, cases }) => {
    const kind = family === "t5" ? "sequence-to-sequence" : "causal-lm";
    const base = await loadModel(`${models}${bases[family]}`, { head: { kind } });
    const tuned = attach(base, await loadAdapter(base, `${fixtures}${folder}`));
    for (const { options, rows } of cases) {
      const given = Object.fromEntries(Object.entries(options).map(([key, value]) => [words[key], value]));
      const { generated } = await result(
        generateBatch(tuned, tokenizer, golden.prompts, { maxTokens: golden.newTokens, stopIds: ends, ...given }),
      );
      expect(generated.map(({ ids, finish }) => ({ ids, ended: finish === "stop" }))).toEqual(rows);
    }
    disposeParameters(tuned.parameters);
    disposeParameters(base.parameters);
  },
);

describe("rows of a mixed model", () => {
  const prompts = [[3, 9, 14], [7], [3, 9, 14], [5, 8, 2, 6]];
  const deltas = [1, -1, 0, 1];
  const options = { maxTokens: 8, stopIds: [] };

  function moved(model: LanguageModel, seed: number, rank: number) {
    const delta = lora(model, { rank }, random(seed));
    const parameters = mapParameters(delta.parameters, (value, name) => random(seed).at(name).normal(value.shape));
    disposeParameters(delta.parameters);
    return { ...delta, parameters };
  }

  test("each is written by its delta, also when others have ended, behind a prefix and by beams", async () => {
    const base = tinyModel({ type: "llama", head: { kind: "causal-lm" } });
    const [first, second] = [moved(base, 1, 2), moved(base, 2, 3)];
    const mixed = attach(base, perRow({ first, second }));
    const runners = [attach(base, first), attach(base, second), base] as const;
    const of = (delta: number) => runners[delta === -1 ? 2 : (delta as 0 | 1)];
    for (const more of [{}, { beams: 3 }, { stopIds: [1, 2, 3, 4, 5, 6, 7, 8] }]) {
      const { generated } = await result(generateBatch(mixed, tokenizer, prompts, { ...options, ...more, deltas }));
      for (const [i, prompt] of prompts.entries()) {
        const alone = await result(generate(of(deltas[i]!), tokenizer, prompt, { ...options, ...more }));
        expect(generated[i]!.ids).toEqual(alone.generated.ids);
      }
    }
    const prefix = await readPrefix(mixed, tokenizer, [3, 9], { delta: 1 });
    const { generated } = await result(generate(mixed, tokenizer, prompts[0]!, { ...options, prefix, delta: 1 }));
    expect(generated.ids).toEqual((await result(generate(of(1), tokenizer, prompts[0]!, options))).generated.ids);
    await expect(result(generate(mixed, tokenizer, prompts[0]!, { ...options, prefix, delta: 0 }))).rejects.toThrow(
      "row 0 wants delta 0, and what it stands behind was read with delta 1",
    );
    const [choice] = await choose(mixed, tokenizer, [3, 9], ["!"], { delta: 0 });
    const [alone] = await choose(of(0), tokenizer, [3, 9], ["!"]);
    expect(choice!.logProbability).toBeCloseTo(alone!.logProbability, 4);
    prefix.dispose();
    for (const { parameters } of [first, second, base]) disposeParameters(parameters);
  });
});
