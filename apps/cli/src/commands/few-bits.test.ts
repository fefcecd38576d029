/** An adapter that was trained on a model in few bits, on its way: chatted with, merged in float32, exported. */
import { join } from "node:path";
import { result } from "@cambium/base";
import { disposeParameters, measureQuantisation, random, useBackend } from "@cambium/core";
import { attach, loadAdapter, lora, saveAdapter } from "@cambium/delta";
import {
  collate,
  createModel,
  type LanguageModel,
  loadModel,
  loadTokenizer,
  type RunnableModel,
  saveGguf,
  type TokenBatch,
  type Tokenizer,
} from "@cambium/models";
import { tinyChat } from "@cambium/models/testing";
import { adamW, batches, train } from "@cambium/train";
import { dispose, div, norm, sub, tidy } from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { recorded } from "../recorded.fixture.ts";
import { tinyFolder } from "../tiny-chat.fixture.ts";

const folder = tinyFolder();

/** Blocks of 4 bits are rounded once: "as stored" by the file, "int4" by whoever loads it. */
const files = { "as stored": join(folder, "blocks.gguf"), int4: join(folder, "floats.gguf") };
const rows = [
  {
    messages: [
      { role: "user", content: "Hello?" },
      { role: "assistant", content: "yes" },
    ],
  },
  {
    messages: [
      { role: "user", content: "Who?" },
      { role: "assistant", content: "me" },
    ],
  },
];

/** Every row of a matrix is whole blocks of 32. */
beforeAll(async () => {
  await useBackend("cpu");
  const { model: sizes, tokenizer } = tinyChat();
  disposeParameters(sizes.parameters);
  const model = createModel({ ...sizes.config, intermediate_size: 64 }, random(1), { head: { kind: "causal-lm" } });
  await saveGguf(model, files["as stored"], { tokenizer, dtype: "q4_0" });
  await saveGguf(model, files.int4, { tokenizer, dtype: "float32" });
  disposeParameters(model.parameters);
});

const load = (source: string, frozen: "float32" | "int4" | "as stored" = "float32"): Promise<LanguageModel> =>
  loadModel(source, { head: { kind: "causal-lm" }, frozen });

async function trainAdapter(frozen: keyof typeof files, tokenizer: Tokenizer, adapter: string): Promise<void> {
  const base = await load(files[frozen], frozen);
  const tuned = attach(base, lora(base, { rank: 4, targets: "all-linear" }, random(1)));
  const data = batches(rows, collate(base, tokenizer, { maxLength: 96 }), { size: 2 });
  const options = { optimiser: adamW({ learningRate: 2e-2 }), steps: 30, random: random(2) };
  const { parameters } = await result(train(tuned, data, options));
  await saveAdapter(tuned.with(parameters), adapter);
  for (const tree of [parameters, tuned.parameters, base.parameters]) disposeParameters(tree);
}

/** How far a model's logits are from another's, as the norm of the difference over that of the other's. */
const distance = (model: RunnableModel, other: RunnableModel, batch: TokenBatch): number =>
  tidy(() => {
    const [got, expected] = [model.forward(batch).logits!, other.forward(batch).logits!];
    return div(norm(sub(got, expected)), norm(expected)).dataSync()[0]!;
  });

test.each(["int4", "as stored"] as const)(
  "a LoRA that was trained on %s is chatted with, and its merged model is that of float32 within the error of its bits",
  async (frozen) => {
    const file = files[frozen];
    const tokenizer = await loadTokenizer(file);
    const [adapter, merged, gguf] = ["adapter", "merged", "merged.gguf"].map((name) => join(folder, frozen, name)) as [
      string,
      string,
      string,
    ];
    await trainAdapter(frozen, tokenizer, adapter);

    const chat = ["chat", file, "--frozen", frozen === "int4" ? frozen : "as-stored", "--max-tokens", "6"];
    const said = async (...more: string[]): Promise<string> => (await recorded([...chat, ...more])).text.trim();
    expect(await said("--prompt", "Hello?")).not.toBe("yes");
    for (const { messages } of rows)
      expect(await said("--prompt", messages[0]!.content, "--adapter", adapter)).toBe(messages[1]!.content);

    expect(await recorded(["merge", file, "--adapter", adapter, "--out", merged])).toMatchObject({ code: 0 });
    const out = ["--format", "gguf", "--dtype", "float32", "--out", gguf];
    expect(await recorded(["export", file, "--adapter", adapter, ...out])).toMatchObject({ code: 0 });

    const [base, plain, whole, exported] = [
      await load(file, frozen),
      await load(file),
      await load(merged),
      await load(gguf),
    ];
    const batch = collate(base, tokenizer, { maxLength: 96 })(rows);
    const delta = await loadAdapter(base, adapter);
    const tuned = attach(base, delta);
    expect(distance(exported, whole, batch)).toBeLessThan(1e-5);
    expect(distance(attach(plain, delta), whole, batch)).toBeLessThan(1e-5);
    const error = distance(tuned, whole, batch);
    if (frozen === "as stored") expect(error).toBeLessThan(1e-5);
    else {
      // The errors of layers are nearly independent: together they make no more than the root of their squares.
      const layers = await measureQuantisation(plain, batch, { frozen });
      expect(error).toBeLessThan(Math.hypot(...layers.map(({ output }) => output)));
      expect(error).toBeGreaterThan(1e-3);
    }
    dispose(Object.values(batch));
    for (const tree of [tuned, base, plain, whole, exported]) disposeParameters(tree.parameters);
  },
);
