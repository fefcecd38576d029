import { expect, test } from "vitest";
import type { Mail } from "./load.ts";
import { mailSplit } from "./split.ts";

const mail = (id: number, text: string): Mail => ({ id: String(id), text, label: "ham" });
const many = Array.from({ length: 2000 }, (_, i) =>
  mail(i, `message ${[...String(i)].map((digit) => "abcdefghij"[Number(digit)]).join("")} and so on`),
);

test("each message is in one part, in shares of about 70, 15 and 15 %", () => {
  const { train, dev, test: held } = mailSplit(many);
  expect(new Set([...train, ...dev, ...held]).size).toBe(many.length);
  // Six standard deviations of a binomial share over 2,000 messages are below 0.062.
  expect(Math.abs(train.length / many.length - 0.7)).toBeLessThan(0.062);
  expect(Math.abs(dev.length / many.length - 0.15)).toBeLessThan(0.062);
});

test("a message's part does not depend on the others", () => {
  const { train } = mailSplit(many);
  expect(mailSplit(many.slice(500)).train).toEqual(train.filter(({ id }) => Number(id) >= 500));
});

test("messages that open alike are in one part", () => {
  const opening = "This is a limited offer for the readers of our newsletter who asked for it, ";
  const copies = Array.from({ length: 50 }, (_, i) => mail(i, `${opening}${"xyz".repeat(i)}`));
  const sizes = Object.values(mailSplit(copies)).map((part) => part.length);
  expect(Math.max(...sizes)).toBe(copies.length);
});
