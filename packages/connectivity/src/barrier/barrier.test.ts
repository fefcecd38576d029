import { memory } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { expect, test } from "vitest";
import { line, polychain } from "../points/path.ts";
import { bowl, numbers, point, ring } from "../quadratic.fixture.ts";
import { bootstrapCurve } from "./bootstrap.ts";
import { judgeBarrier } from "./judge.ts";
import { measureBarrier, type PathEvent, runPath } from "./run-path.ts";
import { summariseCurve } from "./summary.ts";

const data = numbers([[1, 3], [2]]);

test("along a line through a bowl, losses are the parabola and there is no barrier", async () => {
  const [a, b] = [point([0, 0], 0), point([2, 4], 0)];
  const measured = await measureBarrier(bowl([1, 3], [0, 0], a), line(a, b), data, { points: 5 });
  // ½ (2t)² + 1.5 (4t)² + mean of x, each batch counting by its rows
  const exact = measured.ts.map((t) => 2 * t * t + 24 * t * t + 2);
  expect(measured.losses).toBeAllClose(exact, { relative: 1e-6 });
  expect(measured.barrierLinear).toBe(0);
  expect(measured.barrier).toBeCloseTo(13, 4); // the mean of both ends is below the higher one
  expect(measured.barrierMax).toBe(0);
  expect(measured.convexityGap).toBe(0);
  expect(measured.length).toBeCloseTo(Math.sqrt(20), 4);
  expect(measured.unit).toBe("batch");
  disposeParameters(a);
  disposeParameters(b);
});

test("between opposite points of a ring the barrier is that of its middle, at every kind of end", async () => {
  const [a, b] = [point([1, 0], 0), point([-1, 0], 0)];
  const measured = await measureBarrier(ring(a), line(a, b), data, { points: 5, resamples: 20 });
  for (const value of [measured.barrier, measured.barrierLinear, measured.barrierMax, measured.convexityGap])
    expect(value).toBeCloseTo(4, 5);
  expect(measured.intervals?.barrier).toEqual([4, 4]);
  expect(measured.lossByLength).toBeCloseTo((0.5 * (0 + 2.25) + 0.5 * (2.25 + 4)) / 2, 4);
  const [up, round] = [point([0, 1], 0), point([0, 1], 0)];
  const chain = await measureBarrier(ring(a), polychain(a, b, [up]), data, { points: 5, resamples: 0 });
  expect(chain.barrier).toBeCloseTo(1, 5); // a chord of a quarter comes to 1/√2 of the radius
  expect(chain.intervals).toBeUndefined();
  for (const tree of [a, b, up, round]) disposeParameters(tree);
});

test("a path of length zero has barriers of exactly 0", async () => {
  const a = point([0.3, 0.7], 0.1);
  const measured = await measureBarrier(bowl([1, 3], [0, 0], a), line(a, a), data, { points: 11, resamples: 50 });
  const { barrier, barrierLinear, barrierMax, convexityGap, length, intervals } = measured;
  expect([barrier, barrierLinear, barrierMax, convexityGap, length]).toEqual([0, 0, 0, 0, 0]);
  expect(Object.values(intervals!)).toEqual([
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
  disposeParameters(a);
});

test("units that count nothing are not drawn for the intervals", () => {
  const points = [1, 3, 1].map((loss) => ({
    loss,
    weights: Float32Array.of(1, 0, 0),
    values: { loss: Float32Array.of(loss, 9, 9) },
  }));
  const { barrier } = bootstrapCurve([0, 0.5, 1], points, { resamples: 20, share: 0.95, random: random(1) });
  expect(barrier).toEqual([2, 2]);
});

test("the numbers of a curve are those of their definitions", () => {
  const ts = [0, 0.25, 0.5, 0.75, 1];
  const found = summariseCurve(ts, [1, 2, 1.5, 3.5, 2], [0.9, 0.5, 0.6, 0.7, 0.8]);
  expect(found.barrier).toBe(2);
  expect(found.barrierMax).toBe(1.5);
  expect(found.barrierLinear).toBeCloseTo(1.75, 12);
  expect(found.convexityGap).toBeCloseTo(1.75, 12);
  expect(found.scoreDrop).toBeCloseTo(0.3, 12);
  expect(found.chordDrop).toBeCloseTo(0.375, 12);
});

test("a run that was stopped resumes from what it kept, and measures nothing twice", async () => {
  const [a, b] = [point([1, 0], 0), point([-1, 0], 0)];
  let calls = 0;
  const objective = bowl([1, 1], [0, 0], a, () => calls++);
  const results = memory();
  const stop = new AbortController();
  const events: PathEvent[] = [];
  for await (const event of runPath(objective, line(a, b), data, { points: 6, results, signal: stop.signal })) {
    events.push(event);
    if (event.type === "point" && event.done === 2) stop.abort();
  }
  expect(events.at(-1)).toEqual({ type: "stopped", done: 2, total: 6 });
  expect(calls).toBe(4);
  const resumed = await measureBarrier(objective, line(a, b), data, { points: 6, results });
  expect(calls).toBe(12);
  const fresh = await measureBarrier(objective, line(a, b), data, { points: 6 });
  expect(resumed).toEqual(fresh);
  await expect(measureBarrier(objective, line(b, a), data, { points: 6, results })).rejects.toThrow(
    "results of another run: nodes differ",
  );
  await expect(measureBarrier(objective, line(a, b), numbers([[1]]), { points: 6, results })).rejects.toThrow(
    "results of another run: data differ",
  );
  disposeParameters(a);
  disposeParameters(b);
});

test("a loss that is not finite is an error, and options are checked before the first pass", async () => {
  const a = point([Number.NaN, 0], 0);
  const objective = bowl([1, 1], [0, 0], a);
  await expect(measureBarrier(objective, line(a, a), data)).rejects.toThrow("the loss at this point is NaN");
  await expect(measureBarrier(objective, line(a, a), data, { points: 2 })).rejects.toThrow("an integer from 3, got 2");
  await expect(measureBarrier(objective, line(a, a), data, { points: [0, 1, 1] })).rejects.toThrow("rising");
  await expect(measureBarrier(objective, line(a, a), data, { points: [0.2, 0.5, 0.8] })).rejects.toThrow(
    "from 0 to 1, since barriers are measured from the ends",
  );
  await expect(measureBarrier(objective, line(a, a), data, { sahre: 1 } as never)).rejects.toThrow('"share" meant');
  disposeParameters(a);
});

test("a verdict says its criteria and what was measured", () => {
  const summary = summariseCurve([0, 0.5, 1], [0.1, 0.2, 0.1], [0.9, 0.85, 0.9]);
  const { connected, criteria } = judgeBarrier(summary, { chanceLoss: Math.log(2) });
  expect(connected).toBe(false);
  expect(criteria.map(({ text }) => text)).toEqual([
    "linear barrier 0.1000 nats, at most 0.0347",
    "score drop 5.0 points, at most 2.0",
  ]);
  expect(judgeBarrier(summary, { chanceLoss: 3, deviation: 0.03 }).connected).toBe(true);
});

test("criteria that cannot be meant are errors: no verdict rests on them", () => {
  const summary = summariseCurve([0, 0.5, 1], [0.1, 0.2, 0.1], [0.9, 0.3, 0.9]);
  const judge = (options: object) => () => judgeBarrier(summary, options as never);
  expect(judge({})).toThrow("chanceLoss must be above 0, got undefined");
  expect(judge({ chanceLoss: 1, scoreDrop: 2 })).toThrow("scoreDrop must be a share from 0 to 1, got 2"); // points
  expect(judge({ chanceLoss: 1, deviation: Number.NaN })).toThrow("deviation must be a share from 0 to 1, got NaN");
  expect(judge({ chanceLoss: 1, barrierShare: -1 })).toThrow("barrierShare must be from 0, got -1");
});
