import { memory } from "@cambium/base";
import { expect, test } from "vitest";
import { compareRdms } from "../compare/compare-rdms.ts";
import { measureRdm } from "../rdm/measure-rdm.ts";
import { squareRdm } from "../rdm/rdm.ts";
import { checkReferenceStudy } from "./check-reference.ts";
import { readEmoBank, readVader } from "./lexicons.ts";
import { ratingRdms, readRatings, readSimilarities } from "./ratings.ts";
import { loadReferenceStudy, type ReferenceStudy } from "./reference-study.ts";

test("ratings are read by name, whatever the order of rows and columns", () => {
  const ratings = readRatings(
    'rater,condition,attribute,value\nann,joy,valence,9\nann,fear,valence,1\nbob,"joy",valence,7\nbob,fear,valence,NA\n',
  );
  expect(ratings).toMatchObject({ conditions: ["joy", "fear"], attributes: ["valence"], raters: ["ann", "bob"] });
  expect([...ratings.means[0]!]).toEqual([8, 1]);
  expect([...ratings.values[0]![1]!]).toEqual([1, Number.NaN]);
  expect([...ratingRdms(ratings)["valence"]!.values]).toEqual([7]);
});

test("judged distances make an RDM for each rater, with gaps", () => {
  const [ann, bob] = readSimilarities("first,second,rater,value\na,b,ann,1\nc,a,ann,5\nb,c,ann,6\nb,a,bob,2\n");
  expect(squareRdm(ann!)).toEqual([
    [0, 1, 5],
    [1, 0, 6],
    [5, 6, 0],
  ]);
  expect(bob).toMatchObject({ about: { rater: "bob" } });
  expect([...bob!.values]).toEqual([2, Number.NaN, Number.NaN]);
});

test.each([
  [
    "a column that is missing",
    () => readRatings("condition,rater,value\n"),
    "needs the columns condition, attribute, rater, value",
  ],
  ["a column too many", () => readRatings("condition,attribute,rater,value,note\n"), "more columns than"],
  [
    "a rating that comes twice",
    () => readRatings("condition,attribute,rater,value\na,b,c,1\na,b,c,2\n"),
    "row 2 repeats",
  ],
  [
    "a word for a number",
    () => readRatings("condition,attribute,rater,value\na,b,c,much\n"),
    'must be a number, got "much"',
  ],
  ["what nobody rates", () => readRatings("condition,attribute,rater,value\na,b,c,NA\n"), "nobody rates a for b"],
  ["a row too short", () => readRatings("condition,attribute,rater,value\na,b\n"), "no table"],
  ["a condition with itself", () => readSimilarities("first,second,rater,value\na,a,r,0\n"), "compares a with itself"],
  [
    "a pair that comes twice",
    () => readSimilarities("first,second,rater,value\na,b,r,1\nb,a,r,2\n"),
    "row 2 repeats a pair",
  ],
  ["a lexicon of words alone", () => readVader("good\n"), "line 1 is no word with its ratings"],
  ["other columns", () => readEmoBank("id,text\n"), "columns must be id, split"],
  ["a lexicon without a mean", () => readVader("good\t\t0.5\t[1, 2]\n"), "line 1 is no word"],
  ["a lexicon that misses a rating", () => readVader("good\t1\t0.5\t[1, , 2]\n"), "line 1 is no word"],
  ["no rating", () => readEmoBank("id,split,V,A,D,text\n1,dev,,3,3,a\n"), 'V of row 1 must be from 1 to 5, got ""'],
  ["a rating out of range", () => readEmoBank("id,split,V,A,D,text\n1,dev,3,6,3,a\n"), "A of row 1 must be from 1"],
  [
    "a rating that comes twice, unknown at first",
    () => readRatings("condition,attribute,rater,value\na,b,c,NA\na,b,c,2\n"),
    "row 2 repeats",
  ],
  [
    "a judgement that comes twice",
    () => readSimilarities("first,second,rater,value\na,b,c,NA\nb,a,c,2\n"),
    "row 2 repeats",
  ],
  ["another split", () => readEmoBank("id,split,V,A,D,text\n1,all,3,3,3,a\n"), 'row 1 is of "all"'],
])("%s is an error", (_, read, message) => {
  expect(read).toThrow(message);
});

test("lexicons of words and sentences are read", () => {
  expect(readVader("joy\t2.8\t0.74833\t[3, 2, 3, 4, 3, 3, 3, 1, 3, 3]\n").get("joy")).toEqual({
    valence: 2.8,
    deviation: 0.74833,
    ratings: [3, 2, 3, 4, 3, 3, 3, 1, 3, 3],
  });
  expect(readEmoBank('id,split,V,A,D,text\na_1,test,2.8,3.1,2.8,"He said ""no"", twice."\n')).toEqual([
    { id: "a_1", split: "test", valence: 2.8, arousal: 3.1, dominance: 2.8, text: 'He said "no", twice.' },
  ]);
});

const DATA = "Data/preprocessed";
const emotions = ["joy", "fear", "anger"];

/** A copy of the study's layout with three emotions and made-up numbers. */
async function copy() {
  const files = memory();
  await files.write(`${DATA}/reordered_emotions.csv`, `"x"\n${emotions.map((name) => `"${name}"`).join("\n")}\n`);
  await files.write(`${DATA}/emotional_features/dist_emotional_PCs.csv`, "valence,arousal\n.7,.1\n.9,.2\n.2,.3\n");
  await files.write(`${DATA}/emotional_features/score_emotional_PCs.csv`, "valence,arousal\n1,0\n.3,.1\n.1,.3\n");
  await files.write(`${DATA}/subjective_comparison/ind_dist_subjective_comparison.csv`, "V1,V2,V3\n8,9,3\n7,9,1\n");
  await files.write(`${DATA}/subjective_comparison/avg_dist_subjective_comparison.csv`, "x\n7.5\n9\n2\n");
  return files;
}

test("a copy of the reference study is opened in its own order of pairs", async () => {
  const study = await loadReferenceStudy(await copy());
  expect(study.emotions).toEqual(emotions);
  expect(squareRdm(study.attributes["valence"]!)[0]).toEqual([0, 0.7, 0.9]); // joy and fear, joy and anger
  expect(study.ratings["arousal"]).toEqual({ joy: 0, fear: 0.1, anger: 0.3 });
  expect(study.human.map(({ values }) => [...values])).toEqual([
    [8, 9, 3],
    [7, 9, 1],
  ]);
  expect([...study.meanHuman.values]).toEqual([7.5, 9, 2]);
});

test("a person who left out a pair is a person, not a header", async () => {
  const files = await copy();
  const file = `${DATA}/subjective_comparison/ind_dist_subjective_comparison.csv`;
  await files.write(file, "8,NA,3\n7,9,1\n");
  const study = await loadReferenceStudy(files);
  expect(study.human.map(({ values }) => [...values])).toEqual([
    [8, Number.NaN, 3],
    [7, 9, 1],
  ]);
});

test("accuracies are read from their keys; what is missing is named", async () => {
  const files = await copy();
  const study = await loadReferenceStudy(files);
  await expect(study.ablations()).rejects.toThrow(
    "there is no Result/masking/RoBERTa/RSA_tau_14property/Acc_perSeed_JSON/joy-1.json",
  );
  for (const emotion of emotions) {
    for (const seed of [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 42, 100]) {
      const path = (kind: string) => `Result/masking/RoBERTa/${kind}/Acc_perSeed_JSON/${emotion}-${seed}.json`;
      const head = { sentiment: emotion, seed, best: 0.9 };
      await files.write(path("RSA_tau_14property"), JSON.stringify({ ...head, "self-related_top4000": 0.7 }));
      await files.write(path("random"), JSON.stringify({ ...head, "self-related_random4000": 0.8 }));
    }
  }
  const rows = await study.ablations();
  expect(rows).toHaveLength(36);
  expect(rows[0]).toEqual({
    emotion: "joy",
    seed: 1,
    intact: 0.9,
    selective: { "self-related": { 4000: 0.7 } },
    random: { "self-related": { 4000: 0.8 } },
  });
  await files.remove(`${DATA}/reordered_emotions.csv`);
  await expect(loadReferenceStudy(files)).rejects.toThrow("is this a copy of the whole repository?");
});

test("activations are layer after layer, a file for each emotion and seed", async () => {
  const files = await copy();
  const folder = "Data/raw_data/PLM/prompt_tuning_RoBERTa/neurons_activation_before_relu";
  const line = (value: number): string => `0\n${new Array(12 * 3072).fill(value).join(",")}\n`;
  const [one, two] = [line(1), line(2)];
  for (const emotion of emotions)
    for (const seed of [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 42, 100])
      await files.write(`${folder}/${emotion}-${seed}.csv`, emotion === "fear" ? two : one);
  const { sites, values, conditions } = await (await loadReferenceStudy(files)).activations();
  expect(conditions).toEqual(emotions);
  expect(sites).toHaveLength(12);
  const last = values.get(sites[11]!.path)!;
  expect(last).toHaveLength(12);
  expect(last[11]!.map((row) => row[3071])).toEqual([1, 2, 1]);
  await files.write(`${folder}/joy-1.csv`, "0\n1,2,3\n");
  await expect((await loadReferenceStudy(files)).activations()).rejects.toThrow("must hold 36864 numbers, got 3");
});

test("the check computes each published number, and says which agree", async () => {
  const names = ["joy", "fear", "anger", "love", "grief"];
  const valence = measureRdm([[3], [-2], [-3], [4], [-2.5]], { metric: "difference", conditions: names });
  const arousal = measureRdm([[1], [2], [5], [0.5], [0]], { metric: "difference", conditions: names });
  const seeds = [1, 3];
  const study: ReferenceStudy = {
    emotions: names,
    attributes: { valence, arousal },
    ratings: {},
    human: [valence],
    meanHuman: valence,
    activations: async () => ({
      conditions: names,
      sites: [{ path: "L0.ffn.act", layer: 0, width: 2 }],
      values: new Map([["L0.ffn.act", [[3, -2, -3, 4, -2.5].map((value) => Float32Array.of(value, 1))]]]),
    }),
    ablations: async () =>
      names.flatMap((emotion, e) =>
        seeds.map((seed) => ({
          emotion,
          seed,
          intact: 0.9,
          selective: { valence: { 4000: 0.7 - 0.01 * e }, arousal: { 4000: 0.8 } },
          random: { valence: { 4000: 0.823 - 0.01 * e }, arousal: { 4000: 0.65 } },
        })),
      ),
  };
  const checks = await checkReferenceStudy(study);
  const of = (what: string) => checks.find((one) => one.what === what)!;
  expect(of("tau of valence with judged similarity")).toMatchObject({ published: 0.586, measured: 1, agrees: false });
  expect(of("tau of arousal with judged similarity").measured).toBe(compareRdms(valence, arousal, { method: "tau-b" }));
  expect(of("neurons that follow valence").measured).toBe(1); // one neuron is valence itself
  expect(of("drop of valence, points")).toMatchObject({ published: 12.3, agrees: true });
  expect(of("drop of valence, points").measured).toBeCloseTo(12.3, 6);
  expect(of("drop of arousal, points").measured).toBeCloseTo(-15, 6);
  expect(of("mean correlation of drops and weights over emotions").measured).toBeCloseTo(1, 6); // of two attributes
  await expect(checkReferenceStudy({ ...study, attributes: { hunger: valence } })).rejects.toThrow(
    'nothing is published of an attribute "hunger"',
  );
});
