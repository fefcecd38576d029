import { countLayout, modelLayout } from "@cambium/models";
import { expect, test } from "vitest";
import { corpusOf, domainsBefore, type Recipe, recipes, sourceOf, type TextRecipe } from "./recipes.ts";

const all = [...recipes.values()];
const text = all.filter((recipe): recipe is TextRecipe => recipe.kind !== "chat");
const heads = { encoder: "masked-lm", decoder: "causal-lm", "encoder-decoder": "sequence-to-sequence" } as const;

test.each(text)(
  "$name has a config that its architecture takes, of at most eight million weights",
  ({ config, kind }) => {
    const count = countLayout(modelLayout(config, { head: { kind: heads[kind] } }));
    expect(count).toBeGreaterThan(1e6);
    expect(count).toBeLessThan(8e6);
  },
);

test("no two recipes share a seed, and what continues another continues one of its kind and sizes", () => {
  expect(new Set(all.map(({ seed }) => seed)).size).toBe(all.length);
  for (const recipe of text) {
    if (recipe.from === undefined) continue;
    expect(recipes.get(recipe.from)).toMatchObject({ kind: recipe.kind, config: recipe.config });
  }
});

test("the second seed differs from the first in its seed alone, and in what is kept", () => {
  const { name: _, seed: __, kept: ___, ...first } = recipes.get("bert-4x256-v1") as TextRecipe;
  const { name: ____, seed: _____, ...second } = recipes.get("bert-4x256-other-v1") as TextRecipe;
  expect(second).toEqual(first);
});

test("eight models are kept of the first version, six of those that continue it", () => {
  const count = (name: string): number => recipes.get(name)!.kept!.length;
  expect(["bert-4x256-v1", "bert-4x256-v2", "bert-4x256-v3"].map(count)).toEqual([8, 6, 6]);
});

test("a version that continues keeps a tenth of all text before it", async () => {
  const v3 = recipes.get("bert-4x256-v3") as TextRecipe;
  expect(domainsBefore(v3)).toEqual(["base", "mail"]);
  expect(corpusOf(v3)).toBe("manuals, with 10 % of base and mail");
  expect(corpusOf(recipes.get("bert-4x256-v1") as Recipe)).toBe("base");
  const asked: string[][] = [];
  const train = async (...domains: readonly string[]) => {
    asked.push([...domains]);
    return Uint16Array.of(domains.length);
  };
  const { replay } = await sourceOf(v3, { train });
  expect(asked).toEqual([["manuals"], ["base", "mail"]]);
  expect(replay).toEqual({ stream: Uint16Array.of(2), share: 0.1 });
});
