import { result } from "@cambium/base";
import { disposeParameters, mapParameters, type Objective, type Parameters, random } from "@cambium/core";
import { attach, head, lora, type Tuned, vera, whole } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { tinyBatch, tinyModel } from "@cambium/models/testing";
import { adafactor, adamW } from "@cambium/train";
import { add, dispose, mul, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { type TargetBatch, targets, towards, valuesOf, vector } from "../targets.fixture.ts";
import { meanSolution, pcaSubspace, randomSubspace } from "./baselines.ts";
import { fitSubspace } from "./fit-subspace.ts";
import { optimiseInSubspace, relativePerformance, transfer } from "./optimise.ts";
import type { Solution } from "./solution.ts";

const free = (...trees: readonly Parameters[]): void => {
  for (const tree of trees) disposeParameters(tree);
};

/** Solutions that are images of planted points of two coordinates, by two methods of 12 and 20 parameters. */
const planted = (count = 6) => {
  const sizes = { thin: 12, wide: 20 } as const;
  type Name = keyof typeof sizes;
  const starts = { thin: [...random(1).normals(12)], wide: [...random(2).normals(20)] };
  const maps = {
    thin: random(3).normals(24),
    wide: random(4)
      .normals(40)
      .map((value) => 30 * value),
  };
  const image = (method: Name, z: readonly number[]): number[] =>
    starts[method].map((value, i) => value + z[0]! * maps[method][i]! + z[1]! * maps[method][sizes[method] + i]!);
  const points = Array.from({ length: count }, (_, i) => [...random(5).at(i).normals(2)]);
  const trees: Parameters[] = [];
  const tree = (values: readonly number[]): Parameters => {
    trees.push(vector(values));
    return trees.at(-1)!;
  };
  const origins = { thin: tree(starts.thin), wide: tree(starts.wide) };
  const solutions = points.flatMap((z, i) =>
    (["thin", "wide"] as const).map(
      (method): Solution<TargetBatch> => ({
        task: `task ${i}`,
        method,
        tuned: towards(tree(image(method, z))),
        start: origins[method],
      }),
    ),
  );
  return { image, solutions, origins, dispose: () => free(...trees) };
};

test("planted points of two coordinates are found again: one point stands for the solutions of both methods", async () => {
  const { solutions, dispose: end } = planted();
  const space = await result(fitSubspace(solutions, { dimension: 2 }));
  expect(space.explained[1]).toBeCloseTo(1, 5);
  for (const [task, found] of space.coordinates) {
    expect([...found.get("thin")!]).toBeAllClose([...found.get("wide")!], { absolute: 1e-4 });
    // From the coordinates of one method, which are right to 1e-4, by directions that are up to 100 long.
    const decoded = space.decode("wide", found.get("thin")!);
    const exact = solutions.find((one) => one.task === task && one.method === "wide")!.tuned.parameters;
    expect(valuesOf(decoded)).toBeAllClose(valuesOf(exact), { absolute: 2e-3 });
    expect([...space.errors.get(task)!.values()].every((error) => error < 1e-4)).toBe(true);
    free(decoded);
  }
  space.dispose();
  end();
});

test("of whole fine-tunings all lies in the subspace but the head, and they are linked with a LoRA's", async () => {
  const base = tinyModel({ type: "bert" }) as LanguageModel;
  const starts = {
    whole: attach(base, whole(base)),
    lora: attach(base, lora(base, { rank: 2 }, random(1)), head(base)),
  };
  const solutions = ["a", "b", "c"].flatMap((task, i) =>
    (["whole", "lora"] as const).map((method): Solution<never> => {
      const at = mapParameters(starts[method].parameters, (tensor, name) =>
        tidy(() =>
          add(
            tensor,
            random(i + 2)
              .at(method)
              .at(name)
              .normal(tensor.shape, 0, 0.1),
          ),
        ),
      );
      return { task, method, tuned: starts[method].with(at) as never };
    }),
  );
  const space = await result(fitSubspace(solutions, { dimension: 3 }), () => undefined);
  const { shapes } = space.method("whole");
  expect(base.headParameters.length).toBeGreaterThan(0);
  expect([...shapes.keys()]).toEqual(
    [...base.parameters.keys()].filter((name) => !base.headParameters.includes(name)).map((name) => `whole/${name}`),
  );
  expect([...space.method("lora").shapes.keys()].every((name) => name.startsWith("lora/"))).toBe(true);
  // Three tasks, three coordinates: a LoRA's solution says what the whole model's is.
  const found = await space.encode("lora", solutions[1]!.tuned.parameters);
  const moved = transfer(space, found, "whole", starts.whole);
  const name = [...shapes.keys()].find((key) => key.endsWith("attention.self.query.weight"))!;
  expect([...moved.get(name)!.dataSync()]).toBeAllClose([...solutions[0]!.tuned.parameters.get(name)!.dataSync()], {
    absolute: 1e-3,
  });
  space.dispose();
  free(
    moved,
    ...solutions.map(({ tuned }) => tuned.parameters),
    starts.whole.parameters,
    starts.lora.parameters,
    base.parameters,
  );
});

test("solutions of one method whose equal numbers mean different things are refused: another alpha, frozen matrices or backbone", async () => {
  const base = tinyModel({ type: "bert" }) as LanguageModel;
  const other = tinyModel({ type: "bert", seed: 2 }) as LanguageModel;
  const trees: Parameters[] = [];
  const solved = (task: string, tuned: Tuned<LanguageModel>): Solution<never> => {
    const at = mapParameters(tuned.parameters, (tensor, name) =>
      tidy(() => add(tensor, random(9).at(task).at(name).normal(tensor.shape, 0, 0.1))),
    );
    trees.push(at, tuned.parameters, ...tuned.deltas.map(({ buffers }) => buffers));
    return { task, method: "one", tuned: tuned.with(at) as never, start: "zero" };
  };
  const refusal = async (first: Tuned<LanguageModel>, second: Tuned<LanguageModel>): Promise<string> =>
    result(fitSubspace([solved("a", first), solved("b", second)], { dimension: 1 })).then(
      (space) => {
        space.dispose();
        return "fitted";
      },
      ({ message }: Error) => message,
    );
  const loraOf = (model: LanguageModel, alpha: number) => attach(model, lora(model, { rank: 2, alpha }, random(1)));
  expect(await refusal(loraOf(base, 8), loraOf(base, 16))).toMatch(/b and a by one differ in lora's settings/);
  expect(await refusal(loraOf(base, 8), loraOf(other, 8))).toMatch(/differ in the backbone/);
  const veraOf = (projectionSeed: number) => attach(base, vera(base, { rank: 2, projectionSeed }, random(1)));
  expect(await refusal(veraOf(1), veraOf(2))).toMatch(/vera.s settings, vera.s frozen tensors/);
  expect(await refusal(loraOf(base, 8), loraOf(base, 8))).toBe("fitted");
  const [first, second, receiver] = [
    solved("c", loraOf(base, 8)),
    solved("d", loraOf(base, 8)),
    solved("e", loraOf(base, 16)),
  ];
  const space = await result(fitSubspace([first, second], { dimension: 1 }));
  expect(() => transfer(space, [1], "one", receiver.tuned)).toThrow(
    /tuned by other settings of one: lora is .*"alpha":16/,
  );
  const idle = { optimiser: adamW({ learningRate: 0.1 }), steps: 1 };
  await expect(result(optimiseInSubspace(space, "one", receiver.tuned, targets([[1]]) as never, idle))).rejects.toThrow(
    /other settings of one/,
  );
  // The same settings on another backbone.
  const elsewhere = solved("f", loraOf(other, 8));
  await expect(
    result(optimiseInSubspace(space, "one", elsewhere.tuned, targets([[1]]) as never, idle)),
  ).rejects.toThrow(/stands on another backbone than the solutions by one/);
  space.dispose();
  free(...new Set(trees), base.parameters, other.parameters);
});

test("a new task is solved by the coordinates, and the other method gets its solution without training", async () => {
  const { image, solutions, dispose: end } = planted();
  const space = await result(fitSubspace(solutions, { dimension: 2 }));
  const goal = { thin: image("thin", [0.4, -1.1]), wide: image("wide", [0.4, -1.1]) };
  const [thin, wide] = [solutions[0]!.tuned, solutions[1]!.tuned];
  const options = { optimiser: adamW({ learningRate: 0.05, weightDecay: 0 }), steps: 250, random: random(8) };
  const found = await result(optimiseInSubspace(space, "thin", thin, targets([goal.thin]), options));
  expect(valuesOf(found.point)).toBeAllClose(goal.thin, { absolute: 2e-3 });
  const moved = transfer(space, found.coordinates["z"]!, "wide", wide);
  expect(valuesOf(moved)).toBeAllClose(goal.wide, { absolute: 0.3 }); // thirty times as long
  // At equal dimension random directions do neither.
  const chance = await randomSubspace(solutions, { dimension: 2 }, random(7));
  const lost = await result(optimiseInSubspace(chance, "thin", thin, targets([goal.thin]), options));
  const apart = (tree: Parameters, to: readonly number[]): number =>
    Math.hypot(...valuesOf(tree).map((value, i) => value - to[i]!));
  expect(apart(lost.point, goal.thin)).toBeGreaterThan(20 * apart(found.point, goal.thin));
  space.dispose();
  chance.dispose();
  free(found.point, found.parameters, moved, lost.point, lost.parameters);
  end();
});

test("one coordinate is trained by Adafactor too, where the gradient is zero as well, and does not start where LoRAs stand still", async () => {
  const { solutions, dispose: end } = planted();
  const space = await result(fitSubspace(solutions, { dimension: 1 }));
  const thin = solutions[0]!.tuned;
  const optimiser = adafactor({ learningRate: 0.05, scaleParameter: false });
  const start = await result(
    optimiseInSubspace(space, "thin", thin, targets([[...valuesOf(thin.parameters)]]), { optimiser, steps: 1 }),
  );
  expect(Math.abs(start.coordinates["z"]![0]!)).toBeGreaterThan(0);
  // A target that is the decoded start itself has no gradient at all.
  const [still] = [space.decode("thin", [0.5])];
  const found = await result(
    optimiseInSubspace(space, "thin", thin, targets([valuesOf(still)]), { optimiser, steps: 20, from: [0.5] }),
  );
  expect([...found.coordinates["z"]!]).toBeAllClose([0.5], { absolute: 1e-3 });
  const goal = space.decode("thin", [1]);
  const moved = await result(
    optimiseInSubspace(space, "thin", thin, targets([valuesOf(goal)]), { optimiser, steps: 60, from: [0] }),
  );
  expect(moved.coordinates["z"]![0]!).toBeGreaterThan(0.5);
  space.dispose();
  free(still, goal);
  for (const { point, parameters } of [start, found, moved]) free(point, parameters);
  end();
});

test("each method's own components reconstruct as well and do not transfer; the mean is that of the solutions", async () => {
  const { solutions, dispose: end } = planted();
  const own = await pcaSubspace(solutions, { dimension: 2 });
  const [thin, wide] = [solutions[0]!, solutions[1]!];
  const z = own.coordinates.get("task 0")!.get("thin")!;
  const back = own.decode("thin", z);
  expect(valuesOf(back)).toBeAllClose(valuesOf(thin.tuned.parameters), { absolute: 1e-3 });
  const other = transfer(own, z, "wide", wide.tuned);
  expect(Math.hypot(...valuesOf(other).map((value, i) => value - valuesOf(wide.tuned.parameters)[i]!))).toBeGreaterThan(
    1,
  );
  const average = await meanSolution(solutions, "thin");
  const list = solutions.filter(({ method }) => method === "thin").map(({ tuned }) => valuesOf(tuned.parameters));
  const exact = list[0]!.map((_, i) => list.reduce((sum, values) => sum + values[i]!, 0) / list.length);
  expect(valuesOf(average)).toBeAllClose(exact, { absolute: 1e-5 });
  own.dispose();
  free(back, other, average);
  end();
});

test.each(["tanh", "gelu", "leaky-relu", "linear"] as const)(
  "projections with a %s encoder start where the closed form ends",
  async (encoder) => {
    const { solutions, dispose: end } = planted(4);
    const optimiser = adamW({ learningRate: 1e-7, weightDecay: 0 });
    const space = await result(fitSubspace(solutions, { dimension: 2, steps: 1, optimiser, encoder }));
    // Within 0.1 of its linear point each activation is straight to below one percent.
    for (const errors of space.errors.values()) for (const error of errors.values()) expect(error).toBeLessThan(0.01);
    space.dispose();
    end();
  },
);

test("from a random start with mixtures and task losses the methods are drawn into one subspace", async () => {
  const { solutions, dispose: end } = planted(3);
  const thin = solutions.filter(({ method }) => method === "thin");
  const twins = thin.map((one): Solution<TargetBatch> => ({ ...one, method: "twin" }));
  const data = Object.fromEntries(thin.map(({ task, tuned }) => [task, targets([valuesOf(tuned.parameters)])]));
  const optimiser = adamW({ learningRate: 0.05, weightDecay: 0 });
  const steps: number[] = [];
  const run = fitSubspace([...thin, ...twins], {
    dimension: 2,
    start: "random",
    data,
    steps: 240,
    optimiser,
    random: random(2),
  });
  const space = await result(run, (event) => {
    if (event.type === "step") steps.push(event.loss);
  });
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  expect(mean(steps.slice(-30))).toBeLessThan(0.5 * mean(steps.slice(0, 30)));
  for (const { task, tuned } of thin) {
    const moved = transfer(space, space.coordinates.get(task)!.get("thin")!, "twin", tuned);
    const [goal, start] = [valuesOf(tuned.parameters), valuesOf(thin[0]!.start as Parameters)];
    const apart = (to: readonly number[]): number => Math.hypot(...goal.map((value, i) => value - to[i]!));
    expect(apart(valuesOf(moved)) / apart(start)).toBeLessThan(0.5); // of a random decoder it is 1
    free(moved);
  }
  space.dispose();
  end();
});

test("attached as a delta the coordinates give the decoded model, and gradients reach them alone", async () => {
  const base = tinyModel();
  const start = lora(base, { rank: 2 }, random(1));
  const tune = (seed: number): Tuned<LanguageModel> =>
    attach(base, start).with(
      new Map(
        [...start.parameters].map(([name, tensor]) => [`lora/${name}`, random(seed).at(name).normal(tensor.shape)]),
      ),
    );
  const tuned = [tune(2), tune(3)];
  const solutions = tuned.map(
    (one, i): Solution => ({ task: `t${i}`, method: "lora", tuned: one as Objective<never> }),
  );
  const space = await result(fitSubspace(solutions, { dimension: 1 }));
  const z = [0.7];
  const found = attach(base, space.delta("lora", z));
  expect([...found.parameters].map(([name, { shape }]) => [name, shape])).toEqual([["subspace/z", [1]]]);
  const batch = tinyBatch(base);
  const decoded = tuned[0]!.with(transfer(space, z, "lora", tuned[0]!));
  tidy(() => {
    const logits = (model: Tuned<LanguageModel>): number[] => [...model.forward(batch).logits!.dataSync()];
    expect(logits(found)).toBeAllClose(logits(decoded), { absolute: 1e-5 });
  });
  dispose(batch as unknown as Record<string, Tensor>);
  space.dispose();
  free(
    found.parameters,
    decoded.parameters,
    ...tuned.map(({ parameters }) => parameters),
    start.parameters,
    base.parameters,
  );
});

test("a head is each task's own: it lies outside of the subspace, whatever its labels", async () => {
  const base = tinyModel();
  const [delta, top] = [lora(base, { rank: 2 }, random(1)), head(base)];
  const plain = attach(base, delta, top);
  const moved = plain.with(new Map([...plain.parameters].map(([name, tensor]) => [name, tidy(() => mul(tensor, 2))])));
  const space = await result(
    fitSubspace([{ task: "a", method: "lora", tuned: moved as Objective<never> }], { dimension: 1 }),
  );
  expect([...space.method("lora").shapes.keys()].every((name) => name.startsWith("lora/"))).toBe(true);
  space.dispose();
  free(moved.parameters, plain.parameters, base.parameters);
});

test("what does not make a subspace is an error that says why", async () => {
  const { solutions, origins, dispose: end } = planted(2);
  const fit = (list: readonly Solution<TargetBatch>[], options: object = {}) =>
    result(fitSubspace(list, { dimension: 1, ...options } as never));
  const first = solutions[0]!;
  await expect(fit([])).rejects.toThrow("there are no solutions");
  await expect(fit(solutions.slice(1))).rejects.toThrow("task 0 is not solved by thin");
  await expect(fit([...solutions, first])).rejects.toThrow("task 0 is solved by thin 2 times");
  await expect(fit([{ ...first, tuned: towards(origins.thin) }])).rejects.toThrow("task 0 by thin is where it started");
  await expect(fit([{ task: "a", method: "thin", tuned: first.tuned }])).rejects.toThrow(
    'is not known (w); give "start"',
  );
  await expect(fit([first, { ...solutions[1]!, method: "thin", task: "b" }])).rejects.toThrow(
    '"w" is [20] of b and [12] of task 0',
  );
  await expect(fit([first, { ...solutions[2]!, start: solutions[2]!.tuned.parameters }])).rejects.toThrow(
    "started at different points",
  );
  await expect(fit(solutions, { dimension: 0 })).rejects.toThrow("dimension must be an integer from 1");
  await expect(fit(solutions, { lambda: 1 })).rejects.toThrow('unknown option "lambda"');
  await expect(fit(solutions, { mixing: "none" })).rejects.toThrow('"mixing" would do nothing');
  await expect(fit(solutions, { steps: 2 })).rejects.toThrow('"optimiser" is missing');
  const idle = { steps: 2, optimiser: adamW({ learningRate: 1 }), reconstruction: 0 };
  await expect(fit(solutions, idle)).rejects.toThrow("there is nothing to learn; give data");
  await expect(fit(solutions, { decoder: "tanh" })).rejects.toThrow("the tanh decoder of thin has to be trained");
  await expect(fit(solutions, { decoder: { slim: "linear" } })).rejects.toThrow('names the method "slim"');
  const optimiser = adamW({ learningRate: 1 });
  await expect(fit(solutions, { steps: 1, optimiser, data: { "task 0": targets([[1]]) } })).rejects.toThrow(
    "task 1 has none",
  );
  const space = await result(fitSubspace(solutions, { dimension: 1 }));
  expect(() => space.decode("thim", [1])).toThrow('is "thin" meant?');
  expect(() => space.decode("thin", [1, 2])).toThrow("a point has 1 coordinates, got 2");
  expect(() => space.delta("thin")).toThrow("thin has 0 deltas in the subspace");
  await expect(space.encode("thin", origins.wide)).rejects.toThrow('no "w" of [12]');
  expect(() => space.decode("thin", [Number.NaN])).toThrow("coordinate 0 of the point is NaN");
  expect(() => transfer(space, [1], "thin", towards(origins.wide))).toThrow('"w" is [20], and [12] in the subspace');
  const optimise = (options: object) =>
    result(optimiseInSubspace(space, "thin", first.tuned, targets([[1]]), { optimiser, steps: 1, ...options }));
  await expect(optimise({ subspace: { full: () => true } })).rejects.toThrow('unknown option "subspace"');
  await expect(optimise({ from: [1, 2] })).rejects.toThrow("from: a point has 1 coordinates, got 2");
  await expect(optimise({ from: [Number.NaN] })).rejects.toThrow("coordinate 0 of the point is NaN");
  space.dispose();
  end();
});

test("as many coordinates as tasks are warned of", async () => {
  const { solutions, dispose: end } = planted(2);
  const messages: string[] = [];
  const space = await result(fitSubspace(solutions, { dimension: 3 }), (event) => {
    if (event.type === "warning") messages.push(event.message);
  });
  expect(messages).toEqual([expect.stringContaining("3 coordinates for 2 tasks")]);
  space.dispose();
  end();
});

test("a score relative to one that is not above zero is undefined, the gap is not", () => {
  expect(relativePerformance(0.6, 0.8)).toEqual({ percent: 75, gap: expect.closeTo(-0.2, 9) });
  expect(relativePerformance(0.1, 0)).toEqual({ gap: 0.1 });
  expect(() => relativePerformance(Number.NaN, 1)).toThrow("must be numbers");
});

test.each([
  [
    "has fewer parameters than there are coordinates",
    Array.from({ length: 5 }, (_, i) => [...random(3).at(i).normals(2)]),
  ],
  ["solves all tasks alike", Array.from({ length: 5 }, () => [1, 0.3, 0.7])],
])("a method that %s is decoded as it was, by the shortest coordinates", async (_, values) => {
  const start = vector(values[0]!.map(() => 0));
  const wide = vector(new Array(9).fill(0));
  const trees = values.flatMap((own, i) => [vector(own), vector([...random(4).at(i).normals(9)])]);
  const solutions = trees.map(
    (tree, i): Solution<TargetBatch> => ({
      task: `task ${Math.floor(i / 2)}`,
      method: i % 2 === 0 ? "few" : "wide",
      tuned: towards(tree),
      start: i % 2 === 0 ? start : wide,
    }),
  );
  // All that the tasks differ in fits into as many coordinates.
  const space = await result(fitSubspace(solutions, { dimension: 5 }));
  for (const [task, errors] of space.errors) {
    for (const [method, error] of errors) expect([task, method, error < 1e-5]).toEqual([task, method, true]);
    expect(Math.hypot(...space.coordinates.get(task)!.get("few")!)).toBeLessThan(10);
  }
  space.dispose();
  free(start, wide, ...trees);
});
