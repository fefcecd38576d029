import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disposeParameters, mapParameters, random, useBackend } from "@cambium/core";
import { adapter, attach, head, lora, saveAdapter, whole } from "@cambium/delta";
import { type LanguageModel, loadModel, loadTokenizer, saveModel } from "@cambium/models";
import { sapling } from "@cambium/saplings";
import { add, memory } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withSources } from "../connectivity/open-points.ts";
import type { Io } from "../io.ts";
import { recorded } from "../recorded.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-connectivity-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const MODEL = "sapling:bert-2x128";
const labels = ["ham", "spam"];

beforeAll(async () => {
  await useBackend("cpu");
  writeFileSync(
    at("rows.csv"),
    "text,label\nfree prize now,spam\nsee you at home,ham\nwin cash,spam\nat noon then,ham\n",
  );
  writeFileSync(at("other.csv"), "text,label\nfree prize now,eggs\nsee you at home,ham\n");
  const files = sapling("bert-2x128");
  const base = await loadModel(files, { head: { kind: "sequence-classification", labels }, random: random(0) });
  const tokenizer = await loadTokenizer(files);
  const moved = (tuned: ReturnType<typeof attach<LanguageModel>>, seed: number) =>
    tuned.with(
      mapParameters(tuned.parameters, (tensor, name) =>
        add(tensor, random(seed).at(name).normal(tensor.shape, 0, 0.02)),
      ),
    );
  for (const seed of [1, 2, 3]) {
    const loras = attach(base, lora(base, { rank: 2 }, random(seed)), head(base));
    await saveAdapter(moved(loras, seed), at(`lora-${seed}`));
  }
  const names = [1, 2].map((seed) => `  - model: ${at(`lora-${seed}`)}`);
  writeFileSync(at("loras.yml"), `merge_method: linear\nmodels:\n${names.join("\n")}\nparameters: { weight: 1 }\n`);
  const scaled = attach(base, lora(base, { rank: 2, alpha: 32 }, random(4)), head(base));
  await saveAdapter(moved(scaled, 4), at("scaled"));
  const turned = await loadModel(files, {
    head: { kind: "sequence-classification", labels: labels.toReversed() },
    random: random(0),
  });
  await saveAdapter(moved(attach(turned, lora(turned, { rank: 2 }, random(5)), head(turned)), 5), at("turned"));
  disposeParameters(turned.parameters);
  const bottlenecks = attach(base, adapter(base, { bottleneck: 4 }, random(1)), head(base));
  await saveAdapter(moved(bottlenecks, 1), at("adapter"));
  for (const seed of [1, 2]) {
    const tree = moved(attach(base, whole(base)), seed).parameters;
    const parameters = new Map([...tree].map(([name, tensor]) => [name.slice("whole/".length), tensor]));
    await saveModel({ ...base, parameters }, at(`model-${seed}`), { tokenizer });
    disposeParameters(tree);
  }
  disposeParameters(base.parameters);
});

test("paths says what the barrier is, with an interval and a verdict, and writes figures", async () => {
  const out = at("paths");
  const args = ["paths", MODEL, at("lora-1"), at("lora-2"), "--table", at("rows.csv"), "--points", "3", "--out", out];
  const { code, out: lines, errors } = await recorded([...args, "--align", "--curve", "bezier", "--steps", "1"]);
  expect({ code, errors }).toEqual({ code: 0, errors: [`${join(out, "report.html")} shows it`] });
  expect(lines[0]).toMatch(/line +-?\d\.\d{4} +-?\d\.\d{4} to -?\d\.\d{4}/);
  expect(lines[0]).toMatch(/aligned[\s\S]*bezier/);
  expect(lines[1]).toMatch(/^line: (not )?connected \(linear barrier \d\.\d{4} nats, at most 0\.0347; score drop/);
  expect(existsSync(join(out, "paths.svg"))).toBe(true);
  const again = await recorded([...args, "--json"]);
  expect(JSON.parse(again.out[0]!).paths[0].losses).toHaveLength(3);
});

test("stars are classes where the head has them, and rows that are left out are told of", async () => {
  const stars = ["1", "2", "3"];
  const files = sapling("bert-2x128");
  const base = await loadModel(files, {
    head: { kind: "sequence-classification", labels: stars },
    random: random(0),
  });
  for (const seed of [1, 2]) {
    const tuned = attach(base, lora(base, { rank: 2 }, random(seed)), head(base));
    await saveAdapter(tuned, at(`stars-${seed}`), { untrained: true });
    disposeParameters(tuned.parameters);
  }
  disposeParameters(base.parameters);
  const texts = ["bad", "fair", "good", "fine", ""];
  writeFileSync(
    at("stars.csv"),
    `text,stars\n${texts.map((text, index) => `${text},${(index % 3) + 1}`).join("\n")}\n`,
  );
  const args = ["paths", MODEL, at("stars-1"), at("stars-2"), "--table", at("stars.csv"), "--points", "3", "--json"];
  const { code, out, errors } = await recorded(args);
  expect({ code, errors }).toEqual({ code: 0, errors: [expect.stringMatching(/^1 row left out.*: 6$/)] });
  expect(JSON.parse(out[0]!).paths[0].losses).toHaveLength(3);
});

test("soup merges LoRAs by their products and measures all, or takes what helps", async () => {
  const loras = [1, 2, 3].map((seed) => at(`lora-${seed}`));
  const { code, out } = await recorded(["soup", MODEL, ...loras, "--table", at("rows.csv"), "--out", at("soup")]);
  expect({ code, last: out.at(-1) }).toEqual({ code: 0, last: `merged 3 into ${at("soup")}` });
  expect(out[0]).toMatch(/merged +\d\.\d{4}/);
  expect(existsSync(at("soup/adapter_config.json"))).toBe(true);
  const greedy = await recorded([
    "soup",
    MODEL,
    ...loras,
    "--greedy",
    "--table",
    at("rows.csv"),
    "--out",
    at("greedy"),
    "--json",
  ]);
  expect(JSON.parse(greedy.out[0]!).members.length).toBeGreaterThan(0);
});

test("soup merges LoRAs in one basis, by which signs are elected", async () => {
  const loras = [1, 2].map((seed) => at(`lora-${seed}`));
  const run = (...more: string[]) => recorded(["soup", MODEL, ...loras, "--density", "0.3", ...more]);
  const [ties, tied] = [
    await run("--method", "ties", "--out", at("ties")),
    await run("--method", "ties", "--knots", "--out", at("knots")),
  ];
  expect([ties.code, tied.code]).toEqual([0, 0]);
  const [plain, knots] = ["ties", "knots"].map((name) => readFileSync(at(`${name}/adapter_model.safetensors`)));
  expect(knots!.equals(plain!)).toBe(false);
});

test("soup takes the mean of models one at a time, whatever each counts", async () => {
  const models = [at("model-1"), at("model-2"), at("model-1")];
  const args = ["soup", MODEL, ...models, "--weights", "1,2,3", "--out", at("mean")];
  expect(await recorded(args)).toMatchObject({ code: 0, errors: [] });
  const [one, two, soup] = await Promise.all([models[0]!, models[1]!, at("mean")].map((path) => loadModel(path)));
  const name = "encoder.layer.1.output.dense.weight";
  const value = (model: typeof one): number => model!.parameters.get(name)!.dataSync()[7]!;
  expect(value(soup)).toBeCloseTo((4 * value(one) + 2 * value(two)) / 6, 6);
  for (const model of [one, two, soup]) disposeParameters(model!.parameters);
});

test.each([
  ["adapters", ["lora-1", "lora-2", "lora-3"]],
  ["models", ["model-1", "model-2"]],
])("of %s one is held at a time", async (_, names) => {
  const folders = names.map(at);
  await withSources({ signal: new AbortController().signal } as Io, "soup", MODEL, folders, async (sources) => {
    await sources.like();
    const before = memory().numTensors;
    for (let i = 0; i < sources.count; i++) {
      await sources.visit(i, async ({ parameters }) => expect(parameters.size).toBeGreaterThan(0));
      expect(memory().numTensors).toBe(before);
      const { parameters } = await sources.tree(i);
      expect(memory().numTensors).toBeLessThanOrEqual(before + parameters.size);
      disposeParameters(parameters);
      expect(memory().numTensors).toBe(before);
    }
  });
});

test("soup merges whole models, also by a recipe in mergekit's YAML", async () => {
  const models = [at("model-1"), at("model-2")];
  const plain = await recorded(["soup", MODEL, ...models, "--method", "slerp", "--t", "0.5", "--out", at("slerp")]);
  expect(plain.code).toBe(0);
  const recipe = at("merge.yml");
  const list = models.map((model) => `  - model: ${model}\n    parameters: { weight: 0.5 }`).join("\n");
  writeFileSync(recipe, `merge_method: linear\nmodels:\n${list}\ndtype: float32\n`);
  const { code, errors } = await recorded(["soup", MODEL, "--recipe", recipe, "--out", at("merged")]);
  expect({ code, errors }).toEqual({ code: 0, errors: [] });
  const [one, two, soup] = await Promise.all([...models, at("merged")].map((path) => loadModel(path)));
  const name = "encoder.layer.0.attention.self.query.weight";
  const value = (model: typeof one): number => model!.parameters.get(name)!.dataSync()[5]!;
  expect(value(soup)).toBeCloseTo((value(one) + value(two)) / 2, 6);
  for (const model of [one, two, soup]) disposeParameters(model!.parameters);
});

test("align says what moved, and writes it", async () => {
  const same = await recorded(["align", MODEL, at("model-1"), at("model-1")]);
  expect(same.out.at(-1)).toMatch(/^nothing moved in 4 groups/);
  const { code, out } = await recorded(["align", MODEL, at("lora-1"), at("lora-2"), "--out", at("aligned"), "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(out[0]!).groups.every(({ kind }: { kind: string }) => kind === "rotation")).toBe(true);
  expect(existsSync(at("aligned/adapter_config.json"))).toBe(true);
});

test("landscape measures a grid around a tuning, and the plane through three", async () => {
  const out = at("landscape");
  const data = ["--table", at("rows.csv"), "--grid", "2"];
  const one = await recorded(["landscape", MODEL, at("lora-1"), ...data, "--out", out]);
  expect({ code: one.code, line: one.out[0] }).toMatchObject({
    code: 0,
    line: expect.stringMatching(/nats at 4 points$/),
  });
  expect(readFileSync(join(out, "landscape.svg"), "utf8")).toContain("<svg");
  const three = [1, 2, 3].map((seed) => at(`lora-${seed}`));
  const plane = await recorded(["landscape", MODEL, ...three, ...data, "--json"]);
  expect(JSON.parse(plane.out[0]!).marks).toHaveLength(3);
  const flat = await recorded(["landscape", MODEL, at("lora-1"), ...data, "--line", "--json"]);
  expect(JSON.parse(flat.out[0]!).losses).toHaveLength(1);
});

test.each<[string, readonly string[], string]>([
  [
    "adapters and models together",
    ["paths", MODEL, at("lora-1"), at("model-1"), "--table", at("rows.csv")],
    "is a whole model and",
  ],
  ["unlike deltas", ["align", MODEL, at("lora-1"), at("adapter")], "different spaces"],
  [
    "labels that no model knows",
    ["paths", MODEL, at("lora-1"), at("lora-2"), "--table", at("other.csv")],
    'has the label "eggs"',
  ],
  [
    "two points of a landscape",
    ["landscape", MODEL, at("lora-1"), at("lora-2"), "--table", at("rows.csv")],
    "one point, or three",
  ],
  ["greedy without rows", ["soup", MODEL, at("lora-1"), "--greedy", "--out", at("x")], "--greedy needs --table"],
  [
    "a way that LoRAs are not merged by",
    ["soup", MODEL, at("lora-1"), at("lora-2"), "--method", "slerp", "--t", "0.5", "--out", at("x")],
    "LoRAs are merged by",
  ],
  [
    "a recipe beside other settings",
    ["soup", MODEL, "--recipe", "a.yml", "--density", "0.5", "--out", at("x")],
    "leave all else out",
  ],
  [
    "numbers of another scale",
    ["soup", MODEL, at("lora-1"), at("scaled"), "--greedy", "--table", at("rows.csv"), "--out", at("x")],
    "differ in kind, settings or frozen numbers",
  ],
  ["labels in another order", ["soup", MODEL, at("lora-1"), at("turned"), "--out", at("x")], "spam"],
  [
    "a path between LoRAs of unlike alpha",
    ["paths", MODEL, at("lora-1"), at("scaled"), "--table", at("rows.csv")],
    '"lora" has alpha',
  ],
  [
    "one basis of what are no LoRAs",
    ["soup", MODEL, at("adapter"), "--knots", "--out", at("x")],
    "--knots is for LoRAs",
  ],
  [
    "weights for other points",
    ["soup", MODEL, at("model-1"), at("model-2"), "--weights", "1", "--out", at("x")],
    "1 settings for 2 points",
  ],
  [
    "a setting of a curve without a curve",
    ["paths", MODEL, at("lora-1"), at("lora-2"), "--table", at("rows.csv"), "--bends", "2"],
    "--bends is for a curve, and none is asked for; add --curve bezier",
  ],
  [
    "a rate that is none",
    ["paths", MODEL, at("lora-1"), at("lora-2"), "--table", at("rows.csv"), "--curve", "bezier", "--learning-rate", ""],
    "It must be a number above 0",
  ],
  [
    "LoRAs that all count nothing",
    ["soup", MODEL, at("lora-1"), at("lora-2"), "--weights", "0,0", "--out", at("x")],
    "the weights are all 0",
  ],
  [
    "LoRAs by a recipe, which knows their factors alone",
    ["soup", MODEL, "--recipe", at("loras.yml"), "--out", at("x")],
    "soup: a recipe merges number by number, and LoRAs are merged by their products; name them, with --method",
  ],
  [
    "a factor on LoRAs' change",
    ["soup", MODEL, at("lora-1"), at("lora-2"), "--method", "ties", "--lambda", "2", "--out", at("x")],
    "soup: --lambda is for what are no LoRAs",
  ],
  [
    "rows without a table",
    ["soup", MODEL, at("lora-1"), at("lora-2"), "--rows", "10", "--out", at("x")],
    "soup: --rows is for the rows of --table",
  ],
  [
    "a range of the plane through three",
    ["landscape", MODEL, ...[1, 2, 3].map((i) => at(`lora-${i}`)), "--table", at("rows.csv"), "--range", "-2,2"],
    "landscape: the plane through three points is shown as far as they reach; leave --range out",
  ],
  ["no points", ["soup", MODEL, "--out", at("x")], "name the folders to merge"],
])("%s is wrong use", async (_, args, message) => {
  const { code, errors } = await recorded(args);
  expect(errors.join("\n")).toContain(message);
  expect([1, 2]).toContain(code);
});
