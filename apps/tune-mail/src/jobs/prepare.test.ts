import { expect, test } from "vitest";
import { thinOut } from "./prepare.ts";

test("items are taken from all over the list, in order, each once", () => {
  const items = Array.from({ length: 10 }, (_, i) => i);
  expect(thinOut(items, 4)).toEqual([0, 2, 5, 7]);
  expect(thinOut(items, 10)).toEqual(items);
  expect(thinOut(items, 99)).toEqual(items);
});
