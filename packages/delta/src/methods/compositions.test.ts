import { memory } from "@cambium/base";
import { disposeParameters, mapParameters, random, valueAndGradients } from "@cambium/core";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { abs, add, max, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "../attach.ts";
import type { Stack } from "../delta.ts";
import { loadAdapter } from "../files/load-adapter.ts";
import { saveAdapter } from "../files/save-adapter.ts";
import { adapter } from "./adapter.ts";
import { head } from "./head.ts";
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
