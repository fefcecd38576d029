import { memory, readJson } from "@cambium/base";
import { disposeParameters, random, saveSafetensors } from "@cambium/core";
import { createModel, type HeadConfig } from "@cambium/models";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import { lora } from "../methods/lora.ts";
import { whole } from "../methods/whole.ts";
import { expectGolden, expectSavedAgain, withGolden } from "./golden.fixture.ts";
import { loadAdapter } from "./load-adapter.ts";
import { saveAdapter } from "./save-adapter.ts";

const adapters = ["pooler", "norms", "embeddings", "layer", "ia3"].map((name) => `bert-modules-${name}`);

test.each(adapters)("%s computes what PEFT computes", (name) => expectGolden(name));

test.each(adapters)("%s saved again is PEFT's file", (name) =>
  expectSavedAgain(
    name,
    name.endsWith("ia3") ? ["peft_type", "task_type"] : ["peft_type", "task_type", "r", "lora_alpha"],
  ),
);

test.each([
  ["pooler", ["classifier", "pooler"]],
  ["norms", ["classifier", "LayerNorm"]],
  ["embeddings", ["classifier", "word_embeddings", "layer.0.attention.output.LayerNorm"]],
  ["layer", ["classifier", "layer.1"]],
])("modules of bert-modules-%s saved again have the shortest names that mean them alone", (name, modules) =>
  withGolden(`bert-modules-${name}`, async (tuned) => {
    const files = memory();
    await saveAdapter(tuned, files);
    const config = (await readJson(files, "adapter_config.json")) as {
      modules_to_save: string[];
      target_modules: string[];
    };
    expect([...config.modules_to_save].sort()).toEqual([...modules].sort());
  }),
);

const sizes = { vocab_size: 11, n_embd: 4, n_layer: 2, n_head: 2, n_positions: 16 };

test.each<[string, string, HeadConfig, object]>([
  ["a head", "wte", { kind: "causal-lm" }, { model_type: "gpt2", ...sizes }],
  [
    "a second stack",
    "shared",
    { kind: "sequence-to-sequence" },
    { model_type: "t5", vocab_size: 11, d_model: 4, d_kv: 2, d_ff: 6, num_layers: 1, num_heads: 2 },
  ],
])(
  "a table that %s shares is saved natively, and refused in PEFT's files, where the other keeps the former",
  async (_, table, head, config) => {
    const base = createModel(config as { model_type: string }, random(1), { head });
    const name = [...base.parameters.keys()].find((each) => each.includes(table))!;
    const tuned = attach(base, lora(base, {}, random(1)), whole(base, { modules: [name.replace(".weight", "")] }));
    const files = memory();
    const reason = `PEFT trains a copy of ${name}, and other layers that share it keep the former one`;
    expect(await saveAdapter(tuned, files, { untrained: true })).toEqual({ format: "native", reason });
    const again = await loadAdapter(base, files);

    const alone = attach(base, lora(base, {}, random(1)));
    const peft = memory();
    await saveAdapter(alone, peft, { untrained: true });
    const settings = (await readJson(peft, "adapter_config.json")) as object;
    const stored = new Map(
      [...alone.parameters].map(([key, value]) => [`base_model.model.${key.slice("lora/".length)}`, value]),
    );
    stored.set(`base_model.model.${name}`, base.parameters.get(name)!);
    await saveSafetensors(peft, "adapter_model.safetensors", stored);
    const write = (more: object) =>
      peft.write("adapter_config.json", JSON.stringify({ ...settings, modules_to_save: [table], ...more }));
    await write({});
    await expect(loadAdapter(base, peft)).rejects.toMatchObject({
      code: "FORMAT",
      message: expect.stringContaining(reason),
    });
    await write({ ensure_weight_tying: true });
    const tied = await loadAdapter(base, peft);
    for (const tree of [tied.parameters, again.parameters, alone.parameters, tuned.parameters, base.parameters])
      disposeParameters(tree);
  },
);
