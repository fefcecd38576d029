import { expect, test } from "vitest";
import { StepEnds } from "./step-ends.ts";

/** A kernel that is called: its number, how many tensors wait before it, whether they may be made there, and its place. */
type Call = readonly [kernel: number, waiting: number, isAllowed?: boolean, isInGradient?: boolean];

/** The places in a stream of calls before which what is pending was made. */
function cutsOf(ends: StepEnds, calls: readonly Call[]): number[] {
  const cuts: number[] = [];
  calls.forEach(([kernel, waiting, isAllowed = true, isInGradient = false], i) => {
    if (ends.isDue(isAllowed)) {
      cuts.push(i);
      ends.restart();
    }
    ends.follow({ kernel, waiting, isAllowed, isInGradient });
  });
  return cuts;
}

const repeated = (count: number, step: readonly Call[]): Call[] => Array.from({ length: count }, () => step).flat();
const distances = (cuts: readonly number[]): number[] => cuts.slice(1).map((cut, i) => cut - cuts[i]!);

/** A step of `length` kernels, with most tensors waiting in its middle. */
const step = (length: number, from = 0): Call[] =>
  Array.from({ length }, (_, i) => [from + (Math.imul(i, 2654435761) >>> 25), 5 + Math.min(i, length - i)]);

test.each([1, 7, 90, 300, 1_000, 4_000])("steps of %i kernels are cut where the fewest tensors wait", (length) => {
  const cuts = cutsOf(new StepEnds(), repeated(Math.ceil(40_000 / length), step(length)));
  expect(cuts.length).toBeGreaterThan(5);
  for (const cut of cuts) expect(cut % length).toBe(0);
  expect(new Set(distances(cuts)).size).toBe(1);
});

test("a cut falls at the same place of a step, also when a read comes between", () => {
  const ends = new StepEnds();
  cutsOf(ends, repeated(40, step(90)));
  const rounds = [1, 2, 3].map(() => {
    ends.restart();
    return cutsOf(ends, [...repeated(17, step(90)), ...step(13, 200)]);
  });
  expect(rounds[1]).toEqual(rounds[0]);
  expect(rounds[2]).toEqual(rounds[0]);
  expect(rounds[0]!.every((cut) => cut % 90 === 0)).toBe(true);
});

test("two loops that take turns are both remembered", () => {
  const ends = new StepEnds();
  const round = [...repeated(40, step(90)), ...repeated(40, step(50, 300))];
  cutsOf(ends, round);
  ends.restart();
  const first = cutsOf(ends, round);
  ends.restart();
  expect(cutsOf(ends, round)).toEqual(first);
  expect(first.length).toBeGreaterThan(15);
});

test("what grows from step to step does not move the cut", () => {
  const growing = repeated(60, step(90)).map(([kernel, waiting], i): Call => [kernel, waiting + Math.floor(i / 10)]);
  for (const cut of cutsOf(new StepEnds(), growing)) expect(cut % 90).toBe(0);
});

test("nothing is cut where it is not allowed", () => {
  const gradient = step(90).map(([kernel, waiting], i): Call => [kernel, i === 0 ? 50 : waiting, i < 30]);
  for (const cut of cutsOf(new StepEnds(), repeated(60, gradient))) expect(cut % 90).toBeLessThan(30);
  const never = step(90).map(([kernel, waiting]): Call => [kernel, waiting, false]);
  expect(cutsOf(new StepEnds(), repeated(200, never))).toEqual([]);
});

/** A step with a gradient, and an update of some kernels for each of many weights. */
const bigStep = (weights: number): Call[] => [
  ...step(400).map(([kernel, waiting], i): Call => [kernel, waiting, i === 0, true]),
  ...Array.from({ length: weights }, (_, i) => step(12, 300).map(([kernel]): Call => [kernel, 300 + i])).flat(),
];

test("an optimiser that repeats itself for each weight is no step", () => {
  const ends = new StepEnds();
  for (let i = 0; i < 5; i++) {
    expect(cutsOf(ends, bigStep(150))).toEqual([]);
    ends.restart(); // it reads every loss
  }
  const cuts = cutsOf(ends, repeated(20, bigStep(150)));
  expect(cuts.length).toBeGreaterThan(10);
  for (const cut of cuts) expect(cut % 2_200).toBe(0);
});

test("a validation that follows training, before anything is read, is cut into steps", () => {
  const ends = new StepEnds();
  const epoch = [...repeated(50, bigStep(10)), ...repeated(200, step(40, 600))];
  cutsOf(ends, epoch);
  ends.restart();
  const cuts = cutsOf(ends, epoch);
  expect(Math.max(...distances(cuts))).toBeLessThan(2_000);
  ends.restart();
  expect(cutsOf(ends, epoch)).toEqual(cuts);
});

test("loops without gradients that follow a training are steps again", () => {
  const ends = new StepEnds();
  cutsOf(ends, repeated(20, bigStep(10)));
  ends.restart();
  expect(cutsOf(ends, repeated(200, step(12, 300))).length).toBeGreaterThan(5);
});

test("equal layers in a row are no steps", () => {
  const model = [...step(13, 400), ...repeated(12, step(25)), ...step(7, 500)];
  expect(cutsOf(new StepEnds(), model)).toEqual([]);
});

test("kernels that never repeat are cut when they are many", () => {
  let seed = 1;
  const calls = Array.from({ length: 20_000 }, (): Call => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return [seed >>> 28, 5];
  });
  expect(cutsOf(new StepEnds(), calls)).toEqual([8_192, 16_384]);
});
