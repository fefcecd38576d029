import { describe, expect, test } from "vitest";
import { callTool } from "../tools/call-tool.ts";
import { defineTool } from "../tools/define-tool.ts";
import { bundleSchema } from "./bundle-schema.ts";
import { jsonSchema } from "./json-schema.ts";

const good = (given: unknown, options = {}) => {
  const bundled = bundleSchema(given, options);
  if (!bundled.ok) throw new Error(bundled.problem);
  return bundled;
};
const problem = (given: unknown, options = {}): string => {
  const bundled = bundleSchema(given, options);
  return bundled.ok ? "none" : bundled.problem;
};
const check = (schema: object, value: unknown) => jsonSchema(schema as never)["~standard"].validate(value);
const isValid = (schema: object, value: unknown): boolean =>
  (check(schema, value) as { issues?: unknown }).issues === undefined;

describe("a schema that stands alone", () => {
  test("has a reference at the top replaced by what it points at", () => {
    const schema = {
      $schema: "http://json-schema.org/draft-07/schema#",
      $ref: "#/definitions/Search",
      definitions: { Search: { type: "object", properties: { q: { type: "string" } }, required: ["q"] } },
    };
    expect(good(schema).schema).toEqual({ type: "object", properties: { q: { type: "string" } }, required: ["q"] });
  });

  test("keeps what contains itself as a definition, also at the top", () => {
    const tree = {
      type: "object",
      properties: { name: { type: "string" }, children: { type: "array", items: { $ref: "#" } } },
      required: ["name"],
    };
    const { schema } = good(tree);
    expect(schema).toMatchObject({ type: "object", properties: { children: { items: { $ref: "#/$defs/root" } } } });
    expect(isValid(tree, { name: "a", children: [{ name: "b" }] })).toBe(true);
    expect(isValid(tree, { name: "a", children: [{ nam: "b" }] })).toBe(false);
  });

  test("two definitions that contain each other check values at any depth", () => {
    const schema = {
      type: "object",
      properties: { a: { $ref: "#/$defs/A" } },
      $defs: {
        A: { type: "object", properties: { b: { $ref: "#/$defs/B" } }, additionalProperties: false },
        B: { type: "object", properties: { a: { $ref: "#/$defs/A" } }, additionalProperties: false },
      },
    };
    expect(isValid(schema, { a: { b: { a: { b: {} } } } })).toBe(true);
    expect(isValid(schema, { a: { b: { a: { c: {} } } } })).toBe(false);
  });

  test("does not grow beyond its document when definitions refer to each other twice over", () => {
    const $defs: Record<string, object> = { d0: { type: "string" } };
    for (let i = 1; i <= 40; i++) {
      $defs[`d${i}`] = {
        anyOf: [{ $ref: `#/$defs/d${i - 1}` }, { type: "array", items: { $ref: `#/$defs/d${i - 1}` } }],
      };
    }
    const { schema } = good({ type: "object", properties: { x: { $ref: "#/$defs/d40" } }, $defs });
    expect(JSON.stringify(schema).length).toBeLessThan(6000);
  });

  test("reads pointers with escapes, and data that look like references are data", () => {
    const schema = {
      type: "object",
      properties: { x: { $ref: "#/$defs/a~1b%20c" }, y: { const: { $ref: "#/nowhere" } } },
      $defs: { "a/b c": { type: "integer" } },
    };
    expect(good(schema).schema["properties"]).toEqual({ x: { type: "integer" }, y: { const: { $ref: "#/nowhere" } } });
  });

  test("has properties that are called like keywords", () => {
    const $defs = { n: { type: "integer" } };
    const properties = Object.fromEntries(
      ["$ref", "default", "enum", "const", "pattern", "format", "items", "$defs"].map((name) => [
        name,
        { $ref: "#/$defs/n" },
      ]),
    );
    const one = { type: "object", properties: { default: { $ref: "#/$defs/n" }, $ref: { type: "string" } }, $defs };
    expect(good(one).schema).toEqual({
      type: "object",
      properties: { default: { type: "integer" }, $ref: { type: "string" } },
    });
    const schema = { type: "object", properties, $defs };
    for (const name of Object.keys(properties)) {
      expect(isValid(schema, { [name]: 1 }), name).toBe(true);
      expect(isValid(schema, { [name]: "1" }), name).toBe(false);
    }
  });

  test("has what stands beside a reference too", () => {
    const schema = {
      type: "object",
      properties: { x: { $ref: "#/$defs/n", description: "How many.", minimum: 3 } },
      $defs: { n: { type: "integer", description: "A number.", minimum: 1 } },
    };
    expect(isValid(schema, { x: 2 })).toBe(false);
    expect(isValid(schema, { x: 3 })).toBe(true);
    expect(JSON.stringify(good(schema).schema)).toContain("How many.");
  });

  test("reads the tuples of draft 7", () => {
    const schema = { type: "array", items: [{ type: "string" }, { type: "number" }], additionalItems: false };
    expect(isValid(schema, ["a", 1])).toBe(true);
    expect(isValid(schema, ["a", "b"])).toBe(false);
    expect(isValid(schema, ["a", 1, 2])).toBe(false);
  });

  test("reads OpenAPI 3.0", () => {
    const given = {
      type: "object",
      properties: {
        size: { type: "number", minimum: 0, exclusiveMinimum: true, nullable: true, example: 3 },
        colour: { type: "string", enum: ["red"], nullable: true },
      },
    };
    expect(good(given, { isOpenApi30: true }).schema["properties"]).toEqual({
      size: { type: ["number", "null"], exclusiveMinimum: 0, examples: [3] },
      colour: { type: ["string", "null"], enum: ["red", null] },
    });
  });

  test("leaves out keywords that hold what they cannot, and says so", () => {
    const { schema, notes } = good({
      type: "object",
      properties: { a: { type: "string", required: true }, b: { type: "float", minimum: "1" } },
    });
    expect(schema["properties"]).toEqual({ a: { type: "string" }, b: {} });
    expect(notes).toHaveLength(3);
    expect(notes[0]).toContain("properties.a.required");
    expect(() => jsonSchema({ type: "dict" })).toThrow('"type" at "type"');
  });
});

test.each<[what: string, schema: unknown, says: string]>([
  ["nothing", null, "there is no schema"],
  ["a reference that leads nowhere", { $ref: "#/$defs/x" }, "leads nowhere"],
  ["a reference by prototype", { $ref: "#/__proto__/constructor" }, "leads nowhere"],
  ["a reference to another document", { $ref: "https://example.org/x.json" }, "another document"],
  ["a reference to a file", { $ref: "../secret.json#/a" }, "another document"],
  [
    "references in a circle",
    { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } },
    "leads to itself",
  ],
  ["a reference to itself", { $ref: "#" }, "leads to itself"],
  [
    "a circle with titles",
    {
      $ref: "#/$defs/a",
      title: "x",
      $defs: { a: { $ref: "#/$defs/b", title: "a" }, b: { $ref: "#/$defs/a", title: "b" } },
    },
    "without an end",
  ],
  ["a schema that is any of itself", { type: "object", anyOf: [{ $ref: "#" }, { required: ["a"] }] }, "without an end"],
  ["a property __proto__", JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}'), "__proto__"],
  ["a number for a schema", { type: "object", properties: { a: 3 } }, "no schema at"],
])("%s is a problem, no crash", (_, schema, says) => {
  expect(problem(schema)).toContain(says);
});

test("a schema nested without end is a problem", () => {
  let deep: object = { type: "string" };
  for (let i = 0; i < 5000; i++) deep = { type: "array", items: deep };
  expect(problem(deep)).toContain("nested");
});

describe("values", () => {
  const schema = {
    type: "object",
    properties: {
      city: { type: "string", minLength: 2 },
      days: { type: "integer", minimum: 1, maximum: 7 },
      unit: { enum: ["C", "F"] },
      at: { anyOf: [{ type: "string" }, { type: "null" }] },
    },
    required: ["city"],
    additionalProperties: false,
  };
  const tool = defineTool({
    name: "weather",
    description: "Tells the weather.",
    input: jsonSchema(schema),
    effects: "none",
    run: (input) => input,
  });

  test.each<[input: object, says: string]>([
    [{}, 'required property "city"'],
    [{ city: "x" }, '"city"'],
    [{ city: "Rome", days: 8 }, '"days"'],
    [{ city: "Rome", days: 2.5 }, '"days"'],
    [{ city: "Rome", unit: "K" }, '"unit"'],
    [{ city: "Rome", at: 3 }, '"at": fits none of the alternatives, got 3'],
    [{ city: "Rome", dais: 3 }, 'is "days" meant instead of "dais"?'],
  ])("%j is refused with its place", async (input, says) => {
    const outcome = await callTool(tool, input as never);
    expect(outcome).toMatchObject({ ok: false, failure: { code: "INVALID_ARGS" } });
    expect(!outcome.ok && outcome.failure.message).toContain(says);
  });

  test("what fits reaches the tool", async () => {
    expect(await callTool(tool, { city: "Rome", days: 3, unit: "C", at: null })).toMatchObject({ ok: true });
  });

  test("a pattern that takes forever is not run", () => {
    const slow = { type: "object", properties: { x: { type: "string", pattern: "^(a+)+$" } } };
    expect(isValid(slow, { x: `${"a".repeat(50)}!` })).toBe(true);
  });

  test("properties by pattern do not make the others additional", () => {
    const schema = { type: "object", patternProperties: { "^x-": { type: "string" } }, additionalProperties: false };
    expect(isValid(schema, { "x-a": "b" })).toBe(true);
  });

  test("a value nested too deep for a schema without end is refused", () => {
    const schema = { type: "object", properties: { a: { $ref: "#" } }, required: [] };
    let deep: object = {};
    for (let i = 0; i < 20_000; i++) deep = { a: deep };
    expect(isValid(schema, deep)).toBe(false);
  });
});
