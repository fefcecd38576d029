import type { Tensor, Tensor1D } from "@tensorflow/tfjs-core";
import { expectTypeOf, test } from "vitest";
import { axpyParameters, mapParameters, type Parameters, unflattenParameters } from "./parameters.ts";

type Names = "a" | "b";
declare const tree: Parameters<Names>;
declare const flat: Tensor1D;

test("names keep their type", () => {
  expectTypeOf(mapParameters(tree, (tensor) => tensor)).toEqualTypeOf<Map<Names, Tensor>>();
  expectTypeOf(axpyParameters(1, tree, tree)).toEqualTypeOf<Map<Names, Tensor>>();
  expectTypeOf(unflattenParameters(flat, tree)).toEqualTypeOf<Map<Names, Tensor>>();
  mapParameters(tree, (tensor, name) => {
    expectTypeOf(name).toEqualTypeOf<Names>();
    return tensor;
  });
});

test("a tree of known names is a tree of any names", () => {
  expectTypeOf<Parameters<Names>>().toExtend<Parameters>();
});
