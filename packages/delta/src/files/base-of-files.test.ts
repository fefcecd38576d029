import { folder, memory, readJson } from "@cambium/base";
import { disposeParameters, mapParameters, type Parameters, random } from "@cambium/core";
import { createModel, loadModel, saveModel, withHead } from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { add, tidy } from "@tensorflow/tfjs-core";
import { afterEach, expect, test } from "vitest";
import { attach } from "../attach.ts";
import { merge } from "../merge.ts";
import { adapter } from "../methods/adapter.ts";
import { lora } from "../methods/lora.ts";
import { loadAdapter } from "./load-adapter.ts";
import { saveAdapter } from "./save-adapter.ts";

const made: Parameters[] = [];
afterEach(() => {
  for (const tree of made.splice(0)) disposeParameters(tree);
});
const own = <D extends { readonly parameters: Parameters }>(owner: D): D => {
  made.push(owner.parameters);
  return owner;
};

test("the base that a file names is what it was loaded by, not what its config remembers", async () => {
  const content = memory();
  const before = own(tinyModel());
  await saveModel(before, content);
  const config = (await readJson(content, "config.json")) as object;
  await content.write("config.json", JSON.stringify({ ...config, _name_or_path: "someone/else" }));
  const nameIn = async (base: typeof before): Promise<unknown> => {
    const files = memory();
    await saveAdapter(attach(base, own(lora(base, {}, random(1)))), files, { untrained: true });
    return ((await readJson(files, "adapter_config.json")) as Record<string, unknown>)["base_model_name_or_path"];
  };
  const base = own(await loadModel({ ...content, name: "models/mine" }));
  expect(base.source).toBe("models/mine");
  expect(await nameIn(base as never)).toBe("models/mine");
  const headed = withHead(base, { kind: "sequence-classification", labels: ["a", "b"] }, random(1));
  made.push(new Map([...headed.parameters].filter(([name]) => !base.parameters.has(name))));
  expect(headed.source).toBe("models/mine");
  // What no file has has no name.
  expect(await nameIn(own(merge(attach(base, own(lora(base, {}, random(1)))))) as never)).toBe("");
  expect(await nameIn(own(await loadModel(content)) as never)).toBe("");
  expect(folder("models/mine").name).toBe("models/mine");
});

test("our container is refused on a base of other values, and says which it was made for", async () => {
  const model = own(tinyModel());
  const files = memory();
  const tuned = attach(model, own(adapter(model, { bottleneck: 2 }, random(1))));
  await saveAdapter(tuned, files, { untrained: true });
  own(await loadAdapter(model, files));
  const other = own({
    ...model,
    parameters: mapParameters(model.parameters, (value) => tidy(() => add(value, value.rank === 1 ? 1e-3 : 0))),
  });
  await expect(loadAdapter(other, files)).rejects.toMatchObject({
    code: "FORMAT",
    message: expect.stringMatching(
      /made for another base: names and shapes are this one's, and the values of norms and biases/,
    ),
  });
  own(await loadAdapter(other, files, { otherWeights: true }));
  const moved = attach(model, own(await loadAdapter(model, files))).on(other);
  expect(moved.deltas.map(({ kind }) => kind)).toEqual(["adapter"]);
});

test("another head, or the base's matrices in 8 bits, is the same base", async () => {
  const content = memory();
  await saveModel(
    own(
      createModel(
        {
          model_type: "bert",
          vocab_size: 30,
          hidden_size: 32,
          num_hidden_layers: 1,
          num_attention_heads: 2,
          intermediate_size: 64,
        },
        random(1),
      ),
    ),
    content,
  );
  const base = own(await loadModel(content));
  const files = memory();
  await saveAdapter(attach(base, own(adapter(base, { bottleneck: 2 }, random(1)))), files, { untrained: true });
  const rounded = own(await loadModel(content, { frozen: "int8" }));
  own(await loadAdapter(rounded, files));
  const headed = own(await loadModel(content, { head: { kind: "sequence-classification", labels: ["a", "b"] } }));
  own(await loadAdapter(headed, files));
});

test("an older container, which does not say the values, is read", async () => {
  const model = own(tinyModel());
  const files = memory();
  await saveAdapter(attach(model, own(adapter(model, { bottleneck: 2 }, random(1)))), files, { untrained: true });
  const config = (await readJson(files, "delta_config.json")) as { base: Record<string, unknown> };
  const { values: _, ...base } = config.base;
  await files.write("delta_config.json", JSON.stringify({ ...config, base }));
  own(await loadAdapter(model, files));
});
