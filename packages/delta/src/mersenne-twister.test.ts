import { expect, test } from "vitest";
import { torchPermutation } from "./mersenne-twister.ts";

// torch.randperm(size, generator=torch.Generator().manual_seed(seed)) of PyTorch 2.15.
test.each([
  [10, 777, [5, 9, 0, 3, 1, 7, 4, 8, 6, 2]],
  [144, 777, [23, 139, 47, 2, 19, 32, 15, 127]],
  [768 * 768, 777, [391271, 183699, 413551, 384200, 435559]],
  [3072 * 8192, 5, [22317923, 10504408, 15225113, 22145127]],
  [1, 3, [0]],
  [30, 2 ** 32 - 1, [21, 5, 18, 27]],
])("%i numbers by the seed %i stand in PyTorch's order", (size, seed, expected) => {
  expect([...torchPermutation(size, seed, expected.length)]).toEqual(expected);
});

test("a whole order has every number once, also beyond the first 624 draws", () => {
  expect([...torchPermutation(2000, 1, 2000)].sort((a, b) => a - b)).toEqual(Array.from({ length: 2000 }, (_, i) => i));
});
