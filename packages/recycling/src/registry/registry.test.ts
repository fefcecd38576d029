import { memory as files, result } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { attach, head, lora } from "@cambium/delta";
import { adamW } from "@cambium/train";
import { memory } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { fingerprintModel, type Lineage } from "../lineage/lineage.ts";
import { first, later, scores, tinyData, tinyRows, trained, tunedOn } from "../versions.fixture.ts";
import { type RecycleAllEvent, recycleAll } from "./recycle-all.ts";
import { describeDelta, listDeltas, listRecyclable, openDelta, registerDelta } from "./registry.ts";

const make = (seed: number) => {
  const base = first();
  return {
    base,
    old: tunedOn(base, trained(lora(base, { rank: 2 }, random(seed)), 0.2, seed), trained(head(base), 0.3, seed)),
  };
};

test("deltas are kept with the model that they were trained on, and found again after an upgrade", async () => {
  const registry = files();
  const { base, old } = make(1);
  const next = later(base);
  await registerDelta(registry, "colours", old, { task: "colours", score: 0.9 });
  await registerDelta(registry, "later", old, { task: "colours", from: ["colours"] });
  const [zero, one] = [await fingerprintModel(base), await fingerprintModel(next)];
  const lineages: Lineage[] = [{ model: one, parent: zero, corpus: "mail", steps: 5 }];
  expect(await listRecyclable(registry, one, lineages)).toMatchObject([
    { name: "colours", task: "colours", relation: "lineage", score: 0.9, labels: ["red", "green", "blue"], from: [] },
    { name: "later", from: ["colours"] },
  ]);
  expect((await listRecyclable(registry, zero, []))[0]!.relation).toBe("current");
  expect((await listRecyclable(registry, one, []))[0]!.relation).toBe("unknown");
  const back = attach(base, await openDelta(registry, "colours", base));
  expect(await scores(back)).toEqual(await scores(old));
  await expect(openDelta(registry, "colours", next)).rejects.toThrow("another model");
  await expect(openDelta(registry, "colour", base)).rejects.toThrow("there are colours, later");
  await expect(registerDelta(registry, "../out", old, { task: "a" })).rejects.toThrow("a name has letters");
  await expect(describeDelta(registry, "colours", old, { tasks: "a" } as never)).rejects.toMatchObject({
    code: "CONFIG",
  });
  await registry.write("colours/recycling.json", "{}");
  await expect(listDeltas(registry)).rejects.toMatchObject({ code: "FORMAT" });
  for (const tree of [base, next, old, back]) disposeParameters(tree.parameters);
});

test("each task gets what it needs of the budget", async () => {
  const before = memory().numTensors;
  const { base, old } = make(1);
  const far = later(base, 0.4, 3);
  const data = tinyData(tinyRows(12));
  // Of answers that the old model gives, so that it is right on its own model.
  const guesses = await scores(old, tinyRows(12));
  const rows = tinyRows(12).map((row, i) => ({ ...row, label: argMaxOf(guesses.slice(3 * i, 3 * i + 3)) }));
  const dev = tinyData(rows, { shuffled: false });
  const events: RecycleAllEvent[] = [];
  const tasks = [
    { name: "same", old, newBase: base, data, dev },
    { name: "far", old, newBase: far, data: tinyData(rows), dev },
  ];
  const options = { budget: 12, optimiser: adamW({ learningRate: 1e-2 }), random: random(1) };
  const end = await result(recycleAll(tasks, options), (event) => void events.push(event));
  const done = events.flatMap((event) => (event.type === "task" ? [event] : []));
  expect(done[0]).toMatchObject({ name: "same", choice: "direct", steps: 0, met: true });
  expect(done[0]!.scores.old.accuracy).toBe(1);
  expect(done[1]!.steps).toBeLessThanOrEqual(12);
  expect(done[1]!.scores.final.accuracy!).toBeGreaterThanOrEqual(done[1]!.scores.direct.accuracy!);
  expect(end.spent).toBe(done[1]!.steps);
  expect([...end.met, ...end.missed].sort()).toEqual(["far", "same"]);
  for (const { tuned } of done) disposeParameters(tuned.parameters);
  for (const tree of [base, far, old]) disposeParameters(tree.parameters);
  expect(memory().numTensors).toBe(before);
});

const argMaxOf = (values: readonly number[]): number => values.indexOf(Math.max(...values));

test("a budget of nothing applies deltas as they are, and wrong ones are refused", async () => {
  const { base, old } = make(1);
  const next = later(base);
  const data = tinyData(tinyRows(6));
  const task = { name: "a", old, newBase: next, data, dev: data };
  const optimiser = adamW({ learningRate: 1e-2 });
  for await (const event of recycleAll([task], { budget: 0, optimiser })) {
    if (event.type !== "task") continue;
    expect(event).toMatchObject({ choice: "direct", steps: 0 });
    disposeParameters(event.tuned.parameters);
  }
  const refuse = async (tasks: readonly (typeof task)[], options: object, message: string): Promise<void> =>
    expect(result(recycleAll(tasks, { budget: 1, optimiser, ...options }))).rejects.toThrow(message);
  await refuse([task, task], {}, 'two tasks "a"');
  await refuse([], {}, "there are no tasks");
  await refuse([task], { budget: 1.5 }, "budget must be");
  await refuse([task], { tolerance: -1 }, "tolerance must be");
  await refuse([task], { steps: 3 }, 'unknown option "steps"');
  for (const tree of [base, next, old]) disposeParameters(tree.parameters);
});
