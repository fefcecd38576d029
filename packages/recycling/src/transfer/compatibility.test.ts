import { memory } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { attach, head, lora, merge } from "@cambium/delta";
import { createModel, loadModel, saveModel } from "@cambium/models";
import { expect, test } from "vitest";
import { fingerprintModel, type Lineage, loadLineage, pathBetween, saveLineage } from "../lineage/lineage.ts";
import { first, later, trained, withValues } from "../versions.fixture.ts";
import { checkCompatibility } from "./compatibility.ts";

test("what is known of where a model comes from decides how sure it is", async () => {
  const base = first();
  const [next, third] = [later(base), later(base, 0.1, 4)];
  const old = attach(base, trained(lora(base, { rank: 2 }, random(1))), trained(head(base)));
  const [zero, one, two] = [await fingerprintModel(base), await fingerprintModel(next), await fingerprintModel(third)];
  const lineages: Lineage[] = [
    { model: two, parent: one, corpus: "reviews", steps: 7 },
    { model: one, parent: zero, corpus: "mail", steps: 5 },
  ];
  expect((await checkCompatibility(old, base)).verdict).toBe("exact");
  expect((await checkCompatibility(old, third)).verdict).toBe("shape-only");
  const found = await checkCompatibility(old, third, { lineages });
  expect(found.verdict).toBe("lineage");
  expect(found.path?.map(({ corpus }) => corpus)).toEqual(["mail", "reviews"]);
  expect(found.coverage.lost).toEqual([]);
  expect(found.coverage.found).toContain("site encoder.layer.1.attention.self.query");
  for (const tree of [base, next, third, old]) disposeParameters(tree.parameters);
});

test("dropout alone keeps nothing from fitting, and another order of labels is said", async () => {
  const base = first();
  const old = attach(base, trained(lora(base, { rank: 2 }, random(1))));
  const next = {
    ...withValues(base, base.parameters, { kind: "sequence-classification", labels: ["green", "red", "blue"] }),
    config: { ...base.config, hidden_dropout_prob: 0.3 },
  };
  const { verdict, notes } = await checkCompatibility(old, next as never);
  expect(verdict).toBe("exact");
  expect(notes.join("\n")).toMatch(/hidden_dropout_prob was 0 and is 0.3[\s\S]*labels are in another order/);
  const gelu = { ...base, config: { ...base.config, hidden_act: "relu" } };
  expect(await checkCompatibility(old, gelu as never)).toMatchObject({
    verdict: "incompatible",
    problems: [expect.stringContaining("hidden_act")],
  });
  for (const tree of [base, old]) disposeParameters(tree.parameters);
});

test("places are compared both ways", async () => {
  const base = first();
  const old = attach(base, trained(lora(base, { rank: 2 }, random(1))));
  const shallow = createModel({ ...base.config, num_hidden_layers: 1 } as never, random(1), { head: base.head! });
  const narrow = await checkCompatibility(old, shallow);
  expect(narrow.verdict).toBe("incompatible");
  expect(narrow.coverage.lost).toContain("site encoder.layer.1.attention.self.value");
  const deep = createModel({ ...base.config, num_hidden_layers: 3 } as never, random(1), { head: base.head! });
  expect((await checkCompatibility(old, deep)).coverage.unreached).toEqual([
    "site encoder.layer.2.attention.self.query",
    "site encoder.layer.2.attention.self.value",
  ]);
  for (const tree of [base, old, shallow, deep]) disposeParameters(tree.parameters);
});

test("a lineage comes back from its file, and a model's hash is the same under any head", async () => {
  const files = memory();
  const base = first();
  await saveModel(base, files);
  expect(await loadLineage(files)).toBeUndefined();
  const loaded = await loadModel(files, {});
  const model = await fingerprintModel(loaded);
  expect(model).toBe(await fingerprintModel(base));
  const other = attach(base, trained(head(base)));
  const merged = merge(other);
  expect(await fingerprintModel(merged)).toBe(model);
  const lineage = { model, parent: null, corpus: "books", steps: 10 };
  await saveLineage(files, lineage);
  expect(await loadLineage(files)).toEqual(lineage);
  await files.write("lineage.json", '{"format":"cambium-lineage","version":2}');
  await expect(loadLineage(files)).rejects.toMatchObject({ code: "FORMAT" });
  await expect(saveLineage(files, { ...lineage, step: 1 } as never)).rejects.toMatchObject({ code: "CONFIG" });
  for (const tree of [base, loaded, other, merged]) disposeParameters(tree.parameters);
});

test("a circle of lineages leads nowhere, and a model to itself", () => {
  const circle: Lineage[] = [
    { model: "a", parent: "b", corpus: "", steps: 1 },
    { model: "b", parent: "a", corpus: "", steps: 1 },
  ];
  expect(pathBetween("c", "a", circle)).toBeUndefined();
  expect(pathBetween("a", "a", circle)).toEqual([]);
});

test("a model is found by what its lineage calls it, whatever head it stands under", async () => {
  const base = first({ kind: "token-classification", labels: ["O", "B"] });
  const next = later(base);
  const old = attach(base, trained(lora(base, { rank: 2 }, random(1))));
  const lineages: Lineage[] = [{ model: "two", parent: "one", corpus: "mail", steps: 3 }];
  expect((await checkCompatibility(old, next, { lineages })).verdict).toBe("shape-only");
  expect((await checkCompatibility(old, next, { lineages, models: ["one", "two"] })).verdict).toBe("lineage");
  for (const tree of [base, next, old]) disposeParameters(tree.parameters);
});
