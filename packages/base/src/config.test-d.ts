import { expectTypeOf, test } from "vitest";
import * as z from "zod";
import { parseConfig } from "./config.ts";

test("the configuration has the schema's type, with its defaults there and its exact optionals absent or given", () => {
  const schema = z.strictObject({ rank: z.number(), alpha: z.number().default(8), name: z.string().exactOptional() });
  expectTypeOf(parseConfig("lora", schema, {})).toEqualTypeOf<{ rank: number; alpha: number; name?: string }>();
});
