import { expect, test } from "vitest";
import { around, nameHook, onWeight } from "./hook.ts";

const block = around(
  "block",
  () => true,
  ({ input }) => input,
);

test("a name is put in front of the name a hook already has", () => {
  expect(nameHook(block, "lora").name).toBe("lora");
  expect(nameHook(nameHook(block, "inner"), "outer").name).toBe("outer/inner");
});

test("naming a hook leaves the hook itself as it was", () => {
  nameHook(block, "lora");
  expect(block.name).toBeUndefined();
});

test("a hook carries its kind", () => {
  expect(block.kind).toBe("block");
  expect(
    onWeight(
      () => true,
      (_name, value) => value,
    ).kind,
  ).toBe("weight");
});
