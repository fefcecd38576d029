import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { result } from "@cambium/base";
import { disposeParameters, useBackend } from "@cambium/core";
import {
  capture,
  generate,
  type LanguageModel,
  loadModel,
  loadTokenizer,
  type TokenBatch,
  type Tokenizer,
} from "@cambium/models";
import "@cambium/testing";
import { argMax, dispose, div, norm, ones, slice, sub, type Tensor, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";

// A real GGUF file beside what transformers computed from its blocks, where it is at hand: a folder with the one file of
// HuggingFaceTB/SmolLM2-135M-Instruct and its golden.json, named by CAMBIUM_SMOLLM2.

const folder = process.env["CAMBIUM_SMOLLM2"] ?? join(root, "../shared/models/smollm2-135m-instruct");
const isThere = existsSync(join(folder, "golden.json"));
if (!isThere) console.log(`skipped: no SmolLM2 at ${folder}; set CAMBIUM_SMOLLM2 to its folder`);

interface Golden {
  readonly texts: readonly string[];
  readonly ids: readonly number[][];
  readonly logits_last: readonly number[][];
  readonly logits_norm: readonly number[][];
  readonly hidden_norms: readonly number[][];
  readonly loss: readonly number[];
  readonly greedy: {
    readonly prompt: string;
    readonly prompt_ids: number[];
    readonly new_ids: number[];
    readonly text: string;
  };
}

describe.runIf(isThere).each(["float32", "as stored"] as const)(
  "SmolLM2 from its GGUF file, %s, gives transformers' numbers",
  (frozen) => {
    let golden: Golden;
    let model: LanguageModel;
    let tokenizer: Tokenizer;

    beforeAll(async () => {
      await useBackend();
      golden = JSON.parse(readFileSync(join(folder, "golden.json"), "utf8")) as Golden;
      const file = readdirSync(folder).find((name) => name.endsWith(".gguf"))!;
      model = await loadModel(join(folder, file), { head: { kind: "causal-lm" }, frozen });
      tokenizer = await loadTokenizer(join(folder, file));
    });
    afterAll(() => disposeParameters(model.parameters));

    const batchOf = (ids: readonly number[]): TokenBatch => ({
      ids: tensor2d([[...ids]], undefined, "int32"),
      mask: ones([1, ids.length]),
      labels: tensor2d([[...ids]], undefined, "int32"),
    });

    test("ids are equal", () => {
      expect(golden.texts.map((text) => tokenizer.encode(text).ids)).toEqual(golden.ids);
      expect(tokenizer.encode(golden.greedy.prompt).ids).toEqual(golden.greedy.prompt_ids);
    });

    test.each([0, 1, 2])("logits, states and loss of text %i are equal", async (i) => {
      const ids = golden.ids[i]!;
      const batch = batchOf(ids);
      const found = tidy(() => {
        const { output, captured } = capture(model, batch, ["embed", "block"]);
        const logits = output.logits!;
        const states = [...[...captured.values()].slice(0, -1), output.hidden]; // the last stands behind the final norm there
        return [
          slice(logits, [0, ids.length - 1, 0], [1, 1, 32]),
          norm(logits, "euclidean", 2),
          ...states.map((state) => norm(slice(state, [0, ids.length - 1, 0], [1, 1, -1]))),
          model.loss!(batch),
        ];
      });
      const [last, norms, ...rest] = await Promise.all(found.map(async (tensor: Tensor) => [...(await tensor.data())]));
      // Float32 sums of 576 to 1536 products, through 30 layers: the logits' scale is 20, their norms' some 2,000.
      expect(last).toBeAllClose(golden.logits_last[i]!, { absolute: 2e-3, relative: 0 });
      expect(norms).toBeAllClose(golden.logits_norm[i]!, { absolute: 0, relative: 1e-4 });
      expect(rest.slice(0, -1).flat()).toBeAllClose(golden.hidden_norms[i]!, { absolute: 0, relative: 1e-4 });
      expect(rest.at(-1)).toBeAllClose([golden.loss[i]!], { absolute: 1e-4, relative: 0 });
      dispose([...found, ...Object.values(batch)]);
    });

    test.runIf(frozen === "as stored")("logits are those of the float32 load", async () => {
      const file = readdirSync(folder).find((name) => name.endsWith(".gguf"))!;
      const plain = await loadModel(join(folder, file), { head: { kind: "causal-lm" } });
      const batch = batchOf(golden.ids[0]!);
      const error = tidy(() => {
        const [held, floats] = [model, plain].map((each) => each.forward(batch).logits!) as [Tensor, Tensor];
        return div(norm(sub(held, floats)), norm(floats));
      });
      expect((await error.data())[0]).toBeLessThan(1e-5);
      dispose([error, ...Object.values(batch)]);
      disposeParameters(plain.parameters);
    });

    test("each word of the greedy reply is the likeliest", async () => {
      const { prompt_ids, new_ids, text } = golden.greedy;
      const batch = batchOf([...prompt_ids, ...new_ids.slice(0, -1)]);
      const likeliest = tidy(() => argMax(model.forward(batch).logits!, 2));
      expect([...(await likeliest.data())].slice(prompt_ids.length - 1)).toEqual(new_ids);
      expect(tokenizer.decode(new_ids)).toBe(text.replace("<|im_end|>", ""));
      dispose([likeliest, ...Object.values(batch)]);
    });

    test("the reply that is generated is that text, or as likely word by word in blocks, and JSON is JSON", async () => {
      const { prompt, prompt_ids, new_ids, text } = golden.greedy;
      const end = tokenizer.special.eos!;
      const { generated } = await result(generate(model, tokenizer, prompt, { maxTokens: new_ids.length }));
      if (frozen === "float32") {
        expect(generated.ids).toEqual(new_ids.filter((id) => id !== end));
        expect(generated.text.trim()).toBe(text.replace("<|im_end|>", "").trim());
      }
      // Compiled passes round what is multiplied with blocks to 8 bits: the best two words of this reply lie 0.4 apart.
      const batch = batchOf([...prompt_ids, ...generated.ids.slice(0, -1)]);
      const logits = tidy(() => model.forward(batch).logits!);
      const scores = (await logits.array()) as number[][][];
      for (const [i, id] of generated.ids.entries()) {
        const row = scores[0]![prompt_ids.length - 1 + i]!;
        expect(Math.max(...row) - row[id]!).toBeLessThan(frozen === "float32" ? 1e-3 : 1.5);
      }
      dispose([logits, ...Object.values(batch)]);
      const schema = {
        type: "object",
        properties: { capital: { type: "string", maxLength: 20 } },
        required: ["capital"],
      };
      const question = [{ role: "user", content: "What is the capital of France? Answer in JSON." }];
      const reply = await result(generate(model, tokenizer, question, { format: { schema }, maxTokens: 40 }));
      expect(reply.generated.finish).toBe("stop");
      expect(JSON.parse(reply.generated.text)).toEqual({ capital: expect.stringContaining("Paris") });
    });
  },
);
