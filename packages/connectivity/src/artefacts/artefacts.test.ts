import { memory } from "@cambium/base";
import { disposeParameters, mapParameters, type Parameters, random } from "@cambium/core";
import { attach, head, lora, type Tuned, whole } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { mul, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { bezier } from "../points/path.ts";
import { loadPath, loadPoint, savePath, savePoint } from "./points.ts";

const onto = (base: LanguageModel, rank = 2): Tuned<LanguageModel> =>
  attach(base, lora(base, { rank }, random(1)), head(base));
const moved = (tree: Parameters, seed: number): Map<string, Tensor> =>
  mapParameters(tree, (tensor, name) => random(seed).at(name).normal(tensor.shape));
const bits = (tree: Parameters) => Object.fromEntries([...tree].map(([name, value]) => [name, [...value.dataSync()]]));
const free = (...trees: readonly Parameters[]): void => {
  for (const tree of trees) disposeParameters(tree);
};

test("a point comes back bit for bit, with its lineage and its id", async () => {
  const base = tinyModel();
  const tuned = onto(base);
  const point = moved(tuned.parameters, 2);
  const files = memory();
  const lineage = [{ made: "train", from: [], settings: { seed: 1 } }];
  const id = await savePoint(tuned, files, { point, lineage });
  const read = await loadPoint(tuned, files);
  expect(bits(read.parameters)).toEqual(bits(point));
  expect(read).toMatchObject({ id, lineage });
  free(read.parameters, point, tuned.parameters, base.parameters);
});

test("a curve comes back with its kind and its bends", async () => {
  const base = tinyModel();
  const tuned = onto(base);
  const [to, bend] = [moved(tuned.parameters, 2), moved(tuned.parameters, 3)];
  const files = memory();
  const path = bezier(tuned, to, [bend]);
  await savePath(tuned, path, files);
  const read = await loadPath(tuned, files);
  expect(read.path.kind).toBe("bezier");
  expect(read.path.nodes.map(bits)).toEqual(path.nodes.map(bits));
  free(...read.path.nodes, to, bend, tuned.parameters, base.parameters);
});

test("another random head is the same backbone, since points carry theirs", async () => {
  const [base, other] = [tinyModel(), tinyModel()];
  const values = new Map(other.parameters);
  for (const name of other.headParameters)
    values.set(name, random(9).at(name).normal(other.parameters.get(name)!.shape));
  const tuned = onto(base);
  const again = onto({ ...other, parameters: values });
  const files = memory();
  await savePoint(tuned, files);
  const read = await loadPoint(again, files);
  expect(bits(read.parameters)).toEqual(bits(tuned.parameters));
  free(read.parameters, tuned.parameters, again.parameters, base.parameters, other.parameters);
  for (const name of other.headParameters) values.get(name)!.dispose();
});

test("another backbone is refused with the reason", async () => {
  const base = tinyModel();
  const tuned = onto(base);
  const files = memory();
  await savePoint(tuned, files);
  const reasons: [LanguageModel, (model: LanguageModel) => Tuned<LanguageModel>, string][] = [
    [tinyModel({ seed: 2 }), onto, "all 39 weights of the backbone are others"],
    [tinyModel({ type: "roberta" }), onto, 'model_type was "bert" and is "roberta"'],
    [
      tinyModel({ head: { kind: "sequence-classification", labels: ["blue", "red", "green"] } }),
      onto,
      'the head was {"kind":"sequence-classification","labels":["red","green","blue"]} and is {"kind":"sequence-classification","labels":["blue","red","green"]}',
    ],
    [tinyModel(), (model) => onto(model, 3), 'delta "lora": config was'],
    [tinyModel(), (model) => attach(model, whole(model)), "the deltas were lora, head and are whole"],
  ];
  for (const [model, make, reason] of reasons) {
    const other = make(model);
    await expect(loadPoint(other, files)).rejects.toThrow(
      expect.objectContaining({ code: "CONFIG", message: expect.stringContaining(reason) }),
    );
    free(other.parameters, model.parameters);
  }
  free(tuned.parameters, base.parameters);
});

test("one changed weight of the backbone is named", async () => {
  const base = tinyModel();
  const tuned = onto(base);
  const files = memory();
  await savePoint(tuned, files);
  const name = "encoder.layer.1.output.dense.weight";
  const changed = mul(base.parameters.get(name)!, 1.001);
  const other = onto({ ...base, parameters: new Map([...base.parameters, [name, changed]]) });
  await expect(loadPoint(other, files)).rejects.toThrow(`1 of 39 weights of the backbone are others, such as ${name}`);
  changed.dispose();
  free(other.parameters, tuned.parameters, base.parameters);
});

test("files of two artefacts, files that were cut, and folders without one are errors", async () => {
  const base = tinyModel();
  const tuned = onto(base);
  const point = moved(tuned.parameters, 2);
  const [first, second] = [memory(), memory()];
  await savePoint(tuned, first);
  await savePoint(tuned, second, { point });
  await first.write("point.safetensors", await second.read("point.safetensors"));
  await expect(loadPoint(tuned, first)).rejects.toThrow("are not of one artefact");
  await second.write("point.json", '{"format":"cambium artefact","version":2}');
  await expect(loadPoint(tuned, second)).rejects.toThrow("is no artefact of version 1");
  await expect(loadPath(tuned, first)).rejects.toThrow("there is no path in memory");
  await expect(savePoint(tuned, first, { lineag: [] } as never)).rejects.toThrow('"lineage" meant');
  free(point, tuned.parameters, base.parameters);
});
