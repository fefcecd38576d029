import { result } from "@cambium/base";
import { disposeParameters, random, useBackend } from "@cambium/core";
import { collate, type LanguageModel, loadModel, loadTokenizer, type Tokenizer } from "@cambium/models";
import { sapling } from "@cambium/saplings";
import { dispose, memory, sum, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runAblation } from "../ablate/run-ablation.ts";
import { wordTask } from "../ablate/word-task.ts";
import { compareRdms } from "../compare/compare-rdms.ts";
import { scoreNeurons } from "../neurons/score-neurons.ts";
import { rdmOf } from "../rdm/rdm.ts";
import { plotSimilarity } from "./plot-similarity.ts";
import { reportProbe } from "./report-probe.ts";
import { templateTexts } from "./representations.ts";
import { type RunEmotionProbeOptions, runEmotionProbe } from "./run-emotion-probe.ts";

let model: LanguageModel;
let tokenizer: Tokenizer;
beforeAll(async () => {
  await useBackend("cpu");
  model = await loadModel(sapling("bert-2x128"), { head: { kind: "masked-lm" } });
  tokenizer = await loadTokenizer(sapling("bert-2x128"));
});
afterAll(() => disposeParameters(model.parameters));

const emotions = ["joy", "love", "pride", "fear", "anger", "grief"];
const templates = ["i feel {emotion} . it was {mask} .", "{emotion} made the day {mask} ."];
const small = { permutations: 50, resamples: 40, top: 5 } as const;
const run = (options: Partial<RunEmotionProbeOptions> = {}) =>
  result(runEmotionProbe(model, tokenizer, { emotions, templates, ...small, ...options }));

test("a probe from templates to neurons, a figure and a page, without leaks", async () => {
  const before = memory().numTensors;
  const events: string[] = [];
  const probe = await result(runEmotionProbe(model, tokenizer, { emotions, templates, ...small }), ({ type }) =>
    events.push(type),
  );
  expect(memory().numTensors).toBe(before);
  expect([...new Set(events)]).toEqual(["texts", "neurons", "end"]);
  expect(probe.sites.map(({ width }) => width)).toEqual([512, 512]);
  expect(Object.keys(probe.attributes)).toEqual(["valence"]); // VADER rates all six
  expect(probe.rsa.map(({ site }) => site)).toEqual(["all", ...probe.sites.map(({ path }) => path)]);
  const [whole] = probe.rsa;
  expect(whole!.similarity).toBe(compareRdms(probe.similarity, probe.attributes["valence"]!));
  expect(whole!.low).toBeLessThanOrEqual(whole!.high!);
  expect(probe.neurons[0]!.top).toHaveLength(5);
  const [first] = probe.neurons[0]!.top;
  expect(first!.score).toBe(Math.max(...probe.searchlight!.attributes[0]!.values));
  expect(Object.keys(probe.concepts)).toEqual(emotions);
  expect(probe.reliability!.half).toBeLessThanOrEqual(1);
  const again = await run(); // the same options give the same probe
  expect(again.rsa).toEqual(probe.rsa);
  expect(again.searchlight!.attributes).toEqual(probe.searchlight!.attributes);
  const figure = plotSimilarity(probe);
  expect(figure.data).toHaveLength(36);
  expect(figure.svg()).toContain("joy");
  const page = reportProbe(probe).html();
  expect(page).toContain("Neurons whose distances follow an attribute");
  expect(page).not.toMatch(/NaN|undefined/);
});

test("any concepts may be probed, by labelled texts and attributes of one's own", async () => {
  const concepts = ["king", "queen", "ship", "boat"];
  const texts = Object.fromEntries(
    concepts.map((name) => [name, ["a", "the", "my", "that"].map((word) => `${word} ${name} of the north`)]),
  );
  const size = { king: 1, queen: 1.1, ship: 9, boat: 6 };
  const kind = rdmOf(concepts, [0, 1, 1, 1, 1, 0]);
  const probe = await run({
    emotions: concepts,
    texts,
    templates: undefined as never,
    attributes: { size, kind },
    folds: 4,
  } as never);
  expect(probe.rsa.filter(({ site }) => site === "all").map(({ attribute }) => attribute)).toEqual(["size", "kind"]);
  expect(probe.activations.values.get(probe.sites[0]!.path)).toHaveLength(4);
  expect(probe.rsa[0]!.low).toBeUndefined();
  expect(reportProbe(probe).html()).not.toMatch(/NaN|undefined/);
});

test.each<[string, Partial<RunEmotionProbeOptions>, string]>([
  ["fewer than four emotions", { emotions: ["joy", "fear"] }, "at least four"],
  ["an emotion that comes twice", { emotions: ["joy", "joy", "a", "b"] }, "different names"],
  ["a template without a place", { templates: ["i feel {mask}"] }, "does not say {emotion}"],
  ["a template with another place", { templates: ["{emotion} {masks}"] }, "{masks}; known are"],
  ["an attribute that misses one", { attributes: { size: { joy: 1 } } }, '"size" does not rate "love"'],
  ["an attribute that is nothing", { attributes: { size: null } as never }, "or an RDM, got null"],
  ["an emotion without a name", { emotions: ["joy", "", "fear", "love"] }, "at least four different names"],
  ["numbers for emotions", { emotions: [1, 2, 3, 4] as never }, "at least four different names"],
  ["a text for templates", { templates: "i feel {emotion}" as never }, "templates must be a list of texts"],
  ["a text for sites", { sites: "ff.act" as never }, 'sites must be a list of names, got "ff.act"'],
  ["no site", { sites: [] }, "sites must be a list of names, got []"],
  ["a mask in some texts only", { templates: ["{emotion} .", "{emotion} {mask} ."] }, "6 of 12 texts have a [MASK]"],
  [
    "an RDM as JSON has it",
    { attributes: { kind: { conditions: emotions, metric: "given", values: new Array(15).fill(1) } as never } },
    "no Float64Array",
  ],
  ["folds of templates", { folds: 3 }, "folds are of texts"],
  ["an option that does not exist", { template: [] } as never, '"templates" meant'],
])("%s is an error", async (_, options, message) => {
  await expect(run(options)).rejects.toThrow(message);
});

test("sites of one layer have their own neurons, names that mean one site read it once, and others' neurons are not ablated", async () => {
  const probe = await run({ sites: ["ff.act", "L1.ffn.act", "block"], attributes: {} });
  expect(probe.sites.map(({ width }) => width)).toEqual([512, 512, 128, 128]);
  // Each text is a repeat of its emotion, so that the means are the texts.
  const rows = new Map([...probe.activations.values].map(([path, repeats]) => [path, repeats.flat()]));
  const labels = templates.flatMap(() => emotions);
  const scores = scoreNeurons(probe.sites, rows, labels, { method: "difference", target: "joy" });
  for (const { site, unit, score } of probe.concepts["joy"]!)
    expect(scores.values.get(site)![unit]).toBeCloseTo(score, 3);
  const found = probe.sites.find(({ width }) => width === 128)!;
  const units = [{ layer: found.layer!, unit: 3, site: found.path }];
  const task = { name: "none", batches: [collate(model, tokenizer, { maxLength: 8 })([{ text: "joy" }])] };
  const score = ({ hidden }: { hidden: Tensor }): Tensor => sum(hidden, [1, 2]);
  const ablation = result(runAblation(model, [{ ...task, score }], { sets: { units }, random: random(1) }));
  await expect(ablation).rejects.toThrow(/is of encoder.*and units of .*intermediate are changed; pass the role/);
  for (const batch of task.batches) dispose(batch as unknown as Record<string, Tensor>);
});

test("a name with a dollar stays as it is", () => {
  const placed = templateTexts(tokenizer, ["us$$", "$&"], ["a {emotion} {mask}"]);
  expect(placed.map(({ text }) => text)).toEqual(["a us$$ [MASK]", "a $& [MASK]"]);
});

test("many attributes of one emotion each have their intervals", async () => {
  const eight = [...emotions, "hope", "shame"]; // too many for all orders to be tried
  const alone = Object.fromEntries(
    eight.map((name) => [name, Object.fromEntries(eight.map((other) => [other, Number(other === name)]))]),
  );
  const { rsa } = await run({
    emotions: eight,
    attributes: alone,
    sites: ["L0.ffn.act"],
    templates: ["{emotion}"],
    permutations: 5,
    resamples: 200,
  });
  expect(rsa).toHaveLength(2 * eight.length);
  expect(rsa.every(({ low, high }) => low! <= high!)).toBe(true);
});

test("a stop between texts ends a probe without a result, and leaves nothing behind", async () => {
  const stop = new AbortController();
  const before = memory().numTensors;
  const probe = result(
    runEmotionProbe(model, tokenizer, { emotions, templates, batchSize: 4, ...small, signal: stop.signal }),
    () => stop.abort(),
  );
  await expect(probe).rejects.toThrow("stopped by its signal");
  expect(memory().numTensors).toBe(before);
});

test("neurons that a probe found are ablated in a task of words at the mask", async () => {
  const probe = await run();
  const task = wordTask(model, tokenizer, "polarity", {
    rows: [
      { text: "i feel joy and love . it was [MASK] .", answer: "good" },
      { text: "grief and anger came . it was [MASK] .", answer: "bad" },
      { text: "fear . it was [MASK] .", answer: "bad" },
    ],
    words: { good: "good", bad: "evil" },
    batchSize: 2,
  });
  expect(task.batches.map(({ ids }) => ids.shape[0])).toEqual([2, 1]);
  const before = memory().numTensors;
  const units = probe.neurons[0]!.top.map(({ layer, unit }) => ({ layer: layer!, unit }));
  const { rows, effects } = await result(
    runAblation(model, [task], { sets: { valence: units }, draws: 2, random: random(1) }),
  );
  expect(memory().numTensors).toBe(before);
  expect(rows).toHaveLength(1 + 1 + 2 * 2);
  for (const { score } of rows) expect([0, 1 / 3, 2 / 3, 1].some((share) => Math.abs(share - score) < 1e-6)).toBe(true);
  expect(effects).toHaveLength(2);
  for (const batch of task.batches) dispose(batch as unknown as Record<string, Tensor>);
  expect(() =>
    wordTask(model, tokenizer, "x", { rows: [{ text: "[MASK]", answer: "no" }], words: { yes: "good" } }),
  ).toThrow('row 0 has the answer "no"');
});

test.each([
  ["a word that the vocabulary lacks", { yes: "good", no: "☃" }, '"☃" is not in the vocabulary'],
  ["two words of one token", { yes: "good", no: "Good" }, '"good" and "Good" are the same token'],
  ["a word of two tokens", { yes: "good", no: "evil good" }, "is 2 tokens"],
  ["one word", { yes: "good" }, "at least two words"],
])("%s cannot be an answer", (_, words, message) => {
  const rows = [{ text: "it was [MASK] .", answer: "yes" }];
  const before = memory().numTensors;
  expect(() => wordTask(model, tokenizer, "x", { rows, words: words as never })).toThrow(message);
  const batchSize = 0;
  const fine = { yes: "good", no: "evil" };
  expect(() => wordTask(model, tokenizer, "x", { rows, words: fine, batchSize })).toThrow("batchSize must be a whole");
  expect(() => wordTask(model, tokenizer, "x", { rows: [], words: { yes: "good", no: "evil" } })).toThrow("got none");
  expect(memory().numTensors).toBe(before);
});
