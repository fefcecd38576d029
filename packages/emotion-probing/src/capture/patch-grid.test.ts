import { disposeParameters } from "@cambium/core";
import type { LanguageOutput, TokenBatch } from "@cambium/models";
import { disposeFields, tinyModel } from "@cambium/models/testing";
import { memory, ones, type Scalar, slice, sum, type Tensor2D, tensor2d } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { measurePatchGrid } from "./patch-grid.ts";

const batchOf = (ids: number[]): TokenBatch => ({
  ids: tensor2d([ids], undefined, "int32"),
  mask: ones([1, ids.length]) as Tensor2D,
});
/** The first score at the last place. */
const last = ({ logits }: LanguageOutput): Scalar => sum(slice(logits!, [0, 3, 0], [1, 1, 1])) as Scalar;

test("what differs enters at its own position and leaves at the last one", async () => {
  const model = tinyModel({ type: "gpt2", dropout: 0, head: { kind: "causal-lm" } });
  const [batch, source] = [batchOf([5, 7, 9, 3]), batchOf([5, 11, 9, 3])];
  try {
    const before = memory().numTensors;
    const entered = await measurePatchGrid(model, batch, source, last, { site: "embed" });
    expect(entered.score).not.toBe(entered.sourceScore);
    expect(entered.effects[0]).toBeAllClose([0, 1, 0, 0], { absolute: 1e-5 });
    const blocks = await measurePatchGrid(model, batch, source, last);
    expect(blocks.sites).toHaveLength(2);
    expect(blocks.effects.at(-1)).toBeAllClose([0, 0, 0, 1], { absolute: 1e-5 });
    expect(blocks.effects[0]![0]).toBeCloseTo(0, 5); // what stands before the difference cannot carry it
    const some = await measurePatchGrid(model, batch, source, last, { positions: [3] });
    expect(some.values.map(([value]) => value)).toEqual(blocks.values.map((row) => row[3]));
    expect(memory().numTensors).toBe(before);
    await expect(measurePatchGrid(model, batch, source, last, { positions: [4] })).rejects.toThrow(
      "from 0 to 3, got 4",
    );
    const longer = batchOf([5, 7, 9, 3, 2]);
    await expect(measurePatchGrid(model, batch, longer, last)).rejects.toThrow("run batches of the same shape");
    expect(memory().numTensors).toBe(before + 2);
    disposeFields(longer);
  } finally {
    disposeFields(batch);
    disposeFields(source);
    disposeParameters(model.parameters);
  }
});
