import { expect, test } from "vitest";
import { fitBagOfWords } from "./bag-of-words.ts";

const spam = ["win money now", "money money win!", "now win a prize", "prize money"].map((text) => ({
  text,
  positive: true,
}));
const ham = ["see you at lunch", "lunch at noon", "see the patch", "the patch at noon"].map((text) => ({
  text,
  positive: false,
}));
const all = [...spam, ...ham];

test("words that only one class uses decide", () => {
  const model = fitBagOfWords(all, all);
  const scores = model.score(["a prize of money", "the lunch"]);
  expect(scores[0]!).toBeGreaterThan(0);
  expect(scores[1]!).toBeLessThan(0);
});

test("trainable are one weight for each word in two texts or more, and a bias", () => {
  // win money now prize · at lunch noon see the patch
  expect(fitBagOfWords(all, all).trainableCount).toBe(10 + 1);
});

test("a text of unknown words is decided by the bias alone", () => {
  const model = fitBagOfWords(all, all);
  const [unknown, empty] = model.score(["xylophone", ""]);
  expect(unknown).toBe(empty);
});

test("order of words and of training texts does not matter", () => {
  const [a] = fitBagOfWords(all, all).score(["money now"]);
  const [b] = fitBagOfWords([...all].reverse(), all).score(["now money"]);
  expect(a!).toBeCloseTo(b!, 5);
});

test("the penalty is the best on the development texts", () => {
  const noisy = [...all, { text: "money money", positive: false }, { text: "lunch at noon", positive: true }];
  const mislabelled = all.map(({ text, positive }) => ({ text, positive: !positive }));
  // development texts that contradict the training texts ask for the heaviest penalty
  expect(fitBagOfWords(noisy, mislabelled).penalty).toBe(1e-2);
  expect(fitBagOfWords(all, all).penalty).toBeLessThan(1e-2);
});
