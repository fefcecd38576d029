import { expectTypeOf, test } from "vitest";
import { result } from "./run.ts";

test("the result has the type of the end event", () => {
  type Event = { readonly type: "step"; readonly loss: number } | { readonly type: "end"; readonly steps: number };
  expectTypeOf(result<Event>).returns.resolves.toEqualTypeOf<{ readonly type: "end"; readonly steps: number }>();
});
