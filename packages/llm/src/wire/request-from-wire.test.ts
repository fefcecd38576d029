import { expect, test } from "vitest";
import { requestFromWire } from "./request-from-wire.ts";

const asked = (more: object, content: unknown = "Hi"): object => ({
  model: "m",
  messages: [{ role: "user", content }],
  ...more,
});

test.each<[string, object, string]>([
  ["a number for content", asked({}, 42), "content must be a text or a list of parts, got 42"],
  ["a part that is no list", asked({}, { type: "text", text: "Hi" }), "content must be a text or a list of parts"],
  ["nothing for a part", asked({}, [null]), "content part 0 must be an object, got null"],
  ["an unknown format", asked({ response_format: { type: "foo" } }), 'response_format: type must be "text"'],
  ["a schema that is missing", asked({ response_format: { type: "json_schema" } }), "json_schema needs a schema"],
  [
    "a schema in another place",
    asked({ response_format: { type: "json_object", schema: { type: "object" } } }),
    "a schema stands under json_schema.schema",
  ],
])("%s is an error that says so", (_, body, message) => {
  expect(() => requestFromWire(body)).toThrow(message);
});

test("formats that are known are read", () => {
  const schema = { type: "object" };
  const format = (response_format: object): unknown => requestFromWire(asked({ response_format })).request.format;
  expect(format({ type: "text" })).toBeUndefined();
  expect(format({ type: "json_object" })).toEqual({});
  expect(format({ type: "json_schema", json_schema: { name: "n", schema } })).toEqual({ name: "n", schema });
});
