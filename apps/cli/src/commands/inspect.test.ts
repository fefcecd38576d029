import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disposeParameters, random, useBackend } from "@cambium/core";
import { createModel, saveModel } from "@cambium/models";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recorded } from "../recorded.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-inspect-"));
const path = join(folder, "model");
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  await useBackend("cpu");
  const model = createModel(
    {
      model_type: "bert",
      vocab_size: 50,
      hidden_size: 8,
      num_hidden_layers: 4,
      num_attention_heads: 2,
      intermediate_size: 12,
      max_position_embeddings: 40,
    },
    random(1),
    { head: { kind: "sequence-classification", labels: ["ham", "spam"] } },
  );
  await saveModel(model, path);
  disposeParameters(model.parameters);
});

test("inspect shows folded parameters, roles, and what methods would train", async () => {
  const { code, out } = await recorded(["inspect", path, "--sites"]);
  expect(code).toBe(0);
  expect(out[0]).toContain("bert, head: sequence-classification, ");
  const text = out.join("\n");
  expect(text).toMatch(/encoder\.layer\.0-3\.intermediate\.dense\.weight +\[12, 8\] +F32 +384/);
  expect(text).toMatch(/attn\.q +linear +encoder\.layer\.0-3\.attention\.self\.query +8 → 8 +4/);
  expect(text).toMatch(/lora +1,024 /); // 4 layers, queries and values, rank 8 of width 8: 4 · 2 · 2 · 64
  expect(text).toMatch(/head +18 /);
});

test("as JSON it is one object with exact counts", async () => {
  const { out } = await recorded(["inspect", path, "--json"]);
  const { count, methods, head, parameters, sites } = JSON.parse(out[0]!);
  expect(head).toEqual({ kind: "sequence-classification", labels: ["ham", "spam"] });
  expect(methods.find(({ method }: { method: string }) => method === "whole")).toMatchObject({
    trained: count,
    share: 1,
  });
  expect(parameters.find(({ name }: { name: string }) => name === "classifier.weight")).toMatchObject({
    shape: [2, 8],
    sizeBytes: 64,
  });
  expect(sites.filter(({ role }: { role: string }) => role === "block")).toHaveLength(4);
});

test.each([
  ["a folder without a model", ["inspect", folder], 1, "config.json"],
  ["an unknown method", ["inspect", path, "--job", "loar"], 2, "there are "],
  ["half a row", ["inspect", path, "--batch", "0.5"], 2, "It must be a whole number of 1 or more."],
  ["a batch of no job", ["inspect", path, "--batch", "4"], 2, "inspect: --batch is about a step of a job"],
  ["no repository", ["inspect", "hub:"], 2, "write hub:organisation/name"],
  ["an unknown flag", ["inspect", path, "--site"], 2, "Did you mean --sites?"],
])("%s ends with the reason", async (_, args, wanted, message) => {
  const { code, errors } = await recorded(args);
  expect(code).toBe(wanted);
  expect(errors.join("\n")).toContain(message);
});

test("inspect writes a page on which targets are picked", async () => {
  const page = join(folder, "targets.html");
  const { code } = await recorded(["inspect", path, "--page", page]);
  expect(code).toBe(0);
  expect(readFileSync(page, "utf8")).toContain('data-path="encoder.layer.3.attention.self.query"');
});
