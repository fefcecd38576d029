/** The laws that every delta method keeps. Read them from top to bottom: each is one test for each configuration. */
import { memory } from "@cambium/base";
import {
  around,
  countParameters,
  disposeParameters,
  type ForwardOptions,
  type Hook,
  type Kind,
  mapParameters,
  type Parameters,
  random,
  valueAndGradients,
} from "@cambium/core";
import { type ConfigInput, type LanguageModel, type ModelConfig, modelLayout, type TokenBatch } from "@cambium/models";
import { checkDerivatives, disposeFields } from "@cambium/models/testing";
import { abs, add, max, mul, type Tensor, memory as tensorMemory, tidy } from "@tensorflow/tfjs-core";
import { expect } from "vitest";
import { attach, type Tuned } from "../attach.ts";
import { type Delta, named } from "../delta.ts";
import { describeTargets } from "../describe.ts";
import { loadAdapter } from "../files/load-adapter.ts";
import { saveAdapter } from "../files/save-adapter.ts";
import { activate, deactivate, rename, swap } from "../lifecycle.ts";
import { merge } from "../merge.ts";
import type { Method } from "../method.ts";
import * as builtIn from "../methods/index.ts";
import { scaled } from "../scaled.ts";
import { expectClose } from "./expect-close.ts";

/** What a law is given. Everything in it is disposed of after the law. */
export interface Bench {
  readonly method: Method;
  readonly model: LanguageModel;
  readonly batch: TokenBatch;
  readonly options: unknown;
  /** Absent on architectures for which no count is stated. */
  readonly count: number | undefined;
  readonly delta: Delta;
  readonly withoutGradient: RegExp | undefined;
}

/** Largest gradient of a tensor that counts as none, as a fraction of the largest of all: float32 noise is near 1e-7. */
const NO_GRADIENT = 1e-5;

const context = { random: random(11), training: true };

function logitsOf(model: Pick<LanguageModel, "forward">, batch: TokenBatch, options?: ForwardOptions): number[] {
  return tidy(() => Array.from(model.forward(batch, options).logits!.dataSync()));
}

/** The same names at values away from the start, where zeros hide no gradient. The caller owns them. */
function perturb(parameters: Parameters, seed = 5): Map<string, Tensor> {
  return mapParameters(parameters, (value, name) =>
    tidy(() => add(value, mul(random(seed).at(name).normal(value.shape), 0.2))),
  );
}

/** Runs `body` with parameters away from the start, and disposes of them. */
async function atPerturbed<Result>(
  tuned: Tuned<LanguageModel>,
  body: (moved: Tuned<LanguageModel>) => Result | Promise<Result>,
): Promise<Result> {
  const parameters = perturb(tuned.parameters);
  try {
    return await body(tuned.with(parameters));
  } finally {
    disposeParameters(parameters);
  }
}

/** Disposes of all tensors of deltas. */
export function disposeDelta({ parameters, buffers, state }: Pick<Delta, "parameters" | "buffers" | "state">): void {
  for (const tree of [parameters, buffers, state]) disposeParameters(tree);
}

const largest = (tensor: Tensor): number => tidy(() => max(abs(tensor)).dataSync()[0]!);

const valuesOf = (...trees: readonly Parameters[]): Map<string, number[]> =>
  new Map(trees.flatMap((tree) => [...tree].map(([name, tensor]) => [name, Array.from(tensor.dataSync())])));

const treesOf = ({ parameters, buffers, state }: Delta): Map<string, number[]> => valuesOf(parameters, buffers, state);

/** The laws by their names in test output. */
export type DeltaLaw =
  | "starts as the base model, to the bit"
  | "trains exactly the stated number of scalars, which is told without a tensor"
  | "a gradient reaches every trained tensor"
  | "gradients are those of finite differences"
  | "its config as JSON makes the same delta again"
  | "visits the declared sites and no others"
  | "is a pure function of its parameters"
  | "merging does what applying does, or is refused"
  | "files bring back equal predictions"
  | "files do not take it before it is trained"
  | "on another base of equal weights it does the same"
  | "two of it on one model act together"
  | "inactive it does nothing, and active again what it did"
  | "scaled to nothing it is the base, and merged it does what it does scaled"
  | "a training run lowers the loss and leaves the base alone"
  | "a forward pass and a gradient leave only what they return";

/** Tensors that stand for all: one of those that differ in layer and stack alone, now an early one, now a late one, and six at most. */
function sampleOf(names: readonly string[]): readonly string[] {
  const alike = new Map<string, string[]>();
  for (const name of names) {
    const key = name.replace(/\d+/g, "").replace(/encoder|decoder/, "");
    alike.set(key, [...(alike.get(key) ?? []), name]);
  }
  const chosen = [...alike.values()].map((group, i) => group[(i * 5) % group.length]!);
  const stride = Math.max(1, chosen.length / 6);
  return Array.from({ length: Math.min(6, chosen.length) }, (_, i) => chosen[Math.floor(i * stride)]!);
}

/** Every law by its name. */
export const laws: Readonly<Record<DeltaLaw, (bench: Bench) => void | Promise<void>>> = {
  "starts as the base model, to the bit": ({ model, batch, delta }) => {
    expect(logitsOf(attach(model, delta), batch)).toEqual(logitsOf(model, batch));
  },

  "trains exactly the stated number of scalars, which is told without a tensor": (bench) => {
    const { method, model, options, delta, count } = bench;
    expect(countParameters(delta.parameters)).toBe(count);
    const before = tensorMemory().numTensors;
    const head = model.head === undefined ? {} : { head: model.head };
    const config = model.config as ConfigInput & ModelConfig;
    const layout = modelLayout(config, { ...head, architectures: [model.architecture] });
    expect(describeTargets(layout, method, options as never, random(3)).trained).toBe(count);
    expect(tensorMemory().numTensors).toBe(before);
  },

  "a gradient reaches every trained tensor": ({ model, batch, delta, withoutGradient }) =>
    atPerturbed(attach(model, delta), (tuned) => {
      const { value, gradients, unreached } = valueAndGradients((q) => tuned.loss(q, batch, context), tuned.parameters);
      const sizes = new Map([...gradients].map(([name, gradient]) => [name, largest(gradient)]));
      value.dispose();
      disposeParameters(gradients);
      const threshold = NO_GRADIENT * Math.max(...sizes.values());
      const without = [...sizes].filter(([, size]) => size <= threshold).map(([name]) => name);
      const expected = [...sizes.keys()].filter((name) => withoutGradient?.test(name));
      expect(without).toEqual(expected);
      expect(expected).toEqual(expect.arrayContaining([...unreached]));
    }),

  "gradients are those of finite differences": ({ model, batch, delta, count }) =>
    atPerturbed(attach(model, delta), (tuned) => {
      const names = [...tuned.parameters.keys()];
      const some = count === undefined ? sampleOf(names) : names;
      const checks = checkDerivatives((q) => tuned.loss(q, batch, context), tuned.parameters, 0.0025, some);
      // Central differences in float32: rounding near 1e-4, truncation (a quarter for half the step) below a hundredth of these derivatives.
      expectClose(
        checks.map(({ difference }) => difference),
        checks.map(({ derivative }) => derivative),
        { absolute: 2e-4, relative: 2e-2 },
      );
    }),

  "its config as JSON makes the same delta again": ({ method, model, options, delta }) => {
    const again = method(model, JSON.parse(JSON.stringify(delta.config)) as never, random(3));
    const twin = method(model, options as never, random(3));
    try {
      expect(again.config).toEqual(delta.config);
      expect(treesOf(again)).toEqual(treesOf(twin));
      expect(treesOf(again)).toEqual(treesOf(delta));
    } finally {
      disposeDelta(again);
      disposeDelta(twin);
    }
  },

  "visits the declared sites and no others": ({ model, batch, delta }) => {
    const visited = new Set<string>();
    const kinds = [...new Set(model.sites().map((site) => site.kind))];
    const spies = kinds.map((kind) =>
      around(
        kind as Kind,
        () => true,
        ({ site, input, next }) => {
          visited.add(`${site.kind} ${site.path}`);
          return next(input);
        },
      ),
    ) as readonly Hook[];
    logitsOf(attach(model, delta), batch, { hooks: spies });
    expect([...visited].sort()).toEqual(
      model
        .sites()
        .map((site) => `${site.kind} ${site.path}`)
        .sort(),
    );
  },

  "is a pure function of its parameters": ({ model, batch, delta }) =>
    atPerturbed(attach(model, delta), (moved) => {
      const start = logitsOf(attach(model, delta), batch);
      const there = logitsOf(moved, batch);
      expect(there).not.toEqual(start);
      expect(logitsOf(moved, batch)).toEqual(there);
      expect(logitsOf(attach(model, delta), batch, { parameters: moved.parameters })).toEqual(there);
      expect(logitsOf(attach(model, delta), batch)).toEqual(start);
    }),

  "merging does what applying does, or is refused": ({ model, batch, delta }) =>
    atPerturbed(attach(model, delta), (tuned) => {
      if (delta.merge === undefined) {
        expect(() => merge(tuned)).toThrow(expect.objectContaining({ code: "CONFIG" }));
        expect(() => merge(tuned)).toThrow(`"${delta.name}"`);
        return;
      }
      const before = valuesOf(model.parameters);
      const merged = merge(tuned);
      try {
        // Sums in another order: a few units in the last place of logits of order one.
        expectClose(logitsOf(merged, batch), logitsOf(tuned, batch), { absolute: 1e-5, relative: 1e-5 });
        expect([...merged.parameters.keys()]).toEqual([...model.parameters.keys()]);
      } finally {
        disposeParameters(merged.parameters);
      }
      expect(valuesOf(model.parameters)).toEqual(before);
    }),

  "files bring back equal predictions": ({ method, model, batch, delta }) =>
    atPerturbed(attach(model, delta), async (tuned) => {
      const files = memory();
      await saveAdapter(tuned, files);
      const loaded = await loadAdapter(model, files, { methods: { ...builtIn, [delta.kind]: method } });
      try {
        expect(logitsOf(attach(model, loaded), batch)).toEqual(logitsOf(tuned, batch));
        expect(countParameters(loaded.parameters)).toBe(countParameters(delta.parameters));
      } finally {
        disposeDelta(loaded);
      }
    }),

  "files do not take it before it is trained": async ({ model, delta }) => {
    await expect(saveAdapter(attach(model, delta), memory())).rejects.toMatchObject({ code: "STATE" });
  },

  "on another base of equal weights it does the same": ({ model, batch, delta }) =>
    atPerturbed(attach(model, delta), (tuned) => {
      const moved = tuned.on({ ...model });
      expect(logitsOf(moved, batch)).toEqual(logitsOf(tuned, batch));
      for (const [name, tensor] of moved.parameters) if (tensor !== tuned.parameters.get(name)) tensor.dispose();
    }),

  "two of it on one model act together": async ({ method, model, options, batch, delta }) => {
    const other = method(model, options as never, random(4));
    const both = attach(model, named("one", delta), named("two", other));
    expect(() => attach(model, delta, other)).toThrow(expect.objectContaining({ code: "CONFIG" }));
    expect([...both.parameters.keys()]).toEqual(
      [named("one", delta), named("two", other)].flatMap(({ name, parameters }) =>
        [...parameters.keys()].map((key) => `${name}/${key}`),
      ),
    );
    await atPerturbed(both, (moved) => {
      const together = logitsOf(moved, batch);
      for (const name of ["one", "two"]) {
        const without = new Map(
          [...moved.parameters].map(([key, value]) => [key, key.startsWith(name) ? both.parameters.get(key)! : value]),
        );
        expect(logitsOf(both.with(without), batch)).not.toEqual(together);
      }
    });
    disposeDelta(other);
  },

  "inactive it does nothing, and active again what it did": ({ model, batch, delta }) =>
    atPerturbed(attach(model, delta), (tuned) => {
      const waiting = deactivate(tuned);
      expect(logitsOf(waiting, batch)).toEqual(logitsOf(model, batch));
      expect(waiting.parameters.size).toBe(0);
      const other = rename(waiting, delta.name, "other");
      expect(logitsOf(activate(other, "other"), batch)).toEqual(logitsOf(tuned, batch));
      expect(logitsOf(swap(tuned, delta.name, tuned.deltas[0]!), batch)).toEqual(logitsOf(tuned, batch));
    }),

  "scaled to nothing it is the base, and merged it does what it does scaled": ({ model, batch, delta }) =>
    atPerturbed(attach(model, delta), (tuned) => {
      const [moved] = tuned.deltas as [Delta];
      const putsRows = moved.hooks(moved).some(({ kind }) => kind === "embed" || kind === "attention");
      if (putsRows && moved.merge === undefined) {
        expect(() => scaled(moved, 0.5)).toThrow(expect.objectContaining({ code: "CONFIG" }));
        return;
      }
      expect(logitsOf(attach(model, scaled(moved, 0)), batch)).toEqual(logitsOf(model, batch));
      expect(logitsOf(attach(model, scaled(moved, 1)), batch)).toEqual(logitsOf(tuned, batch));
      const half = attach(model, scaled(moved, 0.5));
      expect(logitsOf(half, batch)).not.toEqual(logitsOf(tuned, batch));
      if (moved.merge === undefined) return;
      const merged = merge(half);
      try {
        // Sums in another order: a few units in the last place of logits of order one.
        expectClose(logitsOf(merged, batch), logitsOf(half, batch), { absolute: 1e-5, relative: 1e-5 });
      } finally {
        disposeParameters(merged.parameters);
      }
    }),

  "a training run lowers the loss and leaves the base alone": ({ model, batch, delta }) => {
    const tuned = attach(model, delta);
    const before = valuesOf(model.parameters);
    const lossAt = (parameters: Parameters): number =>
      tidy(() => tuned.loss(parameters, batch, { ...context, training: false }).dataSync()[0]!);
    const start = lossAt(tuned.parameters);
    let parameters: Parameters = mapParameters(tuned.parameters, (value) => value.clone());
    for (let step = 0; step < 20 && lossAt(parameters) >= 0.95 * start; step++) {
      const { value, gradients } = valueAndGradients(
        (q) => tuned.loss(q, batch, { ...context, training: false }),
        parameters,
      );
      value.dispose();
      const moved = mapParameters(parameters, (point, name) => {
        const gradient = gradients.get(name)!;
        const scale = -0.02 / (largest(gradient) + 1e-8);
        return tidy(() => add(point, mul(gradient, scale)));
      });
      disposeParameters(parameters);
      disposeParameters(gradients);
      parameters = moved;
    }
    const end = lossAt(parameters);
    disposeParameters(parameters);
    expect(end).toBeLessThan(0.95 * start);
    expect(valuesOf(model.parameters)).toEqual(before);
  },

  "a forward pass and a gradient leave only what they return": ({ model, batch, delta }) => {
    const before = tensorMemory().numTensors;
    const tuned = attach(model, delta);
    const output = tuned.forward(batch);
    const { value, gradients } = valueAndGradients((q) => tuned.loss(q, batch, context), tuned.parameters);
    expect(tensorMemory().numTensors - before).toBe(
      Object.values(output).filter((field) => typeof field === "object").length + 1 + gradients.size,
    );
    disposeFields(output);
    disposeFields({ value, ...Object.fromEntries(gradients) });
  },
};
