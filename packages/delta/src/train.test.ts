import { memory, result } from "@cambium/base";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { adamW, type Batches, train } from "@cambium/train";
import { argMax, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { attach } from "./attach.ts";
import { loadAdapter } from "./files/load-adapter.ts";
import { saveAdapter } from "./files/save-adapter.ts";
import { adapter } from "./methods/adapter.ts";
import { head } from "./methods/head.ts";
import { lora } from "./methods/lora.ts";

test("a run of train on two deltas and a head fits a batch, and files bring its predictions back", async () => {
  const model = tinyModel({ dropout: 0 });
  const tuned = attach(
    model,
    head(model),
    lora(model, { rank: 2, dropout: 0.1 }, random(1)),
    adapter(model, { bottleneck: 2 }, random(1)),
  );
  const batch = tinyBatch(model);
  const data: Batches<typeof batch> = {
    batchCount: 1,
    async *epoch() {
      yield { batch: tinyBatch(model), rows: 3, isLast: true };
    },
    describe: () => ({ kind: "one batch" }),
  };
  const { parameters } = await result(
    train(tuned, data, { optimiser: adamW({ learningRate: 5e-2 }), steps: 30, random: random(2) }),
  );
  const context = { random: random(3), training: false };
  const lossAt = (point: Parameters): number => tidy(() => tuned.loss(point, batch, context).dataSync()[0]!);
  expect(lossAt(parameters)).toBeLessThan(0.3 * lossAt(tuned.parameters));

  const trained = tuned.with(parameters);
  const files = memory();
  await saveAdapter(trained, files);
  const restored = attach(model, await loadAdapter(model, files));
  tidy(() => {
    expect(restored.forward(batch).logits!.dataSync()).toEqual(trained.forward(batch).logits!.dataSync());
    expect(Array.from(argMax(trained.forward(batch).logits!, -1).dataSync())).toEqual([0, 2, 1]);
  });
  for (const tree of [restored.parameters, parameters, tuned.parameters, model.parameters]) disposeParameters(tree);
  disposeFields(batch);
});
