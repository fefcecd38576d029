/** Schemas as zod writes them: what is drawn is what zod takes. */
import { expect, test } from "vitest";
import * as z from "zod";
import { accepts } from "./accepts.ts";
import { drawText } from "./draw.fixture.ts";
import { type JsonSchema, schemaExpression } from "./schema.ts";

const written = (schema: z.ZodType): JsonSchema => z.toJSONSchema(schema, { io: "input" }) as JsonSchema;

test.each<[string, z.ZodType]>([
  ["email", z.email()],
  ["short email", z.string().email().max(40)],
  ["uuid", z.uuid()],
  ["uuidv4", z.uuidv4()],
  ["url", z.url()],
  ["date", z.iso.date()],
  ["datetime", z.iso.datetime()],
  ["time", z.iso.time()],
  ["ipv4", z.ipv4()],
  ["ipv6", z.ipv6()],
  ["cidr", z.cidrv4()],
  ["cuid", z.cuid()],
  ["ulid", z.ulid()],
  ["nanoid", z.nanoid()],
  ["base64", z.base64()],
  ["e164", z.e164()],
  ["startsWith", z.string().startsWith("ab")],
  ["startsWith and endsWith", z.string().startsWith("a").endsWith("b").min(4)],
  [
    "includes and regex",
    z
      .string()
      .includes("x")
      .regex(/^[a-z]+$/)
      .max(9),
  ],
  ["lowercase", z.string().lowercase()],
  [
    "regex and lengths",
    z
      .string()
      .regex(/^[^:]+$/)
      .min(2)
      .max(6),
  ],
  ["template", z.templateLiteral(["a", z.number(), "px"])],
  ["record", z.record(z.string(), z.int32())],
  [
    "record of names",
    z.record(
      z
        .string()
        .regex(/^[a-z]+$/)
        .max(4),
      z.boolean(),
    ),
  ],
  ["record of every name", z.record(z.enum(["a", "b"]), z.boolean())],
  ["record of some names", z.partialRecord(z.enum(["a", "b"]), z.boolean())],
  ["intersection", z.intersection(z.object({ a: z.null() }), z.object({ b: z.boolean() }))],
  ["tuple with rest", z.tuple([z.literal("x")]).rest(z.boolean())],
  [
    "discriminated union",
    z.discriminatedUnion("k", [z.object({ k: z.literal("a") }), z.object({ k: z.literal("b") })]),
  ],
  ["json", z.json()],
])("%s", (_, schema) => {
  const expression = schemaExpression("test", written(schema));
  for (let seed = 0; seed < 6; seed++) {
    const text = drawText(expression, seed);
    expect(schema.safeParse(JSON.parse(text)).error, text).toBeUndefined();
  }
});

test("of two patterns both are followed, and a pattern beside a format", () => {
  const isEven = accepts(
    schemaExpression("test", { type: "string", allOf: [{ pattern: "^(?:ab)*$" }, { pattern: "^.{2,5}$" }] }),
  );
  for (const text of ["ab", "abab"]) expect([text, isEven(`"${text}"`)]).toEqual([text, true]);
  for (const text of ["", "a", "ababab", "abc"]) expect([text, isEven(`"${text}"`)]).toEqual([text, false]);
  const isOwn = accepts(schemaExpression("test", { type: "string", format: "date", pattern: "^2024-" }));
  expect(isOwn('"2024-02-29"')).toBe(true);
  expect(isOwn('"2024-02-30"')).toBe(false);
  expect(isOwn('"2023-02-28"')).toBe(false);
});
