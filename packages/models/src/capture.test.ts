import { disposeParameters, type Role, random } from "@cambium/core";
import { gather, memory, mul, ones, scalar, sum, type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TokenBatch } from "./architecture.ts";
import { capture } from "./capture.ts";
import { createModel } from "./create.ts";
import { heads } from "./fixtures.ts";
import type { LanguageModel } from "./language-model.ts";
import { scaleUnits } from "./scale-units.ts";
import { disposeFields, tinyBatch, tinyModel } from "./testing/tiny.ts";

let model: LanguageModel;
let batch: TokenBatch;
beforeAll(() => {
  const sizes = { vocab_size: 17, hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 10 };
  model = createModel({ model_type: "bert", ...sizes, initializer_range: 0.4 }, random(1), {
    head: heads["sequence-classification"],
  });
  batch = {
    ids: tensor2d(
      [
        [3, 5, 8],
        [3, 9, 0],
      ],
      undefined,
      "int32",
    ),
    mask: tensor2d([
      [1, 1, 1],
      [1, 1, 0],
    ]),
  };
});
afterAll(() => {
  disposeParameters(model.parameters);
  disposeParameters(new Map(Object.entries(batch)));
});

test("captured are the sites of the roles, in their order, with the widths they declare", () => {
  tidy(() => {
    const roles: Role[] = ["ff.act", "embed", "logits", "attn.pattern"];
    const { captured } = capture(model, batch, roles);
    const sites = model.sites().filter((site) => roles.includes(site.role));
    expect([...captured.keys()]).toEqual(sites.map((site) => site.path));
    expect(captured.get("encoder.layer.1.intermediate")!.shape).toEqual([2, 3, 10]);
    expect(captured.get("embeddings.word_embeddings")!.shape).toEqual([2, 3, 8]);
  });
});

test("an attention pattern sums to 1 over real keys and is 0 on padding", () => {
  tidy(() => {
    const { captured } = capture(model, batch, ["attn.pattern"]);
    const pattern = captured.get("encoder.layer.0.attention.self.pattern")!; // [2, 2, 3, 3]
    expect(sum(pattern, -1)).toBeAllClose(ones([2, 2, 3]));
    const onPadding = gather(gather(pattern, tensor1d([1], "int32")), tensor1d([2], "int32"), 3);
    expect(sum(onPadding)).toBeAllClose(0, { absolute: 0 });
  });
});

test("the output is that of a plain forward pass, and the caller owns every tensor", () => {
  const before = memory().numTensors;
  const { output, captured } = capture(model, batch, ["block"]);
  tidy(() => {
    expect(output.logits).toBeAllClose(model.forward(batch).logits!);
    expect(captured.get("encoder.layer.1")).toBeAllClose(output.hidden);
  });
  expect(memory().numTensors - before).toBe(6); // hidden, pooled, logits, mask, two blocks
  disposeParameters(captured);
  const { extra: _, ...tensors } = output;
  disposeParameters(new Map(Object.entries(tensors)));
});

test("other hooks run inside: what they return is captured", () => {
  tidy(() => {
    const units = [{ layer: 0, unit: 3 }];
    const { captured } = capture(model, batch, ["ff.act"], { hooks: [scaleUnits("ff.act", units, 0)] });
    const plain = capture(model, batch, ["ff.act"]).captured;
    const path = "encoder.layer.0.intermediate";
    const mask = tensor1d([1, 1, 1, 0, 1, 1, 1, 1, 1, 1]);
    expect(captured.get(path)).toBeAllClose(mul(plain.get(path)!, mask));
    expect(captured.get("encoder.layer.1.intermediate")).not.toBeAllClose(plain.get("encoder.layer.1.intermediate")!);
  });
});

test("a role without a site names the nearest one", () => {
  expect(() => capture(model, batch, ["ff.acts" as Role])).toThrow('was "ff.act" meant');
});

test("nothing is kept when the forward pass fails", () => {
  const short: TokenBatch = { ids: batch.ids, mask: scalar(1) as unknown as TokenBatch["mask"] };
  expect(() => capture(model, short, ["block"])).toThrow("mask must be");
  (short.mask as Tensor).dispose();
});

test("a factor of 1 changes nothing, scaling an output scales its columns", () => {
  tidy(() => {
    const plain = model.forward(batch).logits!;
    expect(model.forward(batch, { hooks: [scaleUnits("ff.act", [{ layer: 1, unit: 2 }], 1)] }).logits).toBeAllClose(
      plain,
    );
    const doubled = model.forward(batch, { hooks: [scaleUnits("logits", [{ unit: 0 }, { unit: 2 }], 2)] }).logits;
    expect(doubled).toBeAllClose(mul(plain, tensor1d([2, 1, 2])));
  });
});

test("units of one stack are scaled in that stack, and without a stack it is an error", () => {
  const both = tinyModel({ type: "t5", dropout: 0 });
  const rows = tinyBatch(both);
  tidy(() => {
    const plain = both.forward(rows);
    const scaled = both.forward(rows, { hooks: [scaleUnits("ff.act", [{ stack: "decoder", layer: 0, unit: 1 }], 0)] });
    expect(scaled.encoded!).toBeAllClose(plain.encoded!);
    expect(scaled.hidden.dataSync()).not.toEqual(plain.hidden.dataSync());
    const unsaid = scaleUnits("ff.act", [{ layer: 0, unit: 1 }], 0);
    expect(() => both.forward(rows, { hooks: [unsaid] })).toThrow(/two stacks, and a unit of layer 0 names none/);
  });
  disposeFields(rows);
  disposeParameters(both.parameters);
});

test("scaling what has no such unit is an error", () => {
  expect(() => scaleUnits("attn.pattern", [], 0)).toThrow('"attn.pattern" has no units');
  expect(() => scaleUnits("ff.act", [{ layer: 0, unit: 1.5 }], 0)).toThrow("units[0] must be an index");
  const beyond = scaleUnits("ff.act", [{ layer: 0, unit: 10 }], 0);
  expect(() => tidy(() => model.forward(batch, { hooks: [beyond] }))).toThrow(
    "encoder.layer.0.intermediate has 10 units",
  );
});
