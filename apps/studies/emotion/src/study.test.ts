import { random, useBackend } from "@cambium/core";
import { type ConditionActivations, valence } from "@cambium/emotion-probing";
import { beforeAll, expect, test } from "vitest";
import { overAttributes } from "./ablate.ts";
import { attributesOf, baselinesOf } from "./emotions.ts";
import { similarityFigures } from "./figures.ts";
import { madeUpTexts } from "./made-up-texts.ts";
import { dropsOf, overEmotionsText } from "./over-emotions.ts";
import { partsOf } from "./parts.ts";
import { FULL, SMOKE } from "./plan.ts";
import { measureSimilarity } from "./similarity.ts";

beforeAll(async () => {
  await useBackend("cpu");
});

const WIDTH = 20;

/** Two layers over the emotions of the prompts; half of the second layer's neurons hold valence, with noise. */
function planted(): ConditionActivations {
  const { promptEmotions: emotions } = FULL;
  const sites = [0, 1].map((layer) => ({ path: `layer.${layer}`, layer, width: WIDTH }));
  const row = (layer: number, repeat: number, emotion: string): Float32Array => {
    const noise = random(1).at(layer).at(repeat).at(emotion).normals(WIDTH);
    return Float32Array.from(noise, (value, unit) =>
      layer === 1 && unit < WIDTH / 2 ? valence[emotion]! + 0.3 * value : value,
    );
  };
  const values = new Map(
    sites.map(({ path, layer }) => [
      path,
      [0, 1].map((repeat) => emotions.map((emotion) => row(layer, repeat, emotion))),
    ]),
  );
  return { conditions: emotions, sites, values };
}

test("planted valence is found, in its layer and in no shuffled labels, and drawn", async () => {
  const { promptEmotions: emotions } = FULL;
  const data = madeUpTexts(SMOKE.emotions);
  // People give labels together as the smoke test's do: only those six are known, the rest stands apart.
  const people = baselinesOf(data, SMOKE.emotions);
  expect(people.polarity.conditions).toEqual(SMOKE.emotions);
  const attributes = attributesOf(emotions);
  expect(Object.keys(attributes)).toEqual(["valence", "joy", "anger", "sadness", "fear", "surprise", "disgust"]);
  const valenceAlone = attributes["valence"]!;
  const baselines = {
    polarity: valenceAlone,
    ekman: attributes["joy"]!,
    people: valenceAlone,
    words: attributes["fear"]!,
  };
  const { measures, details, taus } = await measureSimilarity(
    planted(),
    attributes,
    baselines,
    { ...FULL, permutations: 199 },
    random(2),
  );
  expect(measures.valence).toBeGreaterThan(0.3);
  expect(measures.polarityAtBest).toBeGreaterThan(0.8); // the second layer alone, chosen on the other repeat
  expect(measures.polarityP).toBe(1 / 200);
  expect(measures.valenceNeurons).toBeGreaterThanOrEqual(8);
  expect(measures.valenceExcess).toBeGreaterThanOrEqual(6);
  expect(measures.peopleBeyondWords).toBeGreaterThan(0);
  expect(details.counts["valence"]!.permuted[0]).toBeLessThan(3);
  expect(details.example.layer).toBe(1);
  expect(taus.method).toBe("tau-b");
  const figures = similarityFigures([
    { cell: { weights: "pretrained", representation: "texts" }, result: { ...measures, details } },
  ]);
  for (const figure of figures.slice(-3)) expect(figure.svg()).not.toMatch(/NaN|undefined|Infinity/);
  expect(figures.map(({ title }) => title)).toContain("Groups of emotions, texts");
});

test("drops go with weights and with early layers as they do", () => {
  const set = (drop: number) => ({ own: [50 - drop], random: [50], layer: [48] });
  const details = {
    emotions: ["joy"],
    intact: [60],
    sets: { a: set(1), b: set(2), c: set(3) },
    p: {},
    layers: { a: [1, 9, 0, 0], b: [2, 8, 0, 0], c: [3, 7, 0, 0] },
  };
  const found = overAttributes(details, { a: 0.3, b: 0.2, c: 0.1 });
  expect(found.correspondenceUnmatched).toBeCloseTo(-1, 10);
  expect(found.correspondenceLayer).toBeCloseTo(-1, 10);
  expect(found.earlyLayers).toBeCloseTo(1, 10);
});

test("tests over emotions find what hurts them all, and its correspondence with what counts", () => {
  const emotions = ["joy", "fear", "anger", "love"];
  const set = (drops: readonly number[]) => ({
    own: drops.map((drop) => 60 - drop),
    random: [60, 60, 60, 60],
    layer: [60, 60, 60, 60],
  });
  const details = {
    emotions,
    intact: [60, 60, 60, 60],
    sets: { valence: set([9, 8, 10, 9]), joy: set([5, 4, 5, 6]), anger: set([0, 1, -1, 0]) },
    p: {},
    layers: {},
  };
  const result = { details, weights: { valence: 0.6, joy: 0.3, anger: 0 } } as never;
  const runs = [1, 2].map((seed) => ({ cell: { representation: "texts", seed }, result }));
  expect(dropsOf(runs, "layer")["valence"]).toEqual({ joy: 9, fear: 8, anger: 10, love: 9 });
  const [about, table, correlation] = overEmotionsText(runs);
  expect(about).toContain("the 4 emotions by texts");
  expect(table).toMatch(/\| valence \| 9\.00 \[7\.70, 10\.30\] \| 22\.05 \| 0\.00\d\d \|/);
  expect(table).toMatch(/\| anger \| 0\.00 \[-1\.30, 1\.30\] \| 0\.00 \| 0\.5000 \|/);
  expect(correlation).toMatch(/matched by layer, r = 1\.00 .* over emotions, and 0\.1\d\d by orders of the attributes/); // three have six
});

test("every claim is stated before anything is run, and its criterion says of what", () => {
  const parts = partsOf(FULL, "runs/none");
  expect(parts.map(({ name }) => name)).toEqual([
    ...["similarity", "ablation", "prompts"].map((name) => `${name}-encoder`),
    ...["similarity", "ablation", "prompts"].map((name) => `${name}-decoder`),
  ]);
  expect(parts.reduce((sum, { study }) => sum + study.claims.length, 0)).toBeGreaterThan(40);
});
