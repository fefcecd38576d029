import { expect, test } from "vitest";
import { measure } from "./quality.ts";

const mails = (["spam", "spam", "spam", "ham", "ham"] as const).map((label) => ({ label }));

test("two of three spams found with one false alarm: accuracy 3/5, precision and recall 2/3", () => {
  const quality = measure([1, 2, -1, 3, -4], mails);
  expect(quality).toMatchObject({ count: 5, accuracy: 0.6 });
  expect(quality.f1).toBeCloseTo(2 / 3, 12);
});

test("all right is 1, and a score of 0 is no spam", () => {
  expect(measure([1, 1, 1, 0, -1], mails)).toMatchObject({ accuracy: 1, f1: 1 });
});

test("without a hit F1 is 0", () => {
  expect(measure([-1, -1, -1, 1, 1], mails).f1).toBe(0);
});
