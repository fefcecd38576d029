import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fitBagOfWords } from "./bag-of-words.ts";

const spam = ["win money now", "money money win!", "now win a prize", "prize money"].map((text) => ({
  text,
  label: "spam",
}));
const ham = ["see you at lunch", "lunch at noon", "see the patch", "the patch at noon"].map((text) => ({
  text,
  label: "ham",
}));
const all = [...spam, ...ham];
const other = { spam: "ham", ham: "spam" } as Readonly<Record<string, string>>;

test("words that only one class uses decide", () => {
  const model = fitBagOfWords(all, all);
  const [first, second] = model.predict([{ text: "a prize of money" }, { text: "the lunch" }]);
  expect([first![0]!.label, second![0]!.label]).toEqual(["spam", "ham"]);
  const [[hamOdds, spamOdds]] = model.score([{ text: "money" }]) as [[number, number]];
  expect(spamOdds).toBeGreaterThan(0);
  expect(hamOdds).toBe(-spamOdds);
});

test("trainable are one weight for each word in two texts or more, and a bias", () => {
  // win money now prize · at lunch noon see the patch
  expect(fitBagOfWords(all, all).trainableCount).toBe(10 + 1);
  // and a you
  expect(fitBagOfWords(all, all, { leastTexts: 1 }).trainableCount).toBe(10 + 3 + 1);
});

test("a text of unknown words is decided by the bias alone", () => {
  const [unknown, empty] = fitBagOfWords(all, all).score([{ text: "xylophone" }, { text: "" }]);
  expect(unknown).toEqual(empty);
});

test("order of words and of training texts does not matter", () => {
  const [a] = fitBagOfWords(all, all).score([{ text: "money now" }]);
  const [b] = fitBagOfWords([...all].reverse(), all).score([{ text: "now money" }]);
  expect(a![1]!).toBeCloseTo(b![1]!, 5);
});

test("the penalty is the best on the development texts", () => {
  const noisy = [...all, { text: "money money", label: "ham" }, { text: "lunch at noon", label: "spam" }];
  const mislabelled = all.map(({ text, label }) => ({ text, label: other[label]! }));
  // development texts that contradict the training texts ask for the heaviest penalty
  expect(fitBagOfWords(noisy, mislabelled).penalty).toBe(1e-2);
  expect(fitBagOfWords(all, all).penalty).toBeLessThan(1e-2);
});

test("of pairs, the second text's words count by themselves, and shared ones once more", () => {
  const rows = [
    { text: "a b", pair: "a c", label: "shared" },
    { text: "d e", pair: "d f", label: "shared" },
    { text: "g h", pair: "c f", label: "none" },
    { text: "b e", pair: "g h", label: "none" },
  ];
  const model = fitBagOfWords(rows, rows, { leastTexts: 1 });
  // a b d e g h · second a c d f g h · both a, both d
  expect(model.trainableCount).toBe(6 + 6 + 2 + 1);
  expect(model.predict(rows).map(([best]) => best!.label)).toEqual(rows.map(({ label }) => label));
});

test("three classes are one regression each, with the weights that scikit-learn finds", () => {
  const golden = JSON.parse(readFileSync(new URL("../../fixtures/words.json", import.meta.url), "utf8"));
  const model = fitBagOfWords(golden.train, golden.dev, { leastTexts: 1 });
  expect(model.penalty).toBe(golden.penalty);
  for (const [i, row] of model.score(golden.test).entries()) {
    // Ours stops at a gradient of 1e-8, over a curvature of the penalty, 1e-2, at the least.
    for (const [k, value] of row.entries()) expect(value).toBeCloseTo(golden.scores[i][k], 5);
  }
});

test.each([
  ["no development texts", all, [], "no development texts"],
  ["one class", spam, spam, "need two classes"],
  ["a class that was never seen", all, [{ text: "a", label: "news" }], 'the class "news" of a development text'],
])("%s is refused", (_, train, dev, message) => {
  expect(() => fitBagOfWords(train, dev)).toThrow(message);
});
