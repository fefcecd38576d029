/** Beside transformers: `make_generation.py` of the fixtures says how the numbers were made. */
import { result } from "@cambium/base";
import { disposeParameters } from "@cambium/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixture, fixtureJson } from "../fixtures.ts";
import type { LanguageModel } from "../language-model.ts";
import { loadModel } from "../load.ts";
import { createTokenizer } from "../tokenizer.ts";
import { type GenerateBatchOptions, generate, generateBatch } from "./generate.ts";
import { openDecoder } from "./open-decoder.ts";
import type { Generated } from "./row.ts";
import { filter, penalise } from "./scores.ts";

/** transformers' names. */
interface Options {
  readonly num_beams?: number;
  readonly length_penalty?: number;
  readonly early_stopping?: boolean | "never";
  readonly repetition_penalty?: number;
  readonly no_repeat_ngram_size?: number;
  readonly temperature?: number;
  readonly top_k?: number;
  readonly top_p?: number;
  readonly min_p?: number;
}

interface Case {
  readonly options: Options;
  readonly rows: readonly { readonly ids: readonly number[]; readonly ended: boolean; readonly score?: number }[];
}

interface GoldenModel {
  readonly ends: readonly number[];
  readonly greedy: readonly Case[];
  readonly beams: readonly Case[];
  readonly sampling: readonly { readonly options: Options; readonly probabilities: readonly (readonly number[])[] }[];
  readonly scored: readonly {
    readonly id: number;
    readonly logProbability: number;
    readonly alternatives: readonly (readonly [id: number, logProbability: number])[];
  }[];
}

const golden = fixtureJson<{
  readonly prompts: readonly (readonly number[])[];
  readonly newTokens: number;
  readonly models: Readonly<Record<string, GoldenModel>>;
}>("generation.json");
const { prompts, newTokens } = golden;
const tokenizer = createTokenizer(fixtureJson("tokenizers/gpt2.json"));

/** transformers' options in our words. */
function ours(options: Options): GenerateBatchOptions {
  const words = {
    num_beams: "beams",
    length_penalty: "lengthPenalty",
    early_stopping: "earlyStopping",
    repetition_penalty: "repetitionPenalty",
    no_repeat_ngram_size: "noRepeatNgram",
  } as const;
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [words[key as keyof typeof words], value]));
}

const idsAndEnds = (rows: readonly Generated[]) => rows.map(({ ids, finish }) => ({ ids, ended: finish === "stop" }));

describe.each(Object.entries(golden.models))(
  "%s beside transformers",
  (folder, { ends, greedy, beams, sampling, scored }) => {
    let model: LanguageModel;
    beforeAll(async () => {
      const kind = folder.startsWith("t5") ? "sequence-to-sequence" : "causal-lm";
      model = await loadModel(fixture(folder), { head: { kind } });
    });
    afterAll(() => disposeParameters(model.parameters));

    test.each(greedy)("the likeliest ids of a mixed batch are equal: $options", async ({ options, rows }) => {
      const { generated } = await result(
        generateBatch(model, tokenizer, prompts, { maxTokens: newTokens, stopIds: ends, ...ours(options) }),
      );
      expect(idsAndEnds(generated)).toEqual(rows.map(({ ids, ended }) => ({ ids, ended })));
    });

    test.each(beams)("the best texts of a search are equal: $options", async ({ options, rows }) => {
      const { generated } = await result(
        generateBatch(model, tokenizer, prompts, { maxTokens: newTokens, stopIds: ends, ...ours(options) }),
      );
      expect(idsAndEnds(generated)).toEqual(rows.map(({ ids, ended }) => ({ ids, ended })));
      // Sums of up to 14 float32 log-probabilities, over or times powers of their count up to the third.
      expect(generated.map(({ score }) => score!)).toBeAllClose(
        rows.map(({ score }) => score!),
        { relative: 1e-5, absolute: 1e-5 },
      );
    });

    test.each(sampling)("what is drawn from is equal: $options", async ({ options, probabilities }) => {
      const { repetitionPenalty = 1, noRepeatNgram = 0 } = ours(options);
      const { temperature = 1, top_k: topK, top_p: topP = 1, min_p: minP = 0 } = options;
      const penalties = { repetitionPenalty, noRepeatNgram, presencePenalty: 0, frequencyPenalty: 0 };
      const decoder = openDecoder("test", model);
      const { sequences, scores } = await decoder.begin(prompts);
      sequences.dispose();
      for (const [i, prompt] of prompts.entries()) {
        const own = scores.slice(i * decoder.vocab, (i + 1) * decoder.vocab);
        const ids = folder.startsWith("t5") ? [0] : prompt;
        penalise(own, ids, ids.length, penalties);
        filter(own, { temperature, topK, topP, minP });
        const weights = own.map((score) => Math.exp(score - Math.max(...own)));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        // Float32 logits of scale 1 to 5 differ by some 1e-6.
        expect(weights.map((weight) => weight / total)).toBeAllClose(probabilities[i]!, {
          relative: 1e-4,
          absolute: 1e-6,
        });
      }
    });

    test("log-probabilities and the likeliest in a token's place are equal", async () => {
      const { generated } = await result(
        generate(model, tokenizer, prompts[0]!, { maxTokens: 5, stopIds: [], logProbabilities: 4 }),
      );
      const tokens = generated.tokens!;
      expect(tokens.map(({ id, alternatives }) => [id, ...alternatives.map((each) => each.id)])).toEqual(
        scored.map(({ id, alternatives }) => [id, ...alternatives.map(([each]) => each)]),
      );
      const close = { relative: 1e-4, absolute: 1e-5 };
      expect(tokens.map(({ logProbability }) => logProbability)).toBeAllClose(
        scored.map(({ logProbability }) => logProbability),
        close,
      );
      expect(
        tokens.flatMap(({ alternatives }) => alternatives.map(({ logProbability }) => logProbability)),
      ).toBeAllClose(
        scored.flatMap(({ alternatives }) => alternatives.map(([, each]) => each)),
        close,
      );
    });
  },
);
