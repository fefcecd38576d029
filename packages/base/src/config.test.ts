import { expect, test } from "vitest";
import * as z from "zod";
import { parseConfig } from "./config.ts";

const layer = z.strictObject({ width: z.int().positive(), activation: z.enum(["gelu", "relu"]).default("gelu") });

const schema = z.strictObject({
  rank: z.int().positive(),
  alpha: z.number().default(8),
  targets: z.union([z.string(), z.array(z.string())]).exactOptional(),
  layers: z.array(layer).exactOptional(),
  head: z
    .discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("regression") }),
      z.strictObject({ kind: z.literal("classes"), labels: z.array(z.string()) }),
    ])
    .exactOptional(),
  byName: z.record(z.string(), layer).exactOptional(),
});

function problemsOf(value: unknown): readonly string[] {
  try {
    parseConfig("lora", schema, value);
  } catch (error) {
    expect(error).toMatchObject({ code: "CONFIG", message: expect.stringMatching(/^lora: /) });
    return (error as { details: { problems: string[] } }).details.problems;
  }
  throw new Error("the value was accepted");
}

test("a good value comes back with the defaults filled in", () => {
  expect(parseConfig("lora", schema, { rank: 8, layers: [{ width: 2 }] })).toEqual({
    rank: 8,
    alpha: 8,
    layers: [{ width: 2, activation: "gelu" }],
  });
});

test("an unknown key comes with the nearest known one", () => {
  expect(problemsOf({ rank: 8, alhpa: 4 })).toEqual(['unknown key "alhpa"; is "alpha" meant?']);
});

test("an unknown key that is near to nothing comes with all known ones", () => {
  expect(problemsOf({ rank: 8, momentum: 4 })).toEqual([
    'unknown key "momentum"; known are rank, alpha, targets, layers, head, byName',
  ]);
});

test("unknown keys are found in lists, records and alternatives", () => {
  expect(problemsOf({ rank: 8, layers: [{ width: 1 }, { width: 1, activaton: "relu" }] })).toEqual([
    'unknown key "layers[1].activaton"; is "activation" meant?',
  ]);
  expect(problemsOf({ rank: 8, byName: { first: { witdh: 1, width: 1 } } })).toEqual([
    'unknown key "byName.first.witdh"; is "width" meant?',
  ]);
  expect(problemsOf({ rank: 8, head: { kind: "classes", labels: [], lables: [] } })).toEqual([
    'unknown key "head.lables"; is "labels" meant?',
  ]);
});

test("everything that is wrong is listed in one error", () => {
  expect(() =>
    parseConfig("lora", schema, { rank: -1, alpha: "big", rnak: 8, layers: [{ width: 1.5, activation: "tanh" }] }),
  ).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(
        /"rank": .*; "alpha": .*; "layers\[0\]\.width": .*; "layers\[0\]\.activation": .*; unknown key "rnak"/,
      ),
    }),
  );
});

test("a problem says what was expected and what came", () => {
  expect(problemsOf({ rank: 8, alpha: "big" })).toEqual(['"alpha": expected number, got "big"']);
  expect(problemsOf({})).toEqual(['"rank": expected number, got nothing']);
  expect(problemsOf({ rank: 8, alpha: Number.NaN })).toEqual(['"alpha": expected number, got NaN']);
  expect(problemsOf({ rank: 0 })[0]).toMatch(/^"rank": .*>0, got 0$/);
  expect(problemsOf({ rank: 1, layers: [{ width: 1, activation: "tanh" }] })[0]).toMatch(
    /expected one of "gelu"\|"relu", got "tanh"$/,
  );
  expect(problemsOf(null)).toEqual(["expected object, got null"]);
  expect(problemsOf([1, 2])).toEqual(["expected object, got [1,2]"]);
});

test("of several alternatives the one that fits best is the one that was meant", () => {
  expect(problemsOf({ rank: 1, targets: ["q", 7] })).toEqual(['"targets[1]": expected string, got 7']);
});

test("where no alternative fits, all are named", () => {
  expect(problemsOf({ rank: 1, targets: 7 })).toEqual(['"targets": expected string or array, got 7']);
});

test("an alternative that does not exist names the field that tells them apart", () => {
  const [problem] = problemsOf({ rank: 1, head: { kind: "clases" } });
  expect(problem).toContain('"head.kind"');
  expect(problem).toContain('got "clases"');
});

test("a long value is cut, and one that has no JSON is still shown", () => {
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  expect(problemsOf("x".repeat(1000))[0]!.length).toBeLessThan(120);
  expect(problemsOf({ rank: circular })).toEqual(['"rank": expected number, got a value that is no JSON']);
  expect(problemsOf({ rank: () => 1 })).toEqual(['"rank": expected number, got a function']);
  expect(problemsOf({ rank: 1n })).toEqual(['"rank": expected number, got a bigint']);
});
