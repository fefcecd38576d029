import { expect, test } from "vitest";
import { accepts } from "./accepts.ts";
import { type JsonSchema, schemaExpression } from "./schema.ts";

/** Lists of lists. */
const nested = (depth: number): JsonSchema =>
  depth === 0 ? { type: "null" } : { type: "array", items: nested(depth - 1) };

const fits = (schema: JsonSchema) => accepts(schemaExpression("test", schema));

const person: JsonSchema = {
  title: "A person",
  type: "object",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 4, description: "short" },
    age: { type: "integer", minimum: 0, maximum: 130 },
    tags: { type: "array", items: { enum: ["a", "b"] }, minItems: 1, maxItems: 2 },
    mail: { type: ["string", "null"] },
  },
  required: ["name", "tags"],
  additionalProperties: false,
};

test.each([
  ['{"name":"Eva","age":3,"tags":["a"],"mail":null}', true],
  ['{"name": "Eva", "tags": ["a", "b"]}', true],
  ['{\n  "name": "Eva",\n  "tags": [\n    "a"\n  ]\n}', true],
  ['{"name":"Żółw","tags":["b"]}', true],
  ['{"name":"😀😀😀😀","tags":["b"]}', true],
  ['{"name":"\\u0041\\n\\"x","tags":["b"],"mail":""}', true],
  ['{"name":"😀😀😀😀😀","tags":["b"]}', false],
  ['{"name":"","tags":["b"]}', false],
  ['{"tags":["b"],"name":"Eva"}', false],
  ['{"name":"Eva"}', false],
  ['{"name":"Eva","tags":[]}', false],
  ['{"name":"Eva","tags":["a","b","a"]}', false],
  ['{"name":"Eva","tags":["c"]}', false],
  ['{"name":"Eva","age":131,"tags":["a"]}', false],
  ['{"name":"Eva","age":3.5,"tags":["a"]}', false],
  ['{"name":"Eva","tags":["a"],"more":1}', false],
  ['{"name":"Eva","tags":["a"],}', false],
  ['{"name":"Eva","tags":["a"]} ', false],
  ['{"name":"a\nb","tags":["a"]}', false],
  ['{"name":"\\ud83d","tags":["a"]}', false],
])("of a person, %s fits: %s", (text, isFitting) => {
  expect(fits(person)(text)).toBe(isFitting);
});

const tree: JsonSchema = {
  $ref: "#/$defs/node",
  $defs: {
    node: {
      type: "object",
      properties: { value: { type: "number" }, next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } },
      required: ["value", "next"],
    },
  },
};

test("a schema may hold itself", () => {
  const isFitting = fits(tree);
  expect(isFitting('{"value":1,"next":null}')).toBe(true);
  expect(isFitting('{"value":1,"next":{"value":-2.5,"next":{"value":1e3,"next":null}}}')).toBe(true);
  expect(isFitting('{"value":1,"next":{"value":2}}')).toBe(false);
});

test("any value and any object are JSON", () => {
  const isValue = fits(true);
  const texts = [
    '{"a":[1,{"b":null}],"":"x"}',
    "[[],{}]",
    '"x"',
    "-1.5e3",
    "true",
    "null",
    "[1, 2]",
    '{"a": 1, "b": 2}',
  ];
  for (const text of texts) expect([text, isValue(text)]).toEqual([text, true]);
  for (const text of ["", "{", "[1,]", "{a:1}", "'x'", "tru", "[1 2]"])
    expect([text, isValue(text)]).toEqual([text, false]);
  expect(fits({ type: "object", additionalProperties: { type: "integer" } })('{"a":1,"b":2}')).toBe(true);
  expect(fits({ type: "object", additionalProperties: { type: "integer" } })('{"a":"x"}')).toBe(false);
});

test("constants, lists of values, tuples and types by their keywords", () => {
  expect(fits({ const: { a: [1, "ż"] } })('{"a":[1,"ż"]}')).toBe(true);
  expect(fits({ enum: [1, "x", null], type: "string" })("1")).toBe(false);
  expect(fits({ enum: [1, "x", null], type: ["integer", "null"] })("null")).toBe(true);
  expect(fits({ prefixItems: [{ type: "boolean" }, { const: 2 }], items: false })("[true,2]")).toBe(true);
  expect(fits({ prefixItems: [{ type: "boolean" }, { const: 2 }], items: false })("[true]")).toBe(false);
  expect(fits({ properties: { a: true } })('{"a":[0]}')).toBe(true);
  expect(fits({ exclusiveMinimum: 0, type: "integer" })("0")).toBe(false);
  expect(fits({ allOf: [{ type: "null" }] })("null")).toBe(true);
  expect(fits({ type: "array", items: false })("[]")).toBe(true);
  expect(fits({ type: "object", required: ["x"] })('{"x":[]}')).toBe(true);
});

test("schemas of a oneOf are told apart by type, value or a constant member", () => {
  const shapes: JsonSchema = {
    oneOf: [
      {
        type: "object",
        properties: { kind: { const: "circle" }, radius: { type: "number" } },
        required: ["kind", "radius"],
      },
      {
        type: "object",
        properties: { kind: { const: "square" }, side: { type: "number" } },
        required: ["kind", "side"],
      },
      { type: "null" },
    ],
  };
  expect(fits(shapes)('{"kind":"square","side":2}')).toBe(true);
  expect(fits(shapes)('{"kind":"square","radius":2}')).toBe(false);
  expect(() => fits({ oneOf: [{ type: "integer" }, { type: "number" }] })).toThrow("schemas 0 and 1 may both hold");
});

test.each<[JsonSchema, string]>([
  [{ type: "string", format: "color" }, 'has the format "color", which is not supported; there are date-time, date'],
  [
    { type: "string", format: "date", pattern: "^x" },
    'has the pattern "^x" beside another, which no string has both of',
  ],
  [{ type: "string", contentEncoding: "base64" }, 'has "contentEncoding" without a pattern'],
  [{ type: "string", allOf: [{ minLength: 3 }, { maxLength: 2 }] }, "its lengths are from 3 to 2"],
  [{ type: "string", allOf: [{ minimum: 3 }] }, 'has "minimum" beside the type string'],
  [{ type: "string", allOf: [{ type: "null" }] }, 'schema 0 of its "allOf" wants "null"'],
  [{ type: "string", allOf: [null] }, 'an "allOf" with what is no schema: null'],
  [{ type: "string", format: "date", maxLength: 9 }, "strings of 0 to 9 characters"],
  [{ type: "string", pattern: 3 }, 'has a "pattern" that is no text'],
  [{ type: "array", items: { type: "integer", multipleOf: 2 } }, 'at #/items has the keyword "multipleOf"'],
  [{ type: "array", uniqueItems: true }, '"uniqueItems"'],
  [{ type: "object", propertis: {} }, 'unknown keyword "propertis"; is "properties" meant?'],
  [{ type: "strng" }, 'has the type "strng"; there are'],
  [{ type: "string", minimum: 1 }, 'has "minimum" beside the type string'],
  [{ anyOf: [{ type: "null" }], type: "string" }, 'has an "anyOf" beside other keywords'],
  [{ $ref: "other.json" }, 'refers to "other.json"'],
  [{ $ref: "#/%" }, 'refers to a place with "%" in it'],
  [nested(300), "stands within 200 others"],
  [{ oneOf: Array(201).fill({ type: "object" }) }, 'a "oneOf" of 201 schemas'],
  [{ oneOf: [{ const: 1 }, { enum: [2, 1] }] }, "schemas 0 and 1 may both hold"],
  [{ $ref: "#/$defs/none" }, "refers to #/$defs/none, and there is nothing"],
  [false, "is false, which no value fits"],
  [{ enum: [] }, 'has no values: "enum" has none'],
  [{ type: "string", minLength: 3, maxLength: 2 }, "minLength 3 is above maxLength 2"],
  [{ type: "integer", minimum: 3, maximum: 2 }, "no number that can be written lies within its bounds"],
  [{ type: "object", required: ["a"], additionalProperties: false }, 'requires "a"'],
  [{ type: "object", properties: { a: { $ref: "#" } }, required: ["a"] }, "has no finite values"],
  [{ $ref: "#" }, "has no finite values"],
  [{ allOf: [{ type: "null" }, { type: "null" }] }, 'an "allOf" of 2 schemas'],
  [
    {
      allOf: [{ $ref: "#/$defs/a" }, { $ref: "#/$defs/a" }],
      $defs: { a: { allOf: [{ $ref: "#/$defs/a" }, { $ref: "#/$defs/a" }] } },
    },
    'an "allOf" of 2 schemas',
  ],
  [
    { allOf: [{ $ref: "#/$defs/a", required: ["b"] }, { required: ["c"] }], $defs: { a: { type: "object" } } },
    'an "allOf" of 2 schemas',
  ],
  [{ type: "object", propertyNames: { type: "integer" } }, "at #/propertyNames allows what is no string"],
  [
    { type: "object", propertyNames: { maxLength: 1 }, required: ["ab"] },
    'requires "ab", which "propertyNames" rule out',
  ],
  [{ type: "string", maxLength: -1 }, '"maxLength" that is no count'],
])("%j is an error that says why", (schema, message) => {
  expect(() => schemaExpression("test", schema)).toThrow(message);
});

test.each<[JsonSchema, string, boolean]>([
  [{ propertyNames: { type: "string" } }, '{"any name":1}', true],
  [
    { propertyNames: { pattern: "^[a-z]+$", maxLength: 3 }, additionalProperties: { type: "integer" } },
    '{"abc":1,"d":2}',
    true,
  ],
  [
    { propertyNames: { pattern: "^[a-z]+$", maxLength: 3 }, additionalProperties: { type: "integer" } },
    '{"abcd":1}',
    false,
  ],
  [
    { propertyNames: { pattern: "^[a-z]+$", maxLength: 3 }, additionalProperties: { type: "integer" } },
    '{"A":1}',
    false,
  ],
  [{ propertyNames: { enum: ["a", 1] }, additionalProperties: true }, '{"a":null}', true],
  [{ propertyNames: { enum: ["a", 1] }, additionalProperties: true }, "{1:null}", false],
  [{ propertyNames: { $ref: "#/$defs/n" }, $defs: { n: { type: "string", minLength: 2 } } }, '{"a":1}', false],
  [
    { propertyNames: { enum: ["a", "b"] }, required: ["a", "b"], additionalProperties: { type: "integer" } },
    '{"a":1,"b":2}',
    true,
  ],
  [{ propertyNames: { enum: ["b"] }, properties: { a: { type: "integer" }, b: { type: "integer" } } }, '{"b":2}', true],
  [
    { propertyNames: { enum: ["b"] }, properties: { a: { type: "integer" }, b: { type: "integer" } } },
    '{"a":2}',
    false,
  ],
])("names of members are followed: %j, %s: %s", (schema, text, isFitting) => {
  expect(fits({ type: "object", ...(schema as object) })(text)).toBe(isFitting);
});

const extended: JsonSchema = {
  description: "a base and more",
  allOf: [
    { $ref: "#/$defs/base" },
    { type: "object", properties: { b: { type: "integer", format: "int32" } }, required: ["b"] },
  ],
  $defs: { base: { type: "object", properties: { a: { type: "boolean" } }, required: ["a"] } },
};

test.each([
  ['{"a":true,"b":3}', true],
  ['{"a":true}', false],
  ['{"b":3}', false],
  ['{"a":true,"b":3000000000}', false],
])("objects that are put together have the members of all: %s: %s", (text, isFitting) => {
  expect(fits(extended)(text)).toBe(isFitting);
});

const shape: JsonSchema = {
  type: "object",
  properties: { a: { type: "integer" }, b: { type: "integer" }, c: { type: "integer" } },
  anyOf: [{ required: ["a"] }, { required: ["b", "c"] }],
};
const yesOrNo: JsonSchema = {
  type: "object",
  patternProperties: { "^(yes|no)$": { type: "boolean" } },
  additionalProperties: false,
};

test.each<[JsonSchema, string, boolean]>([
  [shape, '{"a":1}', true],
  [shape, '{"b":1,"c":2}', true],
  [shape, '{"b":1}', false],
  [shape, "{}", false],
  [
    {
      type: "integer",
      anyOf: [
        { type: "integer", maximum: 3 },
        { type: "integer", minimum: 9 },
      ],
    },
    "5",
    false,
  ],
  [
    {
      type: "integer",
      anyOf: [
        { type: "integer", maximum: 3 },
        { type: "integer", minimum: 9 },
      ],
    },
    "9",
    true,
  ],
  [{ allOf: [{ type: "integer" }, {}, true, { description: "nothing" }] }, "7", true],
  [{ allOf: [{ type: "integer" }, {}, true, { description: "nothing" }] }, '"7"', false],
  [{ format: "date" }, '"2024-02-29"', true],
  [{ format: "date" }, "3", false],
  [{ type: ["string", "integer"], format: "date" }, "3", true],
  [{ type: ["string", "integer"], format: "date" }, '"2024-02-29"', true],
  [{ type: ["string", "integer"], format: "date" }, '"x"', false],
  [yesOrNo, '{"yes":true,"no":false}', true],
  [yesOrNo, '{"maybe":true}', false],
  [yesOrNo, "{}", true],
  [{ type: "string", pattern: "\\S" }, '"  x  "', true],
  [{ type: "string", pattern: "\\S" }, '"  "', false],
  [{ type: "string", pattern: "^.{1,2048}$" }, `"${"x".repeat(2048)}"`, true],
  [{ type: "string", pattern: "^.{1,2048}$" }, `"${"x".repeat(2049)}"`, false],
  [{ type: "string", maxLength: 10_000 }, '"a \\"quotation\\"\\n"', true],
])("%j, %s: %s", (schema, text, isFitting) => {
  expect(fits(schema)(text)).toBe(isFitting);
});

test.each<[JsonSchema, string, string]>([
  [
    { type: "object", properties: { xa: true }, patternProperties: { "^x": { type: "null" } } },
    '{"xa":1}',
    'that "xa" has as well',
  ],
  [
    { type: "object", patternProperties: { "^x": true }, propertyNames: { maxLength: 2 } },
    '{"xyz":1}',
    '"patternProperties" beside "propertyNames"',
  ],
  [{ oneOf: [{ required: ["a"] }, { required: ["b"] }], type: "object" }, '{"a":1}', "may both hold"],
  [{ type: "integer", multipleOf: 5 }, "3", 'at # has the keyword "multipleOf"'],
  [{ type: "array", items: { type: "null" }, uniqueItems: true }, "[null,null]", '"uniqueItems"'],
  [{ type: "string", minLength: 2, pattern: "(?=a)b" }, '"xy"', "with a lookaround"],
  [{ type: "string", format: "color" }, '"red"', 'the format "color"'],
  [{ type: "integer", format: "int8" }, "300", 'the format "int8", which is not supported for numbers'],
  [{ type: "integer", minimum: 0, exclusiveMinimum: true }, "0", 'a "exclusiveMinimum" that is no number: true'],
  [{ anyOf: [{ type: "null" }, { not: {} }] }, "null", 'at #/anyOf/1 has the keyword "not"'],
  [{ type: "string", nullable: true }, '"a"', 'the unknown keyword "nullable"'],
  [{ $ref: "other.json" }, "[1]", 'refers to "other.json"'],
  [{ oneOf: [{ type: "integer" }, { type: "number" }] }, "1", "schemas 0 and 1 may both hold"],
  [{ allOf: [{ type: "integer" }, { type: "number" }] }, "1", 'an "allOf" of 2 schemas'],
  [{ enum: ["a"], minLength: 1 }, '"a"', 'has "minLength" beside "enum"'],
  [{ type: "array", prefixItems: [true], minItems: 2 }, "[1,2]", '1 "prefixItems"'],
])("of %j what cannot be followed is left out, and told", (schema, text, problem) => {
  const told: string[] = [];
  expect(accepts(schemaExpression("test", schema, (each) => told.push(each)))(text)).toBe(true);
  expect(told).toEqual([expect.stringContaining(problem)]);
  expect(() => schemaExpression("test", schema)).toThrow(problem);
});

test.each<[JsonSchema, string]>([
  [{ type: "string", minLength: 2, maxLength: 1 }, "minLength 2 is above maxLength 1"],
  [{ type: "strng" }, 'has the type "strng"'],
  [false, "is false"],
])("a schema without values is an error all the same: %j", (schema, problem) => {
  expect(() => schemaExpression("test", schema, () => {})).toThrow(problem);
});

test("an object of very many optional members is looked at in time that grows with their number", () => {
  const names = Array.from({ length: 120 }, (_, i) => `member${i}`);
  const schema = { type: "object", properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])) };
  const check = fits(schema as JsonSchema); // 2^120 ways through its parts
  expect(check('{"member3":"a","member119":"b"}')).toBe(true);
  expect(check('{"member119":"b","member3":"a"}')).toBe(false);
});

test("thousands of members and values are followed without a deep stack", () => {
  const names = Array.from({ length: 400 }, (_, i) => `m${i}`);
  const members = Object.fromEntries(names.map((name) => [name, { type: "integer" }])) as JsonSchema;
  const some = fits({ type: "object", properties: members });
  expect(some('{"m0":1,"m399":2}')).toBe(true);
  expect(some('{"m399":1,"m0":2}')).toBe(false);
  const all = fits({ type: "object", properties: members, required: names });
  expect(all(JSON.stringify(Object.fromEntries(names.map((name) => [name, 1]))))).toBe(true);
  expect(all(JSON.stringify(Object.fromEntries(names.slice(1).map((name) => [name, 1]))))).toBe(false);
  const value = fits({ enum: ["a", "ab", "abc", "b", ...Array.from({ length: 5000 }, (_, i) => `value ${i}`)] });
  for (const text of ["a", "ab", "abc", "b", "value 4999"]) expect(value(JSON.stringify(text))).toBe(true);
  for (const text of ["", "abcd", "value", "value 5000"]) expect(value(JSON.stringify(text))).toBe(false);
  expect(fits({ const: "x".repeat(150_000) })(JSON.stringify("x".repeat(150_000)))).toBe(true);
  const begins = Array.from({ length: 100 }, (_, i) => "a".repeat(i));
  const begin = fits({ enum: begins });
  expect(begins.every((text) => begin(JSON.stringify(text)))).toBe(true);
});
