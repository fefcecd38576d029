import { memory as files, result } from "@cambium/base";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { adapter, attach, bitFit, head, lora, prompt, type Tuned, whole } from "@cambium/delta";
import type { HeadConfig, LanguageModel } from "@cambium/models";
import { checkDerivatives, expectClose } from "@cambium/models/testing";
import { adamW, sgd } from "@cambium/train";
import { memory, mul, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { recycle } from "../transfer/recycle.ts";
import {
  COLOURS,
  first,
  later,
  scores,
  type TinyRow,
  tinyData,
  tinyRows,
  trained,
  tunedOn,
  withValues,
} from "../versions.fixture.ts";
import { divergenceRows } from "./losses.ts";
import { distilled } from "./objective.ts";
import { parseDistillation } from "./options.ts";
import { pathRegulariser } from "./path.ts";
import { type RecyclingEnd, type RecyclingEvent, type RunRecyclingOptions, runRecycling } from "./run.ts";
import { teach } from "./teacher.ts";
import { loweredAlpha } from "./weak-teacher.ts";

interface Pair {
  readonly base: LanguageModel;
  readonly next: LanguageModel;
  readonly old: Tuned<LanguageModel>;
  free(...trees: Parameters[]): void;
}

function pair(headConfig: HeadConfig = COLOURS): Pair {
  const base = first(headConfig);
  const next = later(base);
  const old = tunedOn(base, trained(lora(base, { rank: 2 }, random(1))), trained(head(base)));
  return {
    base,
    next,
    old,
    free: (...trees) => {
      for (const tree of [base.parameters, next.parameters, old.parameters, ...trees]) disposeParameters(tree);
    },
  };
}

const optimiser = adamW({ learningRate: 1e-2 });
type Options = Partial<RunRecyclingOptions>;

async function run(
  { old, next }: Pick<Pair, "old" | "next">,
  options: Options = {},
  rows: readonly TinyRow[] = tinyRows(10),
  float = false,
): Promise<{ readonly events: readonly RecyclingEvent[]; readonly end: RecyclingEnd }> {
  const events: RecyclingEvent[] = [];
  const all: RunRecyclingOptions = { method: "both", optimiser, steps: 6, random: random(2), ...options };
  const end = await result(runRecycling(old, next, tinyData(rows, { float }), all), (event) => void events.push(event));
  return { events, end };
}

const losses = (events: readonly RecyclingEvent[]): number[] =>
  events.flatMap((event) => (event.type === "step" ? [event.loss] : []));

test("a student that starts as its teacher on the same backbone has nothing to learn from it", async () => {
  const { base, old, free, ...rest } = pair();
  const distillation = { alpha: 1, temperature: 2, hidden: 3 };
  const { events, end } = await run(
    { old, next: base },
    { distillation, steps: 1, optimiser: sgd({ learningRate: 1 }) },
  );
  expect(losses(events)[0]).toBeCloseTo(0, 6);
  expectClose(await scores(end.tuned), await scores(old), { absolute: 1e-5 });
  free(end.parameters);
  expect(rest.next.parameters.size).toBeGreaterThan(0);
});

test("events say where both stand first, and the end has the student of the best evaluation", async () => {
  const before = memory().numTensors;
  const { free, ...models } = pair();
  const dev = tinyData(tinyRows(8), { shuffled: false });
  const { events, end } = await run(models, { evaluate: { every: 2, data: dev }, onTaught: () => undefined });
  const kinds = events.map(({ type }) => type).filter((type) => type !== "step" && type !== "weak-teacher");
  expect(kinds).toEqual(["teacher", "zero-shot", "taught", "evaluation", "evaluation", "evaluation", "end"]);
  const taught = events.find(({ type }) => type === "taught") as { rows: number };
  expect(taught.rows).toBe(new Set(tinyRows(10).map(({ ids }) => ids.join())).size);
  const accuracies = events.flatMap((event) => (event.type === "evaluation" ? [event.metrics["accuracy"]!] : []));
  expect(end.best?.value).toBe(Math.max(...accuracies));
  expect(end.tuned.base).toBe(models.next);
  free(end.parameters);
  expect(memory().numTensors).toBe(before);
});

test("initialise trains on labels from the old delta, and nothing else", async () => {
  const { free, ...models } = pair();
  const { events, end } = await run(models, { method: "initialise", steps: 3 });
  expect(events.map(({ type }) => type)).toEqual(["step", "step", "step", "end"]);
  expect(end.alpha).toBeUndefined();
  free(end.parameters);
});

test("distil starts afresh with deltas of the same settings, drawn from the seed", async () => {
  const { free, ...models } = pair();
  const [one, two] = [await run(models, { method: "distil" }), await run(models, { method: "distil" })];
  expect(one.end.tuned.deltas.map(({ kind }) => kind)).toEqual(["lora", "head"]);
  expect(losses(one.events)).toEqual(losses(two.events));
  const other = await run(models, { method: "distil", random: random(3) });
  expect(losses(one.events)).not.toEqual(losses(other.events));
  free(one.end.parameters, two.end.parameters, other.end.parameters);
});

test("a run that is stopped and started again ends at the same bits as one in a piece", async () => {
  const { free, ...models } = pair();
  const whole = await run(models, { distillation: { hidden: 1 } });
  const checkpoint = { files: files(), every: 2 };
  const stop = new AbortController();
  const rows = tinyRows(10);
  const options: RunRecyclingOptions = {
    method: "both",
    optimiser,
    steps: 6,
    random: random(2),
    distillation: { hidden: 1 },
    checkpoint,
  };
  for await (const event of runRecycling(models.old, models.next, tinyData(rows), {
    ...options,
    signal: stop.signal,
  })) {
    if (event.type === "step" && event.step === 3) stop.abort();
    if (event.type === "end") {
      expect(event.reason).toBe("stopped");
      disposeParameters(event.parameters);
    }
  }
  const rest = await run(models, options);
  expect(losses(rest.events)).toEqual(losses(whole.events).slice(3));
  for (const [name, tensor] of whole.end.parameters)
    expect([...rest.end.parameters.get(name)!.dataSync()]).toEqual([...tensor.dataSync()]);
  const wrong = { ...options, distillation: { hidden: 2 } };
  await expect(run(models, wrong)).rejects.toMatchObject({ code: "CONFIG" });
  const changed = new Map(
    [...models.old.parameters].map(([name, value]) => [name, tidy(() => mul(value, 2) as Tensor)]),
  );
  const other = { ...models, old: models.old.with(changed) };
  await expect(run(other, { ...options, method: "both" })).rejects.toMatchObject({ code: "CONFIG" });
  disposeParameters(changed);
  free(whole.end.parameters, rest.end.parameters);
});

test("kept answers and a teacher that is asked at every step teach the same", async () => {
  const { free, ...models } = pair();
  const [kept, asked] = [
    await run(models, { distillation: { cache: true, hidden: 1 } }),
    await run(models, { distillation: { cache: false, hidden: 1 } }),
  ];
  expectClose(losses(asked.events), losses(kept.events), { relative: 1e-4 });
  free(kept.end.parameters, asked.end.parameters);
});

test("the old model may be gone once it has answered, and rows that were dropped are asked for in time", async () => {
  const { free, old, next } = pair();
  const data = tinyData(tinyRows(10), { last: "drop" });
  const options: RunRecyclingOptions = { method: "both", optimiser, steps: 6, random: random(2) };
  const run = runRecycling(old, next, data, { ...options, onTaught: () => undefined });
  await expect(result(run)).rejects.toThrow('last: "keep"');
  const { parameters } = await result(runRecycling(old, next, data, options));
  free(parameters);
});

test("with alpha 1 rows need no labels", async () => {
  const { free, ...models } = pair();
  const { events, end } = await run(models, { distillation: { alpha: 1 } }, tinyRows(10, false));
  expect(losses(events).at(-1)).toBeLessThan(losses(events)[0]!);
  await expect(run(models, { distillation: { alpha: 0.5 } }, tinyRows(10, false))).rejects.toThrow("labels");
  free(end.parameters);
});

test("regression is taught by squares", async () => {
  const { free, ...models } = pair({ kind: "regression" });
  const rows = tinyRows(10).map(({ ids }) => ({ ids, label: ids.length / 4 }));
  const distillation = { alpha: 1 };
  const { events, end } = await run(models, { method: "distil", distillation, steps: 20 }, rows, true);
  expect(losses(events).at(-1)).toBeLessThan(losses(events)[0]! / 2);
  free(end.parameters);
});

test("heads on tokens are taught token by token, and their answers are not kept", async () => {
  const headConfig: HeadConfig = { kind: "token-classification", labels: ["O", "B", "I"] };
  const { free, ...models } = pair(headConfig);
  const rows = tinyRows(6).map(({ ids }) => ({ ids, label: ids.map((id) => id % 3) }));
  const { events, end } = await run(models, { steps: 4 }, rows);
  expect(events.some(({ type }) => type === "taught")).toBe(false);
  await expect(run(models, { distillation: { cache: true } }, rows)).rejects.toThrow("too many to keep");
  free(end.parameters);
});

test("a language model is taught where a next word counts, and a word that nothing follows counts nothing", async () => {
  const base = first({ kind: "causal-lm" }, 1, "gpt2");
  const next = later(base);
  const old = tunedOn(base, trained(lora(base, { rank: 2 }, random(1))));
  const student = await recycle(old, next, { method: "initialise" });
  // Of four words only the last one has a label, so that the third row of scores counts alone.
  const data = tinyData([{ ids: [3, 5, 7, 9], label: [-100, -100, -100, 9] }], { size: 1 });
  const settings = parseDistillation("test", { alpha: 1, temperature: 2 }, next.head, "last");
  const taught = await teach(data, old, { states: undefined, cache: false });
  for await (const { batch } of taught.data.epoch(0)) {
    const objective = distilled(student, settings, "teacher");
    tidy(() => {
      const found = objective.loss(student.parameters, batch, { random: random(0), training: false });
      const { logits } = student.forward(withoutTeacher(batch));
      const rows = mul(divergenceRows(batch.teacherLogits, logits!, 2), 4);
      expectClose(found.dataSync(), rows.dataSync().slice(2, 3));
      expect(found.dataSync()[0]).toBeGreaterThan(0);
    });
    for (const tensor of Object.values(batch)) tensor?.dispose();
  }
  for (const { parameters } of [base, next, old, student]) disposeParameters(parameters);
});

test("any delta can be the student's", async () => {
  const { free, old, next } = pair();
  const student = attach(next, adapter(next, { bottleneck: 3 }, random(4)), head(next));
  const { end } = await run({ old, next }, { method: "distil", student, steps: 2 });
  expect(end.tuned.deltas.map(({ kind }) => kind)).toEqual(["adapter", "head"]);
  free(end.parameters, student.parameters);
});

test("a teacher worse than its student's start counts less, and says so", () => {
  const baseline = { loss: 1, accuracy: 0.4 };
  const score = (accuracy: number) => ({ loss: 1, accuracy });
  expect(loweredAlpha(0.9, score(0.8), score(0.7), baseline)).toBe(0.9);
  expect(loweredAlpha(0.9, score(0.6), score(0.8), baseline)).toBeCloseTo(0.45, 12);
  expect(loweredAlpha(0.9, score(0.3), score(0.8), baseline)).toBe(0);
  expect(loweredAlpha(0.9, { loss: 2 }, { loss: 1 }, undefined)).toBeCloseTo(0.45, 12);
  expect(loweredAlpha(0.9, { loss: 0.8 }, { loss: 0.9 }, { loss: 1 })).toBe(0.9);
  // Rows of one class: a constant answer is always right.
  expect(
    loweredAlpha(0.9, { loss: 2, accuracy: 0.5 }, { loss: 1, accuracy: 0.9 }, { loss: 0, accuracy: 1 }),
  ).toBeCloseTo(0.45, 12);
});

test("gradients through the loss, the hidden term included, are its slopes", async () => {
  const { free, old, next } = pair();
  const student = await recycle(old, next, { method: "initialise" });
  const settings = parseDistillation("test", { alpha: 0.6, temperature: 3, hidden: 0.5 }, next.head, "first");
  const { data } = await teach(tinyData(tinyRows(4), { shuffled: false }), old, { states: "first", cache: true });
  const objective = distilled(student, settings, "teacher");
  for await (const { batch } of data.epoch(0)) {
    const context = { random: random(0), training: false };
    const some = new Map([...student.parameters].filter(([name]) => /layer\.0\..*query|classifier/.test(name)));
    const checks = checkDerivatives(
      (at) => objective.loss(new Map([...student.parameters, ...at]), batch, context),
      some,
    );
    for (const { derivative, difference } of checks)
      expect(Math.abs(derivative - difference)).toBeLessThan(2e-3 * Math.max(1, Math.abs(derivative)));
    for (const tensor of Object.values(batch)) tensor?.dispose();
  }
  free(student.parameters);
});

test.each([
  ["weights with their deltas", (base: LanguageModel) => trained(lora(base, { rank: 2 }, random(1)))],
  ["numbers of deltas and backbones", (base: LanguageModel) => trained(adapter(base, { bottleneck: 3 }, random(1)))],
  ["whole models", (base: LanguageModel) => trained(whole(base))],
])("on the line to its teacher a student is the teacher at one end and itself at the other: %s", async (_, make) => {
  const base = first();
  const next = later(base);
  const old = tunedOn(base, make(base));
  const student = await recycle(old, next, { method: "initialise" });
  const { data } = await teach(tinyData(tinyRows(4), { shuffled: false }), old, { states: undefined, cache: true });
  const context = { random: random(0), training: false };
  for await (const { batch } of data.epoch(0)) {
    const at = (positions: readonly number[], labels = 0): number => {
      const objective = pathRegulariser(student, old, {
        positions,
        labels,
        distillation: { alpha: 1, temperature: 2 },
      });
      const value = tidy(() => objective.loss(student.parameters, batch, context).dataSync()[0]!);
      objective.dispose();
      return value;
    };
    const alone = at([0]); // the teacher's own answers at 0, so that only x = 1 counts
    expect(at([1])).toBeCloseTo(2 * alone, 4);
    expect(alone).toBeGreaterThan(0);
    expect(at([0.5])).toBeGreaterThan(alone);
    expect(at([0], 1)).toBeCloseTo(
      tidy(() => student.loss(student.parameters, withoutTeacher(batch), context).dataSync()[0]!),
      5,
    );
    for (const tensor of Object.values(batch)) tensor?.dispose();
  }
  for (const tree of [base, next, old, student]) disposeParameters(tree.parameters);
});

test("along the lines to several models labels alone may be asked for", async () => {
  const { base, next, old, free } = pair();
  const other = tunedOn(base, trained(lora(base, { rank: 2 }, random(1)), 0.2, 7), trained(head(base), 0.2, 7));
  const student = recycle(old, next, { method: "initialise" });
  for await (const { batch } of tinyData(tinyRows(4), { shuffled: false }).epoch(0)) {
    const context = { random: random(0), training: false };
    const lossOf = (model: Tuned<LanguageModel>): number =>
      tidy(() => model.loss(model.parameters, batch, context).dataSync()[0]!);
    const objective = pathRegulariser(student, [old, other], { positions: [0], labels: 0.25, term: "labels" });
    const found = tidy(() => objective.loss(student.parameters, batch as never, context).dataSync()[0]!);
    const [own, ...ends] = [student, old, other].map(lossOf) as [number, number, number];
    expect(found).toBeCloseTo(0.25 * own + 0.75 * (own + ends[0]! + ends[1]!), 4);
    objective.dispose();
    for (const tensor of Object.values(batch)) tensor?.dispose();
  }
  const idle = { term: "labels", distillation: { alpha: 0.5 } } as const;
  expect(() => pathRegulariser(student, old, idle)).toThrow("asks for labels alone, so distillation would do nothing");
  free(other.parameters, student.parameters);
});

const withoutTeacher = ({ teacherLogits: _, ...batch }: { readonly teacherLogits: unknown }) => batch as never;

test("places on the line are drawn from the seed", async () => {
  const { free, ...models } = pair();
  const path = { positions: { count: 2, margin: 0.1 }, labels: 0.3 };
  const [one, two] = [await run(models, { path, steps: 3 }), await run(models, { path, steps: 3 })];
  expect(losses(one.events)).toEqual(losses(two.events));
  free(one.end.parameters, two.end.parameters);
});

test("settings that do nothing, or cannot be meant, are refused", async () => {
  const { free, ...models } = pair();
  const refuse = async (options: object, message: string): Promise<void> => {
    await expect(run(models, options as never)).rejects.toThrow(message);
  };
  await refuse({ method: "distill" }, 'method must be "initialise", "distil" or "both"');
  await refuse({ method: "initialise", distillation: {} }, '"initialise" has no teacher');
  await refuse({ method: "distil", scale: 0.5 }, "scale would do nothing");
  await refuse({ student: models.old }, "takes no student");
  await refuse({ distillation: { temprature: 1 } }, "temperature");
  await refuse({ distillation: { alpha: 1.5 } }, "alpha");
  await refuse({ path: { positions: [2] } }, "places from 0 to 1");
  await refuse({ path: { positions: { count: 0 } } }, "count must be");
  await refuse({ path: { term: "labels" }, distillation: { alpha: 0.5 } }, "asks for labels alone");
  await refuse({ method: "initialise", onTaught: () => undefined }, "onTaught is for");
  await refuse({ method: "distil", random: undefined }, "give random, or a student");
  free();
});

test("a teacher whose labels are in another order teaches them by name", async () => {
  const { free, old, next } = pair();
  const turned = withValues(next, next.parameters, {
    kind: "sequence-classification",
    labels: ["blue", "red", "green"],
  });
  const place = [1, 2, 0]; // of red, green and blue
  const rows = tinyRows(10).map(({ ids, label }) => ({ ids, label: place[label as number]! }));
  const options: Options = {
    distillation: { alpha: 0.7 },
    evaluate: { every: 6, data: tinyData(rows, { shuffled: false }) },
  };
  const straight: Options = { ...options, evaluate: { every: 6, data: tinyData(tinyRows(10), { shuffled: false }) } };
  const [one, other] = [await run({ old, next }, straight), await run({ old, next: turned }, options, rows)];
  expectClose(losses(other.events), losses(one.events), { relative: 1e-4 });
  const teachers = [one, other].map(
    ({ events }) => events.find(({ type }) => type === "teacher") as { score: { accuracy: number } },
  );
  expect(teachers[1]!.score.accuracy).toBe(teachers[0]!.score.accuracy);
  await expect(run({ old, next: turned }, { path: {} }, rows)).rejects.toThrow("no line between the heads");
  const strange = withValues(next, next.parameters, { kind: "sequence-classification", labels: ["a", "b", "c"] });
  await expect(run({ old, next: strange }, { method: "distil" })).rejects.toThrow("cannot teach");
  const tokenizers = [{ fingerprint: "a" }, { fingerprint: "b" }] as never;
  await expect(run({ old, next }, { method: "distil", tokenizers })).rejects.toThrow("the tokenizers differ");
  await expect(run({ old, next }, { method: "distil", student: old })).rejects.toThrow("another model than newBase");
  free(one.end.parameters, other.end.parameters);
});

test("what has rows in front of the words is taught at its words", async () => {
  const base = first();
  const next = later(base);
  const old = tunedOn(
    base,
    trained(prompt(base, { length: 2 }, random(1))),
    trained(head(base)),
    trained(bitFit(base)),
  );
  const { events, end } = await run({ old, next }, { distillation: { hidden: 1 }, steps: 2 });
  expect(losses(events).every(Number.isFinite)).toBe(true);
  for (const tree of [base.parameters, next.parameters, old.parameters, end.parameters]) disposeParameters(tree);
});
