import { MASKED, type Scope } from "@cambium/core";
import { type Tensor2D, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { windowBias } from "./blocks.ts";

/** A scope with nothing but what a cache says of the rows before. */
const after = (mask?: Tensor2D): Scope => ({ cache: mask && { mask } }) as unknown as Scope;

/** Keys that each row sees, by their places, without the causal mask: `bias[0, 0]` and `bias[1, 0]`, …. */
function seen(bias: ReturnType<typeof windowBias>): number[][][] {
  const rows = bias.arraySync() as number[][][][];
  return rows.map(([head]) => head!.map((row) => row.flatMap((value, key) => (value > MASKED / 2 ? [key] : []))));
}

test("a row sees the last of the real rows up to itself, and none behind them by the window or more", () => {
  tidy(() => {
    const bias = windowBias(after(), tensor2d([[1, 1, 1, 1]]), { window: 2 });
    expect(bias.shape).toEqual([1, 1, 4, 4]);
    // What lies ahead is hidden by causal attention, not here.
    expect(seen(bias)).toEqual([
      [
        [0, 1, 2, 3],
        [0, 1, 2, 3],
        [1, 2, 3],
        [2, 3],
      ],
    ]);
  });
});

test("padding takes no room in a window, on either side or within", () => {
  tidy(() => {
    const mask = tensor2d([
      [0, 0, 1, 1, 1],
      [1, 1, 1, 0, 0],
      [1, 0, 0, 1, 1],
    ]);
    const last = seen(windowBias(after(), mask, { window: 2 })).map((rows) => rows.at(-1));
    expect(last).toEqual([
      [3, 4],
      [1, 2],
      [3, 4],
    ]);
    expect(seen(windowBias(after(), mask, { window: 2 }))[2]![3]).toEqual([0, 3, 4]);
  });
});

test("rows in the cache and keys in front count, empty places of the cache do not", () => {
  tidy(() => {
    const now = tensor2d([[1], [1]]);
    const before = tensor2d([
      [1, 1, 1, 0],
      [1, 0, 0, 0],
    ]);
    expect(seen(windowBias(after(before), now, { window: 3 }))).toEqual([[[1, 2, 4]], [[0, 4]]]);
    expect(seen(windowBias(after(), now, { window: 3, keys: 4 }))).toEqual([[[2, 3, 4]], [[2, 3, 4]]]);
  });
});

test("a window with room for all keys hides padding only, for all rows at once", () => {
  tidy(() => {
    const bias = windowBias(after(), tensor2d([[1, 1, 0]]), { window: 3 });
    expect(bias.shape).toEqual([1, 1, 1, 3]);
    expect(seen(bias)).toEqual([[[0, 1]]]);
  });
});
