import { memory } from "@cambium/base";
import { disposeParameters, mapParameters, random, valueAndGradients } from "@cambium/core";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { abs, add, fill, max, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import type { Stack } from "../delta.ts";
import { loadAdapter } from "../files/load-adapter.ts";
import { saveAdapter } from "../files/save-adapter.ts";
import { adapter } from "./adapter.ts";
import { head } from "./head.ts";
import { lora } from "./lora.ts";
import { prefix } from "./prefix.ts";

// He et al. 2021, arXiv:2110.04366: a prefix made by a network, and an adapter beside the feed-forward part.
test.each(["bert", "gpt2", "llama"])(
  "a MAM adapter on %s is a prefix and a parallel adapter: it trains and is saved",
  async (type) => {
    const model = tinyModel({ type });
    const parts = [
      prefix(model, { length: 3, network: { hidden: 6 } }, random(1)),
      adapter(model, { placement: "parallel", bottleneck: 4, activation: "tanh" }, random(2)),
      ...(model.headParameters.length > 0 ? [head(model)] : []),
    ];
    const start = attach(model, ...parts);
    const parameters = mapParameters(start.parameters, (value, name) =>
      tidy(() => add(value, random(3).at(name).normal(value.shape, 0, 0.2))),
    );
    const tuned = start.with(parameters);
    const batch = tinyBatch(model);
    const { value, gradients } = valueAndGradients(
      (q) => tuned.loss(q, batch, { random: random(4), training: false }),
      parameters,
    );
    for (const [name, gradient] of gradients)
      expect([name, tidy(() => max(abs(gradient)).dataSync()[0]! > 0)]).toEqual([name, true]);
    const files = memory();
    expect(await saveAdapter(tuned, files)).toEqual({ format: "native", reason: "PEFT keeps one method in a folder" });
    const loaded = (await loadAdapter(model, files)) as Stack;
    tidy(() => {
      const [before, after] = [tuned, attach(model, loaded)].map((each) => each.forward(batch).logits!.dataSync());
      expect(after).toEqual(before);
    });
    value.dispose();
    disposeFields(batch);
    const all = [
      gradients,
      parameters,
      loaded.parameters,
      model.parameters,
      ...parts.flatMap((part) => [part.parameters, part.buffers]),
    ];
    for (const tree of all) disposeParameters(tree);
  },
);

// Mao et al. 2022, arXiv:2110.07577: a prefix, an adapter and a LoRA, each behind a gate.
test("UniPELT is a gated prefix, adapter and LoRA: it trains, is saved, and a closed gate leaves a part out", async () => {
  const model = tinyModel();
  const parts = [
    prefix(model, { length: 3, network: { hidden: 6 }, gate: true }, random(1)),
    adapter(model, { placement: "pfeiffer", bottleneck: 3, activation: "tanh", gate: true }, random(2)),
    lora(model, { rank: 2, alpha: 2, gate: true }, random(3)),
    head(model),
  ];
  const start = attach(model, ...parts);
  const parameters = mapParameters(start.parameters, (value, name) =>
    tidy(() => add(value, random(4).at(name).normal(value.shape, 0, 0.3))),
  );
  const tuned = start.with(parameters);
  const batch = tinyBatch(model);
  const { value, gradients } = valueAndGradients(
    (q) => tuned.loss(q, batch, { random: random(5), training: false }),
    parameters,
  );
  for (const [name, gradient] of gradients)
    expect([name, tidy(() => max(abs(gradient)).dataSync()[0]! > 0)]).toEqual([name, true]);
  const files = memory();
  await saveAdapter(tuned, files);
  const loaded = (await loadAdapter(model, files)) as Stack;
  const logitsOf = (at: Pick<typeof tuned, "forward">) => tidy(() => at.forward(batch).logits!.dataSync());
  expect(logitsOf(attach(model, loaded))).toEqual(logitsOf(tuned));
  // σ(−1e4) is 0: a LoRA whose gates are closed is none.
  const closed = new Map(
    [...parameters].map(([name, tensor]) => [
      name,
      /^lora\/.*gate\.bias$/.test(name) ? fill(tensor.shape, -1e4) : tensor,
    ]),
  );
  const without = attach(model, ...tuned.deltas.filter(({ kind }) => kind !== "lora"));
  expect(logitsOf(start.with(closed))).toEqual(logitsOf(without));
  value.dispose();
  disposeFields(batch);
  for (const [name, tensor] of closed) if (tensor !== parameters.get(name)) tensor.dispose();
  const all = [
    gradients,
    parameters,
    loaded.parameters,
    model.parameters,
    ...parts.flatMap((part) => [part.parameters, part.buffers]),
  ];
  for (const tree of all) disposeParameters(tree);
});
