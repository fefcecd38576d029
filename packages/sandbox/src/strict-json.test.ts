import fc from "fast-check";
import { expect, test } from "vitest";
import { strictJson } from "./strict-json.ts";

const circle: Record<string, unknown> = {};
circle["list"] = [circle];
class Empty {}
class Point {
  readonly x = 1;
}

test.each(
  (
    [
      [{ x: Promise.resolve(1) }, 'a Promise at "x"'],
      [{ list: [{ y: /a/ }] }, 'a RegExp at "list[0].y"'],
      [[1, undefined], 'undefined at "[1]"'],
      [new Array(2), 'undefined at "[0]"'],
      [new Error("x"), "a Error"],
      [new Map([[1, 2]]), "a Map"],
      [new Uint8Array(2), "a Uint8Array"],
      [new WeakMap(), "a WeakMap"],
      [new Empty(), "a Empty"],
      [[Number.NaN], 'NaN at "[0]"'],
      [{ a: 5n }, 'a bigint at "a"'],
      [{ a: Symbol("s") }, 'a symbol at "a"'],
      [() => 1, "a function"],
      [circle, "a value that contains itself"],
      [
        {
          get x() {
            throw null;
          },
        },
        "a value that throws: null",
      ],
    ] as const satisfies readonly (readonly [unknown, string])[]
  ).map(([value, fault]) => [fault, value]),
)("%s is refused", (fault, value) => {
  expect(strictJson(value)).toEqual({ fault });
});

test("what nests beyond the stack is refused", () => {
  let deep: unknown = 1;
  for (let i = 0; i < 100_000; i++) deep = [deep];
  expect(strictJson(deep)).toEqual({ fault: "a value that nests too deeply" });
});

test("a toJSON decides, and a field that is undefined counts as absent", () => {
  expect(strictJson({ at: new Date(5), a: undefined, point: new Point() })).toEqual({
    json: '{"at":"1970-01-01T00:00:00.005Z","point":{"x":1}}',
  });
  expect(strictJson(undefined)).toEqual({ json: undefined });
});

test("a JSON value is written as JSON.stringify writes it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(strictJson(value)).toEqual({ json: JSON.stringify(value) });
    }),
    { seed: 1 },
  );
});
