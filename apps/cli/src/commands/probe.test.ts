import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disposeParameters, random } from "@cambium/core";
import { openActivations } from "@cambium/emotion-probing";
import { collate, createModel, createTokenizer, loadModel, saveModel } from "@cambium/models";
import { tensor1d, tidy } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { recorded } from "../recorded.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-probe-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: unknown): string => {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
};

const MODEL = "sapling:bert-2x128";
const few = ["--emotions", "joy,love,fear,anger", "--template", "i feel {emotion} .", "--template", "{emotion} came ."];

test("run finds similarities and neurons, and writes a page, a figure and JSON", async () => {
  const out = join(folder, "probe");
  const config = file("config.json", { resamples: 20, top: 3 });
  const {
    code,
    out: lines,
    errors,
  } = await recorded(["probe", "run", MODEL, ...few, "--config", config, "--out", out]);
  expect({ code, errors }).toEqual({ code: 0, errors: [`${join(out, "report.html")} shows it`] });
  expect(lines[0]).toMatch(/^4 concepts, 1024 neurons at 2 sites; reliability -?\d\.\d{3}$/);
  expect(lines.join("\n")).toMatch(/valence +all +-?\d\.\d{3}/);
  const stored = JSON.parse(readFileSync(join(out, "probe.json"), "utf8"));
  expect(stored.similarity).toHaveLength(6);
  expect(stored.concepts.joy).toHaveLength(3);
  expect(readFileSync(join(out, "similarity.svg"), "utf8")).toContain("<svg");
  expect(existsSync(join(out, "report.html"))).toBe(true);
  const again = await recorded(["probe", "run", MODEL, ...few, "--config", config, "--json"]);
  expect(JSON.parse(again.out[0]!)).toEqual(stored);
});

test("capture writes activations that can be opened", async () => {
  const out = join(folder, "activations");
  const { code, out: lines } = await recorded([
    "probe",
    "capture",
    MODEL,
    "joy",
    "fear and anger",
    "--sites",
    "L1.ffn.act",
    "--out",
    out,
  ]);
  expect({ code, lines }).toEqual({ code: 0, lines: [`2 of 2 texts in ${out}`] });
  const { sites, read } = await openActivations(out);
  expect(sites).toEqual([{ path: "encoder.layer.1.intermediate", width: 512, layer: 1 }]);
  expect(await read(sites[0]!.path)).toHaveLength(2);
});

test("compare tests RDMs", async () => {
  const conditions = ["a", "b", "c", "d", "e"];
  const data = file("data.json", { conditions, values: [4, 4, 17, 21, 12, 7, 27, 27, 23, 22] });
  const model = file("model.json", { conditions, values: [1, 1, 2, 3, 1, 2, 3, 2, 3, 2] });
  const { code, out } = await recorded(["probe", "compare", data, model, "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(out[0]!).models[0]).toMatchObject({ p: 0.05, permutations: 120, exact: true });
  const table = await recorded(["probe", "compare", data, model]);
  expect(table.out.join("\n")).toMatch(/0\.7462 +0\.0500/);
});

test("sites are named in every naming", async () => {
  const { out } = await recorded(["probe", "sites", MODEL]);
  expect(out.join("\n")).toMatch(
    /L\{i\}\.ffn\.act +ff\.act +encoder\.layer\.0\.intermediate +512 +blocks\.\{i\}\.mlp\.hook_post/,
  );
  expect(out.join("\n")).toMatch(/L\{i\}\.ffn\.pre +ff\.pre +encoder\.layer\.0\.intermediate\.dense/);
  const one = await recorded(["probe", "sites", MODEL, "--name", "blocks.1.mlp.hook_post", "--json"]);
  expect(JSON.parse(one.out[0]!)).toMatchObject([{ path: "encoder.layer.1.intermediate", role: "ff.act" }]);
});

test("activations become distances, neurons and a page", async () => {
  const texts = ["joy", "great joy", "love", "my love", "fear", "the fear", "anger", "his anger"];
  const [activations, out] = [join(folder, "labelled"), (name: string) => join(folder, name)];
  await recorded(["probe", "capture", MODEL, ...texts, "--sites", "ff.act", "--out", activations]);
  const labels = file("labels.json", ["joy", "joy", "love", "love", "fear", "fear", "anger", "anger"]);
  const rdm = await recorded(["probe", "rdm", activations, "--labels", labels, "--folds", "2", "--out", out("rdm")]);
  expect(rdm).toMatchObject({ code: 0, out: [`4 conditions, 6 pairs in ${join(out("rdm"), "rdm.json")}`] });
  const stored = JSON.parse(readFileSync(join(out("rdm"), "rdm.json"), "utf8"));
  expect(stored.manifest).toMatchObject({ command: "probe rdm", data: expect.stringMatching(/^[0-9a-f]{64}$/) });
  const printed = await recorded(["probe", "rdm", activations, "--labels", labels, "--folds", "2"]);
  expect(JSON.parse(printed.out[0]!).values).toEqual(stored.values);

  const attributes = file("attributes.json", { valence: { joy: 2.8, love: 3.2, fear: -2.2, anger: -2.7 } });
  const light = ["probe", "searchlight", activations, "--labels", labels, "--attributes", attributes];
  const found = await recorded([...light, "--out", out("light"), "--json"]);
  expect(JSON.parse(found.out[0]!)[0]).toMatchObject({ attribute: "valence", top: expect.any(Array) });
  const whole = JSON.parse(readFileSync(join(out("light"), "searchlight.json"), "utf8"));
  expect(whole.attributes[0].values).toHaveLength(1024);
  expect(whole.manifest).toMatchObject({ seed: 0, options: { permutations: 24 } });

  const kept = out("checkpoint");
  for (let time = 0; time < 2; time++) {
    const again = await recorded([...light, "--checkpoint", kept, "--json"]);
    expect(again.out).toEqual(found.out);
  }
  const refused = await recorded([...light, "--checkpoint", kept, "--seed", "1"]);
  expect(refused).toMatchObject({ code: 2, errors: [expect.stringContaining("holds another searchlight") as string] });

  const ownRdm = join(out("rdm"), "rdm.json");
  const compared = await recorded(["probe", "rsa", ownRdm, ownRdm, "--out", out("rsa")]);
  expect(compared.code).toBe(0);

  const skill = ["probe", "skill", activations, "--labels", labels, "--target", "joy", "--top", "3", "--json"];
  const { top } = JSON.parse((await recorded([...skill, "--out", out("skill")])).out[0]!);
  expect(top).toHaveLength(3);
  const page = join(folder, "page.html");
  const written = await recorded([
    "probe",
    "report",
    out("rdm"),
    out("rsa"),
    out("light"),
    out("skill"),
    "--out",
    page,
  ]);
  expect(written).toMatchObject({ code: 0, out: [`4 results in ${page}`] });
  expect(readFileSync(page, "utf8")).toContain("Neurons by skill of joy");
});

test("an RDM without some pairs is read without them, and a probe takes RDMs of its file", async () => {
  const conditions = ["joy", "love", "fear", "anger"];
  const rdm = { conditions, values: [1, 4, 5, null, 5, 2] };
  const data = file("whole-rdm.json", { conditions, values: [1, 4, 6, 5, 3, 2] });
  const found = await recorded(["probe", "compare", data, file("null.json", rdm), "--json"]);
  const without = await recorded([
    "probe",
    "compare",
    data,
    file("zero.json", { ...rdm, values: [1, 4, 5, 0, 5, 2] }),
    "--json",
  ]);
  expect(JSON.parse(found.out[0]!).models[0].similarity).not.toBe(JSON.parse(without.out[0]!).models[0].similarity);
  const people = [1, 2].map((i) => ({ conditions, values: [i, 4, 5, 5, 5, 2] }));
  const whole = { conditions, values: [1, 4, 5, 4, 5, 2] };
  const config = file("rdms.json", { attributes: { whole }, human: people, resamples: 20, top: 3, permutations: 20 });
  const { code, out, errors } = await recorded(["probe", "run", MODEL, ...few, "--config", config, "--json"]);
  expect({ code, errors }).toEqual({ code: 0, errors: [] });
  expect(JSON.parse(out[0]!).human.similarity).toBeTypeOf("number");
});

test("results say which model their activations are of, and what is there stays", async () => {
  const out = join(folder, "of-model");
  await recorded(["probe", "capture", MODEL, "joy", "fear", "love", "--sites", "L0.ffn.act,block", "--out", out]);
  const labels = join(folder, "labels.txt");
  writeFileSync(labels, "\uFEFFjoy \r\nfear\r\nlove\n\n");
  const rdm = await recorded(["probe", "rdm", out, "--labels", labels, "--out", join(folder, "of-rdm")]);
  expect(rdm.code).toBe(0);
  const stored = JSON.parse(readFileSync(join(folder, "of-rdm", "rdm.json"), "utf8"));
  expect(stored.conditions).toEqual(["joy", "fear", "love"]);
  expect(stored.manifest.activations.model).toMatchObject({ name: MODEL, weights: expect.any(String) });
  const skill = await recorded([
    "probe",
    "skill",
    out,
    "--labels",
    labels,
    "--target",
    "joy",
    "--method",
    "difference",
    "--json",
  ]);
  const sites = new Set(JSON.parse(skill.out[0]!).top.map(({ site }: { site: string }) => site));
  expect([...sites].every((path) => typeof path === "string")).toBe(true);

  writeFileSync(labels, "joy\n\nfear\n");
  const shifted = await recorded(["probe", "rdm", out, "--labels", labels]);
  expect(shifted).toMatchObject({ code: 2, errors: [expect.stringContaining("line 2 of") as string] });
  const other = join(folder, "other");
  mkdirSync(other);
  writeFileSync(join(other, "rdm.json"), '{"mine":1}');
  writeFileSync(labels, "joy\nfear\nlove\n");
  const kept = await recorded(["probe", "rdm", out, "--labels", labels, "--out", other]);
  expect(kept).toMatchObject({ code: 2, errors: [expect.stringContaining("is no result of this command") as string] });
  expect(readFileSync(join(other, "rdm.json"), "utf8")).toBe('{"mine":1}');
  const file = await recorded(["probe", "rdm", out, "--labels", labels, "--out", labels]);
  expect(file).toMatchObject({ code: 2, errors: [expect.stringContaining("cannot be made") as string] });
  const page = join(folder, "new", "page.html");
  expect(await recorded(["probe", "report", join(folder, "of-rdm"), "--out", page])).toMatchObject({ code: 0 });
});

test("neurons are taken out beside random ones, and attributed to a word", async () => {
  const config = file("ablate-config.json", {
    rows: [
      { text: "joy is [MASK] .", answer: "good" },
      { text: "fear is [MASK] .", answer: "bad" },
    ],
    words: { good: "good", bad: "evil" },
    sets: { some: [{ layer: 1, unit: 3 }] },
    draws: 2,
  });
  const out = join(folder, "ablation");
  const { code, out: lines } = await recorded(["probe", "ablate", MODEL, "--config", config, "--out", out, "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(lines[0]!).effects).toHaveLength(2);
  const stored = JSON.parse(readFileSync(join(out, "ablation.json"), "utf8"));
  expect(stored.manifest).toMatchObject({
    model: { name: MODEL, weights: expect.any(String) },
    interventions: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const words = ["probe", "attribute", MODEL, "joy is [MASK] .", "--words", "good,evil", "--json"];
  const attributed = JSON.parse((await recorded([...words, "--steps", "40"])).out[0]!);
  expect(attributed.total).toBeCloseTo(attributed.score - attributed.baselineScore, 1);
  expect(attributed.top).toHaveLength(20);
  const gradient = JSON.parse((await recorded([...words, "--method", "gradient"])).out[0]!);
  expect(gradient.score).toBeCloseTo(attributed.score, 5);
});

test("neurons are put to their means, of activations that probe capture wrote", async () => {
  const captured = join(folder, "levels");
  const texts = ["joy came .", "fear came .", "love is here ."];
  expect(await recorded(["probe", "capture", MODEL, ...texts, "--at", "mean", "--out", captured])).toMatchObject({
    code: 0,
  });
  const settings = {
    rows: [{ text: "joy is [MASK] .", answer: "good" }],
    words: { good: "good", bad: "evil" },
    sets: { some: [{ layer: 1, unit: 3 }] },
    ...{ controls: ["layer+activation"], draws: 2, mode: { kind: "mean" } },
  };
  const run = (config: object) =>
    recorded(["probe", "ablate", MODEL, "--config", file("means.json", config), "--json"]);
  const { code, out } = await run({ ...settings, activations: captured });
  expect({ code, effects: JSON.parse(out[0]!).effects.length }).toEqual({ code: 0, effects: 1 });
  const wrong = async (config: object) => (await run(config)).errors.join();
  expect(await wrong(settings)).toContain('the mode mean needs "activations"');
  expect(await wrong({ ...settings, mode: { kind: "zero" } })).toContain("the control layer+activation needs");
  const unread = { ...settings, activations: captured, controls: ["layer"], mode: { kind: "zero" } };
  expect(await wrong(unread)).toContain("neither is asked for");
});

test("a masked word of byte pairs is the one behind a space, where there is a space", async () => {
  const pieces = ["Ġ", "g", "e", "Ġg", "Ġe", "<mask>", "<pad>", "<s>", "</s>"];
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const special = { special: true, normalized: false, single_word: false, lstrip: false, rstrip: false };
  const tokenizer = createTokenizer(
    {
      ...{ version: "1.0", truncation: null, padding: null, normalizer: null, post_processor: null },
      added_tokens: ["<mask>", "<pad>", "<s>", "</s>"].map((content, i) => ({ id: 5 + i, content, ...special })),
      pre_tokenizer: bytes,
      decoder: bytes,
      model: { type: "BPE", vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])), merges: ["Ġ g", "Ġ e"] },
    },
    { mask_token: "<mask>", pad_token: "<pad>", bos_token: "<s>", eos_token: "</s>" },
  );
  const model = createModel(
    {
      ...{ model_type: "roberta", vocab_size: 9, hidden_size: 8, intermediate_size: 12, num_hidden_layers: 1 },
      ...{ num_attention_heads: 2, max_position_embeddings: 16, pad_token_id: 6, initializer_range: 0.5 },
    },
    random(1),
    { head: { kind: "masked-lm" } },
  );
  const place = join(folder, "masked");
  await saveModel(model, place, { tokenizer });
  disposeParameters(model.parameters);
  const scoreOf = async (text: string, words: string) => {
    const { errors, out } = await recorded([
      ...["probe", "attribute", place, text, "--words", words, "--method", "gradient", "--json"],
    ]);
    expect(errors).toEqual([]);
    return JSON.parse(out[0]!).score as number;
  };
  // Without a space before the mask "g" is a letter, and behind one it is a word: other tokens, other scores.
  const loaded = await loadModel(place, { head: { kind: "masked-lm" } });
  const [behind, within] = ["e <mask>", "e<mask>"].map((text) =>
    tidy(() => {
      const { ids } = tokenizer.encode(text);
      const batch = {
        ...collate(loaded, tokenizer, { maxLength: 8, padTo: [ids.length] })([{ text }]),
        positions: tensor1d([ids.indexOf(5)], "int32"),
      };
      return loaded.forward(batch).logits!.dataSync();
    }),
  );
  disposeParameters(loaded.parameters);
  expect(await scoreOf("e <mask>", "g,e")).toBeCloseTo(behind![3]! - behind![4]!, 4);
  expect(await scoreOf("e<mask>", "g,e")).toBeCloseTo(within![1]! - within![2]!, 4);
});

test("a model that writes is asked for the word after the text", async () => {
  const pieces = ["Ġ", "g", "e", "Ġg", "Ġe", "<pad>"];
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const tokenizer = createTokenizer({
    ...{ version: "1.0", truncation: null, padding: null, normalizer: null, post_processor: null },
    added_tokens: [
      ...[
        { id: 5, content: "<pad>", special: true, normalized: false, single_word: false, lstrip: false, rstrip: false },
      ],
    ],
    pre_tokenizer: bytes,
    decoder: bytes,
    model: { type: "BPE", vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])), merges: ["Ġ g", "Ġ e"] },
  });
  const model = createModel(
    {
      ...{ model_type: "llama", vocab_size: 6, hidden_size: 8, intermediate_size: 12, num_hidden_layers: 2 },
      ...{ num_attention_heads: 2, num_key_value_heads: 1, max_position_embeddings: 16, initializer_range: 0.5 },
    },
    random(1),
    { head: { kind: "causal-lm" } },
  );
  const writer = join(folder, "writer");
  await saveModel(model, writer, { tokenizer });
  disposeParameters(model.parameters);
  const attribute = ["probe", "attribute", writer, "e g", "--words", "g,e", "--steps", "60", "--json"];
  const { code, out, errors } = await recorded(attribute);
  expect({ code, errors }).toEqual({ code: 0, errors: [] });
  const { score, baselineScore, total } = JSON.parse(out[0]!);
  expect(total).toBeCloseTo(score - baselineScore, 1);
  const rows = [
    { text: "e g", answer: "g" },
    { text: "g e e", answer: "e" },
  ];
  const sets = { some: [{ layer: 1, unit: 3 }] };
  const config = file("writer.json", { rows, words: { g: " g", e: " e" }, sets, draws: 2 });
  expect(await recorded(["probe", "ablate", writer, "--config", config])).toMatchObject({ code: 0 });
  const empty = await recorded(["probe", "capture", writer, "e", "", "--out", join(folder, "empty")]);
  expect(empty).toMatchObject({ code: 2, errors: [expect.stringContaining("has no token") as string] });
});

function withFile(name: string, of: string, content: unknown): string {
  mkdirSync(join(folder, name));
  file(join(name, of), content);
  return join(folder, name);
}

test.each<[string, readonly string[], string]>([
  ["a label too few", ["rdm", join(folder, "activations"), "--labels", file("few.json", ["a"])], "holds 2 texts, and"],
  [
    "a neuron that is none",
    [
      "ablate",
      MODEL,
      "--config",
      file("none.json", { rows: [{ text: "a", answer: "b" }], words: {}, sets: { a: [3] } }),
    ],
    'must be a list of neurons, such as { "layer": 3, "unit": 17 }',
  ],
  [
    "a neuron with more than that",
    [
      "ablate",
      MODEL,
      "--config",
      file("more.json", {
        rows: [{ text: "a", answer: "b" }],
        words: {},
        sets: { a: [{ layer: 1, unit: 2, stak: 1 }] },
      }),
    ],
    'must be a list of neurons, such as { "layer": 3, "unit": 17 }',
  ],
  [
    "a mode without its number",
    [
      "ablate",
      MODEL,
      "--config",
      file("mode.json", {
        rows: [{ text: "it is [MASK] .", answer: "good" }],
        words: { good: "good", bad: "evil" },
        sets: { a: [{ layer: 1, unit: 2 }] },
        mode: { kind: "scale" },
      }),
    ],
    "by",
  ],
  ["a word that no vocabulary has", ["attribute", MODEL, "joy is [MASK] .", "--words", "good,☃"], '"☃" is not in the'],
  ["one token twice", ["attribute", MODEL, "joy is [MASK] .", "--words", "good, Good"], "are the same token"],
  [
    "a setting that does not exist",
    ["ablate", MODEL, "--config", file("typo.json", { row: [] })],
    'has "row"; it may hold',
  ],
  ["one word only", ["attribute", MODEL, "joy is [MASK] .", "--words", "good"], "two different words"],
  ["a folder without results", ["report", folder, "--out", join(folder, "no.html")], "holds no result of probe"],
  [
    "a result that is cut short",
    ["report", withFile("cut", "searchlight.json", { kind: "searchlight" }), "--out", join(folder, "no.html")],
    "is not as probe writes it",
  ],
  ["a template without a place", ["run", MODEL, "--template", "i feel"], "does not say {emotion}"],
  [
    "an option that does not exist",
    ["run", MODEL, "--config", file("wrong.json", { templetes: [] })],
    'is "templates" meant?',
  ],
  ["randomness in a file", ["run", MODEL, "--config", file("random.json", { random: 1 })], "--seed is for randomness"],
  [
    "a site that does not exist",
    ["capture", MODEL, "a", "--sites", "ffn.act", "--out", join(folder, "x")],
    'no site "ffn.act"',
  ],
  [
    "a distance that is a text",
    [
      "compare",
      file("text.json", { conditions: ["a", "b", "c"], values: [1, "x", 2] }),
      file("texts.json", { conditions: ["a", "b", "c"], values: [1, "x", 2] }),
    ],
    'pair 1 must be a number, got "x"',
  ],
  ["a file that is no RDM", ["compare", file("no.json", [1]), file("no.json", [1])], 'must hold { "conditions"'],
  [
    "a method that does not exist",
    [
      "compare",
      file("a.json", { conditions: ["a", "b", "c"], values: [1, 2, 3] }),
      file("b.json", { conditions: ["a", "b", "c"], values: [1, 2, 4] }),
      "--method",
      "spearmen",
    ],
    '"spearman" meant',
  ],
])("%s is wrong use", async (_, args, message) => {
  const { code, errors } = await recorded(["probe", ...args]);
  expect(errors.join("\n")).toContain(message);
  expect(code).toBe(2);
});
