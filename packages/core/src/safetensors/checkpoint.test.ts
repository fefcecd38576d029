import { memory, remote } from "@cambium/base";
import { dispose } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { openCheckpoint } from "./checkpoint.ts";
import { entry, rawFile } from "./raw-file.fixture.ts";

/** A file with tensors of one byte. */
const shard = (
  values: Readonly<Record<string, number>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array => {
  const names = Object.keys(values);
  const entries = Object.fromEntries(names.map((name, i) => [name, entry("U8", [1], i, i + 1)]));
  return rawFile({ __metadata__: metadata, ...entries }, Uint8Array.from(Object.values(values)));
};

const index = (weights: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ metadata: { total_size: 3 }, weight_map: weights });

const [first, second] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];

const sharded = {
  "model.safetensors.index.json": index({ a: first, b: second, c: first }),
  [first]: shard({ a: 1, c: 3 }, { format: "pt" }),
  [second]: shard({ b: 2, stray: 9 }),
};

test("one file is opened as it is, also beside an index", async () => {
  const file = await openCheckpoint(memory({ ...sharded, "model.safetensors": shard({ whole: 7 }) }));
  expect([...(await file.values("whole"))]).toEqual([7]);
});

test("shards appear as one file with the tensors that the index names", async () => {
  const file = await openCheckpoint(memory(sharded));
  expect(file.metadata).toEqual({ format: "pt" });
  expect([...file.entries.keys()].sort()).toEqual(["a", "b", "c"]);
  expect([...(await file.values("b"))]).toEqual([2]);
  const c = await file.tensor("c");
  expect([...c.dataSync()]).toEqual([3]);
  const all = await file.load();
  expect([...all].map(([name, value]) => [name, value.dataSync()[0]]).sort()).toEqual([
    ["a", 1],
    ["b", 2],
    ["c", 3],
  ]);
  const some = await file.load(["b"]);
  expect([...some.keys()]).toEqual(["b"]);
  dispose([c, ...all.values(), ...some.values()]);
});

test("names that the index lacks are errors, also those that a shard has", async () => {
  const file = await openCheckpoint(memory(sharded));
  await expect(file.tensor("stray")).rejects.toMatchObject({ code: "CONFIG" });
  await expect(file.load(["a", "stray"])).rejects.toMatchObject({ code: "CONFIG" });
});

test("missing shards are listed, all of them", async () => {
  const { [first]: _, [second]: __, ...rest } = sharded;
  const error = await openCheckpoint(memory(rest)).catch((caught) => caught);
  expect(error).toMatchObject({ code: "FILE", details: { missing: [first, second] } });
  expect(error.message).toContain(`lacks 2 of 2 shards: ${first}, ${second}`);
});

test("tensors that the index promises and the shards lack are listed, all of them", async () => {
  const files = memory({ ...sharded, "model.safetensors.index.json": index({ a: first, b: first, x: second }) });
  const error = await openCheckpoint(files).catch((caught) => caught);
  expect(error.code).toBe("FORMAT");
  expect(error.message).toContain(`"b" in ${first}, "x" in ${second}`);
});

test.each([
  { title: "without a map", content: "{}" },
  { title: "that is null", content: "null" },
  { title: "whose map is a list", content: '{"weight_map": []}' },
  { title: "that names a number", content: index({ a: 1 }) },
])("an index $title is a format error", async ({ content }) => {
  const files = memory({ ...sharded, "model.safetensors.index.json": content });
  await expect(openCheckpoint(files)).rejects.toMatchObject({ code: "FORMAT" });
});

test("an index cannot lead out of its folder", async () => {
  const files = memory({ "model.safetensors.index.json": index({ a: "../secret.safetensors" }) });
  await expect(openCheckpoint(files)).rejects.toMatchObject({ code: "FILE" });
});

test("a folder without weights is an error that says what is looked for", async () => {
  await expect(openCheckpoint(memory({ "pytorch_model.bin": "x" }))).rejects.toThrow(
    "has neither model.safetensors nor model.safetensors.index.json",
  );
});

test("shards are read over HTTP, where nothing can be listed", async () => {
  const content: Readonly<Record<string, string | Uint8Array>> = sharded;
  const answer = async (url: string | URL | Request): Promise<Response> => {
    const found = content[String(url).slice("https://models.test/small/".length)];
    return found === undefined ? new Response(null, { status: 404 }) : new Response(found as BodyInit);
  };
  const file = await openCheckpoint(remote("https://models.test/small", { fetch: answer }));
  expect([...(await file.values("b"))]).toEqual([2]);
});
