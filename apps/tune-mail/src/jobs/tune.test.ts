import { expect, test } from "vitest";
import { readCurves } from "./tune.ts";

test("steps taken again after a stop count once, as they went the last time", () => {
  const log = [
    { step: 1, loss: 0.7, durationMs: 10 },
    { step: 2, loss: 0.6, durationMs: 90 },
    { step: 2, accuracy: 0.5 },
    { step: 2, loss: 0.6, durationMs: 20 },
    { step: 2, accuracy: 0.5 },
    { step: 3, loss: 0.4, durationMs: 12 },
  ];
  expect(readCurves(log)).toEqual({
    stepMs: 12,
    losses: [
      { step: 1, value: 0.7 },
      { step: 2, value: 0.6 },
      { step: 3, value: 0.4 },
    ],
    accuracies: [{ step: 2, value: 0.5 }],
  });
});
