/** Weights of classes on tuned models: what deltas add to a loss, and do after a step, stays. */
import { result } from "@cambium/base";
import { random, useBackend } from "@cambium/core";
import { weightClasses } from "@cambium/tasks";
import { train } from "@cambium/train";
import { afterAll, beforeAll, expect, test } from "vitest";
import { adaLoraRun } from "./ada-lora-run.ts";

beforeAll(() => useBackend("onnx"));
afterAll(() => useBackend("cpu"));

test("with equal weights AdaLoRA's run is the one without any, its penalty and its budget included", async () => {
  const { objective, data, options } = adaLoraRun();
  const equal = weightClasses(
    objective,
    new Map([
      ["up", 2],
      ["down", 2],
    ]),
  );
  expect(equal.state).toBe(objective.state);
  const end = (each: typeof equal) => result(train(each, data, { ...options, random: random(4) }));
  const [plain, weighted] = [await end(objective), await end(equal)];
  const places = ({ parameters }: typeof plain) =>
    [...parameters].flatMap(([name, tensor]) =>
      [...tensor.dataSync().entries()].flatMap(([i, value]) => (value === 0 ? [`${name} ${i}`] : [])),
    );
  expect(places(plain).length).toBeGreaterThan(0); // ranks that the budget took
  expect(places(weighted)).toHaveLength(places(plain).length); // which of nearly equal ones is decided by rounding
  for await (const { batch } of data.epoch(0)) {
    const context = { random: random(6), training: true, state: objective.state! };
    const [one, other] = [objective, equal].map((each) => each.loss(plain.parameters, batch, context).dataSync()[0]!);
    expect(other).toBeCloseTo(one!, 5);
  }
});
