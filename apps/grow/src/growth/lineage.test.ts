import { fileURLToPath } from "node:url";
import { folder, memory, readJson } from "@cambium/base";
import { disposeParameters } from "@cambium/core";
import { loadModel, saveModel } from "@cambium/models";
import { expect, test } from "vitest";
import { modelFingerprint, writeLineage } from "./lineage.ts";

const sapling = (name: string) =>
  folder(fileURLToPath(new URL(`../../../../packages/saplings/models/${name}`, import.meta.url)));

test("a model is known by its body, wherever it is stored", async () => {
  const model = await loadModel(sapling("bert-2x128-v1"));
  const files = memory();
  await saveModel(model, files);
  expect(await modelFingerprint(files)).toBe(await modelFingerprint(sapling("bert-2x128-v1")));
  disposeParameters(model.parameters);
});

test("the lineage beside a model names it and its parent", async () => {
  const model = await loadModel(sapling("bert-2x128-v1"));
  const files = memory();
  await saveModel(model, files, { dtype: "F16" });
  await writeLineage(files, { parent: "another", corpus: "mail", steps: 7 });
  expect(await readJson(files, "lineage.json")).toEqual({
    ...{ format: "cambium-lineage", version: 1, model: await modelFingerprint(files) },
    ...{ parent: "another", corpus: "mail", steps: 7 },
  });
  disposeParameters(model.parameters);
});

test("what is shipped has a lineage, and a version descends from the one before it", async () => {
  const lineages = await Promise.all(
    ["bert-4x256-v1", "bert-4x256-v2"].map(async (name) => {
      const { model, parent } = (await readJson(sapling(name), "lineage.json")) as Record<string, string | null>;
      return { model, parent };
    }),
  );
  expect(lineages[0]!.parent).toBeNull();
  expect(lineages[1]!.parent).toBe(lineages[0]!.model);
});
