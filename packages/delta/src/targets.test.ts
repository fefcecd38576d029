import { disposeParameters, type Site } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Host, hostOf } from "./host.ts";
import { findTargets, matchesWhole, shortestNames, type TargetOptions, valuesOf } from "./targets.ts";

let model: LanguageModel;
beforeEach(() => {
  model = tinyModel({ type: "roberta" });
});
afterEach(() => {
  disposeParameters(model.parameters);
});

const find = (options: TargetOptions): string[] =>
  findTargets("lora", hostOf(model), options).map(({ site }) => site.path);
const layers = (...ends: string[]): string[] =>
  [0, 1].flatMap((layer) => ends.map((end) => `encoder.layer.${layer}.${end}`));

test.each<[string, TargetOptions, string[]]>([
  ["a role", { targets: "attn.q" }, layers("attention.self.query")],
  ["the last name", { targets: ["query", "value"] }, layers("attention.self.query", "attention.self.value")],
  ["the end of a path", { targets: "attention.output.dense" }, layers("attention.output.dense")],
  ["a full path", { targets: "encoder.layer.1.output.dense" }, ["encoder.layer.1.output.dense"]],
  ["an end from a dot on only", { targets: "output.dense" }, layers("attention.output.dense", "output.dense")],
  [
    "a regular expression for the whole path",
    { targets: /encoder\.layer\.\d+\.output\.dense/ },
    layers("output.dense"),
  ],
  ["a predicate", { targets: (site: Site) => site.width === 12 }, layers("intermediate.dense")],
  [
    "names and expressions mixed",
    { targets: ["attn.k", /.*query/] },
    layers("attention.self.query", "attention.self.key"),
  ],
  ["some layers", { targets: "attn.v", layers: [1] }, ["encoder.layer.1.attention.self.value"]],
  [
    "all but some",
    { targets: ["attn.q", "attn.k"], exclude: /.*0.*key/ },
    [
      ...layers("attention.self.query").slice(0, 1),
      "encoder.layer.1.attention.self.query",
      "encoder.layer.1.attention.self.key",
    ],
  ],
])("targets are chosen by %s", (_, options, expected) => {
  expect(find(options)).toEqual(expected);
});

test("every linear layer is every one but the head's", () => {
  expect(find({ targets: "all-linear" })).toHaveLength(2 * 6);
  expect(find({ targets: "dense" })).toHaveLength(2 * 3);
});

test("a head's layer is chosen by its role, its full path or a predicate", () => {
  expect(find({ targets: "head" })).toEqual(["classifier.dense", "classifier.out_proj"]);
  expect(find({ targets: "classifier.dense" })).toEqual(["classifier.dense"]);
  expect(find({ targets: ({ path }: Site) => path === "classifier.dense" })).toEqual(["classifier.dense"]);
});

test("a regular expression that matches a part of the path chooses nothing", () => {
  expect(() => find({ targets: /query/ })).toThrow(/no layer answers to the target \/query\//);
});

test("a target that matches nothing is an error that names the nearest and all there is", () => {
  expect(() => find({ targets: ["query", "vlaue"] })).toThrow(
    /^lora: no layer answers to the target "vlaue"; did you mean "value"\? There are the roles .*attn\.q.* and the names .*query/,
  );
});

test("a choice with nothing left is an error that counts the layers", () => {
  expect(() => find({ targets: "query", layers: [0, 2] })).toThrow(/no layer 2; there are 2, counted from 0/);
  expect(() => find({ targets: "query", exclude: "attn.q" })).toThrow(/nothing is left.*the model has 2 layers/);
});

test("a decoder that shares the word embeddings is no target", () => {
  const masked = tinyModel({ head: { kind: "masked-lm" } });
  expect(() => findTargets("lora", hostOf(masked), { targets: "cls.predictions.decoder" })).toThrow(/no layer answers/);
  disposeParameters(masked.parameters);
});

/** A host with one fused projection of three parts. */
const fused: Host = {
  config: {},
  tensors: new Map([["h.0.qkv.weight", { shape: [5, 12] }]]),
  sites: () => [
    {
      kind: "linear",
      path: "h.0.qkv",
      role: "attn.qkv",
      input: 5,
      width: 12,
      weight: { name: "h.0.qkv.weight", layout: "in,out" },
      bias: "h.0.qkv.bias",
    },
    ...["q", "k", "v"].map(
      (name, i): Site => ({
        kind: "linear",
        path: `h.0.qkv.${name}`,
        role: `attn.${name}`,
        input: 5,
        width: 4,
        part: { of: "h.0.qkv", columns: [4 * i, 4 * i + 4] },
      }),
    ),
  ],
};

test("a part of a fused layer is its columns of the whole's weight and bias", () => {
  expect(findTargets("lora", fused, { targets: "attn.k" })).toMatchObject([
    { input: 5, output: 4, weight: { name: "h.0.qkv.weight" }, bias: "h.0.qkv.bias", columns: [4, 8] },
  ]);
});

test.each<[string, TargetOptions, string[]]>([
  ["all linear layers", { targets: "all-linear" }, ["h.0.qkv"]],
  ["an expression", { targets: /.*qkv.*/ }, ["h.0.qkv"]],
  ["the whole's role", { targets: "attn.qkv" }, ["h.0.qkv"]],
  ["a part's role", { targets: "attn.v" }, ["h.0.qkv.v"]],
])("%s on a fused layer", (_, options, expected) => {
  const found = findTargets("lora", fused, options).map(({ site }) => site.path);
  expect(found).toEqual(expected);
  const again = findTargets("lora", fused, { targets: shortestNames(fused, found) });
  expect(again.map(({ site }) => site.path)).toEqual(expected);
});

test("where a site does not say what flows in, its weight's shape does", () => {
  const bare = { ...fused, sites: () => fused.sites().map(({ input: _, ...site }) => site) };
  expect(findTargets("lora", bare, { targets: "attn.qkv" })).toMatchObject([{ input: 5, output: 12 }]);
});

test.each<[string, TargetOptions, string[]]>([
  ["one name for all layers", { targets: ["attn.q", "attn.v"] }, ["query", "value"]],
  ["a longer one where the last is shared", { targets: "ff.up" }, ["intermediate.dense"]],
  ["a number where an end is another's end", { targets: "ff.down" }, ["0.output.dense", "1.output.dense"]],
  ["numbers for some of the layers", { targets: "attn.q", layers: [0] }, ["0.attention.self.query"]],
  ["the full path in a head", { targets: "classifier.out_proj" }, ["classifier.out_proj"]],
])("the shortest names of a choice are %s, and choose it again", (_, options, expected) => {
  const chosen = find(options);
  expect(shortestNames(hostOf(model), chosen)).toEqual(expected);
  expect(find({ targets: expected })).toEqual(chosen);
});

test("the first pattern that matches the end of a path from a dot on gives the value", () => {
  const patterns = { "layer.0.*query": 1, query: 2, uery: 3 };
  expect(valuesOf(patterns)("encoder.layer.0.self.query")).toBe(1);
  expect(valuesOf(patterns)("encoder.layer.1.self.query")).toBe(2);
  expect(valuesOf(patterns)("encoder.layer.1.self.key")).toBeUndefined();
});

test.each([
  [/.*\.query/, true],
  [/query/, false],
  [/^bert.*query$/, true],
  [/BERT\.(?:x|y)?.*\bQUERY/i, true],
  [/bert\.layer\.\d{1,2}\.(?!key)[^.]+/g, true],
  [/bert\.layer\.[0-1]+\..*/, false],
  [/(?<model>bert)\..*/, true],
  [/\x62ert.*(?<=\.)query/u, true],
  [/b(e)rt\.lay\1r.*/, true],
  [/Abert.*/, false],
  [/bert[a-\d.]layer.*/, true],
])("a JavaScript expression means what it means there: %s", (pattern, expected) => {
  expect(matchesWhole(pattern, "bert.layer.12.query")).toBe(expected);
  expect(new RegExp(`^(?:${pattern.source})$`, pattern.flags).test("bert.layer.12.query")).toBe(expected);
});

test.each([/(.*)+query!$/, /((\w*\.?)*)*-/, /(a|e|.)*(\.|.)*!/])(
  "an expression that would take for ever is no match: %s",
  (pattern) => {
    expect(matchesWhole(pattern, "bert.encoder.layer.11.attention.self.query.and.more.of.it")).toBe(false);
  },
);
