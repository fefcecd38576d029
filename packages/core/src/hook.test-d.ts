import type { Tensor, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import { expectTypeOf, test } from "vitest";
import { type Around, around, type Hook, nameHook, onWeight } from "./hook.ts";
import type { Site } from "./site.ts";

test("a hook is typed by the kind of its sites", () => {
  const hook = around(
    "block",
    (site) => site.layer === 3,
    ({ input, next, site }) => {
      expectTypeOf(input).toEqualTypeOf<Tensor3D>();
      expectTypeOf(next).returns.toEqualTypeOf<Tensor3D>();
      expectTypeOf(site).toEqualTypeOf<Site<"block">>();
      return input;
    },
  );
  expectTypeOf(hook).toEqualTypeOf<Around<"block">>();
  expectTypeOf(hook).toExtend<Hook>();
  around(
    "attention",
    () => true,
    ({ input, next }) => {
      expectTypeOf(input.query).toEqualTypeOf<Tensor4D>();
      return next(input);
    },
  );
});

test("a hook of the wrong output is no hook", () => {
  const wrong = ({ input }: { readonly input: Tensor3D }): Tensor3D[] => [input];
  // @ts-expect-error: a block gives one tensor
  around("block", () => true, wrong);
});

test("a named hook keeps its type", () => {
  const hook = onWeight(
    () => true,
    (_name: string, value: Tensor) => value,
  );
  expectTypeOf(nameHook(hook, "a")).toEqualTypeOf(hook);
});
