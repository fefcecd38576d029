/**
 * The laws that every delta method keeps, on a tiny encoder. Read `laws` from top to bottom: each is one test for each
 * configuration. The delta package is passed in, because this package may not import it.
 */
import { type Files, memory } from "@cambium/base";
import {
  around,
  countParameters,
  disposeParameters,
  type ForwardOptions,
  type Hook,
  type Kind,
  mapParameters,
  type Parameters,
  type Random,
  random,
  valueAndGradients,
} from "@cambium/core";
import type { LanguageModel, LanguageOutput, TokenBatch } from "@cambium/models";
import { checkDerivatives, disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { abs, add, max, mul, type Scalar, type Tensor, memory as tensorMemory, tidy } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import "./matchers.ts";

/** A delta, as far as the laws look at it. */
export interface DeltaSubject {
  readonly kind: string;
  readonly name: string;
  readonly config: unknown;
  readonly parameters: Parameters;
  /** The change at any point. */
  hooks(parameters: Parameters): readonly Hook[];
  /** The same as changed weights, where there are such. */
  merge?(base: Parameters, parameters: Parameters): Parameters;
  /** Added to the loss. */
  penalty?(parameters: Parameters): Scalar;
}

/** A model with deltas, as far as the laws look at it. */
export interface TunedSubject {
  readonly base: LanguageModel;
  readonly deltas: readonly DeltaSubject[];
  readonly parameters: Parameters;
  /** The base's forward pass with the deltas in place. */
  forward(input: TokenBatch, options?: ForwardOptions): LanguageOutput;
  /** Mean loss of a batch. */
  loss(parameters: Parameters, batch: TokenBatch, context: { random: Random; training: boolean }): Scalar;
  /** The same at another point. */
  with(parameters: Parameters): TunedSubject;
}

/** A method under test. */
export type DeltaFactory<Options> = (model: LanguageModel, options: Options, random: Random) => DeltaSubject;

/** What the delta package does with any method: pass its exports. */
export interface DeltaLibrary {
  /** Joins deltas to a model. */
  attach(model: LanguageModel, ...deltas: readonly DeltaSubject[]): TunedSubject;
  /** The same delta under another name. */
  named(name: string, delta: DeltaSubject): DeltaSubject;
  /** A plain model with the deltas in its weights. */
  merge(tuned: TunedSubject): LanguageModel;
  /** Writes the deltas into a folder. */
  saveAdapter(tuned: TunedSubject, target: Files): Promise<unknown>;
  /** Reads them back. */
  loadAdapter(
    model: LanguageModel,
    source: Files,
    options: { readonly methods: Readonly<Record<string, DeltaFactory<never>>> },
  ): Promise<DeltaSubject>;
}

/** One configuration of a method. */
export interface DeltaCase<Options> {
  readonly title: string;
  readonly options: Options;
  /** Trainable scalars on `tinyModel()`, by the method's formula. */
  readonly count: number;
}

/** The laws by their names in test output. */
export type DeltaLaw =
  | "starts as the base model, to the bit"
  | "trains exactly the stated number of scalars"
  | "a gradient reaches every trained tensor"
  | "gradients are those of finite differences"
  | "its config as JSON makes the same delta again"
  | "visits the declared sites and no others"
  | "is a pure function of its parameters"
  | "merging does what applying does, or is refused"
  | "files bring back equal predictions"
  | "two of it on one model act together"
  | "a training run lowers the loss and leaves the base alone"
  | "a forward pass and a gradient leave only what they return";

/** Settings of `describeDeltaMethod`. */
export interface DescribeDeltaMethodOptions<Options> {
  readonly library: DeltaLibrary;
  readonly configs: readonly DeltaCase<Options>[];
  /** Laws that do not hold for this method, and why not. @default none */
  readonly skip?: readonly { readonly law: DeltaLaw; readonly reason: string }[];
  /** Parameters that truly have no gradient; the suite checks that they have none. @default none */
  readonly withoutGradient?: { readonly names: RegExp; readonly reason: string };
}

/** What a law is given. Everything in it is disposed of after the law. */
interface Bench {
  readonly library: DeltaLibrary;
  readonly make: DeltaFactory<unknown>;
  readonly model: LanguageModel;
  readonly batch: TokenBatch;
  readonly options: unknown;
  readonly count: number;
  readonly delta: DeltaSubject;
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
  tuned: TunedSubject,
  body: (moved: TunedSubject) => Result | Promise<Result>,
  seed?: number,
): Promise<Result> {
  const parameters = perturb(tuned.parameters, seed);
  try {
    return await body(tuned.with(parameters));
  } finally {
    disposeParameters(parameters);
  }
}

const largest = (tensor: Tensor): number => tidy(() => max(abs(tensor)).dataSync()[0]!);

const valuesOf = (parameters: Parameters): Map<string, number[]> =>
  new Map([...parameters].map(([name, tensor]) => [name, Array.from(tensor.dataSync())]));

const laws: Readonly<Record<DeltaLaw, (bench: Bench) => void | Promise<void>>> = {
  "starts as the base model, to the bit": ({ library, model, batch, delta }: Bench) => {
    expect(logitsOf(library.attach(model, delta), batch)).toEqual(logitsOf(model, batch));
  },

  "trains exactly the stated number of scalars": ({ delta, count }: Bench) => {
    expect(countParameters(delta.parameters)).toBe(count);
  },

  "a gradient reaches every trained tensor": ({ library, model, batch, delta, withoutGradient }: Bench) =>
    atPerturbed(library.attach(model, delta), (tuned) => {
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

  "gradients are those of finite differences": ({ library, model, batch, delta }: Bench) =>
    atPerturbed(library.attach(model, delta), (tuned) => {
      const checks = checkDerivatives((q) => tuned.loss(q, batch, context), tuned.parameters);
      // Central differences in float32: rounding below 1e-4, truncation below a hundredth of these derivatives.
      expect(checks.map(({ difference }) => difference)).toBeAllClose(
        checks.map(({ derivative }) => derivative),
        { absolute: 2e-4, relative: 2e-2 },
      );
    }),

  "its config as JSON makes the same delta again": ({ make, model, options, delta }: Bench) => {
    const again = make(model, JSON.parse(JSON.stringify(delta.config)), random(3));
    const twin = make(model, options, random(3));
    try {
      expect(again.config).toEqual(delta.config);
      expect(valuesOf(again.parameters)).toEqual(valuesOf(twin.parameters));
      expect(valuesOf(again.parameters)).toEqual(valuesOf(delta.parameters));
    } finally {
      disposeParameters(again.parameters);
      disposeParameters(twin.parameters);
    }
  },

  "visits the declared sites and no others": ({ library, model, batch, delta }: Bench) => {
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
    logitsOf(library.attach(model, delta), batch, { hooks: spies });
    expect([...visited].sort()).toEqual(
      model
        .sites()
        .map((site) => `${site.kind} ${site.path}`)
        .sort(),
    );
  },

  "is a pure function of its parameters": ({ library, model, batch, delta }: Bench) =>
    atPerturbed(library.attach(model, delta), (moved) => {
      const start = logitsOf(library.attach(model, delta), batch);
      const there = logitsOf(moved, batch);
      expect(there).not.toEqual(start);
      expect(logitsOf(moved, batch)).toEqual(there);
      expect(logitsOf(library.attach(model, delta), batch, { parameters: moved.parameters })).toEqual(there);
      expect(logitsOf(library.attach(model, delta), batch)).toEqual(start);
    }),

  "merging does what applying does, or is refused": ({ library, model, batch, delta }: Bench) =>
    atPerturbed(library.attach(model, delta), (tuned) => {
      if (delta.merge === undefined) {
        expect(() => library.merge(tuned)).toThrow(expect.objectContaining({ code: "CONFIG" }));
        expect(() => library.merge(tuned)).toThrow(`"${delta.name}"`);
        return;
      }
      const before = valuesOf(model.parameters);
      const merged = library.merge(tuned);
      try {
        // Sums in another order: a few units in the last place of logits of order one.
        expect(logitsOf(merged, batch)).toBeAllClose(logitsOf(tuned, batch), { absolute: 1e-5, relative: 1e-5 });
        expect([...merged.parameters.keys()]).toEqual([...model.parameters.keys()]);
      } finally {
        disposeParameters(merged.parameters);
      }
      expect(valuesOf(model.parameters)).toEqual(before);
    }),

  "files bring back equal predictions": ({ library, make, model, batch, delta }: Bench) =>
    atPerturbed(library.attach(model, delta), async (tuned) => {
      const files = memory();
      await library.saveAdapter(tuned, files);
      const loaded = await library.loadAdapter(model, files, {
        methods: { [delta.kind]: make as DeltaFactory<never> },
      });
      try {
        expect(logitsOf(library.attach(model, loaded), batch)).toEqual(logitsOf(tuned, batch));
        expect(countParameters(loaded.parameters)).toBe(countParameters(delta.parameters));
      } finally {
        disposeParameters(loaded.parameters);
      }
    }),

  "two of it on one model act together": async ({ library, make, model, options, batch, delta }: Bench) => {
    const other = make(model, options, random(4));
    const both = library.attach(model, library.named("one", delta), library.named("two", other));
    expect(() => library.attach(model, delta, other)).toThrow(expect.objectContaining({ code: "CONFIG" }));
    expect([...both.parameters.keys()]).toEqual(
      ["one", "two"].flatMap((name) => [...delta.parameters.keys()].map((key) => `${name}/${key}`)),
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
    disposeParameters(other.parameters);
  },

  "a training run lowers the loss and leaves the base alone": ({ library, model, batch, delta }: Bench) => {
    const tuned = library.attach(model, delta);
    const before = valuesOf(model.parameters);
    const lossAt = (parameters: Parameters): number =>
      tidy(() => tuned.loss(parameters, batch, { ...context, training: false }).dataSync()[0]!);
    let parameters: Parameters = mapParameters(tuned.parameters, (value) => value.clone());
    for (let step = 0; step < 20; step++) {
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
    const [start, end] = [lossAt(tuned.parameters), lossAt(parameters)];
    disposeParameters(parameters);
    expect(end).toBeLessThan(0.95 * start);
    expect(valuesOf(model.parameters)).toEqual(before);
  },

  "a forward pass and a gradient leave only what they return": ({ library, model, batch, delta }: Bench) => {
    const before = tensorMemory().numTensors;
    const tuned = library.attach(model, delta);
    const output = tuned.forward(batch);
    const { value, gradients } = valueAndGradients((q) => tuned.loss(q, batch, context), tuned.parameters);
    expect(tensorMemory().numTensors - before).toBe(
      Object.values(output).filter((field) => typeof field === "object").length + 1 + gradients.size,
    );
    disposeFields(output);
    disposeFields({ value, ...Object.fromEntries(gradients) });
  },
};

/**
 * Runs every law on every configuration of a delta method.
 *
 * @param make - The method: `(model, options, random) => delta`.
 * @example
 * describeDeltaMethod(lora, { library: delta, configs: [{ title: "defaults", options: {}, count: 512 }] });
 */
export function describeDeltaMethod<Options>(
  make: DeltaFactory<Options>,
  { library, configs, skip = [], withoutGradient }: DescribeDeltaMethodOptions<Options>,
): void {
  describe.each(configs.map((config) => [config.title, config] as const))("%s", (_, { options, count }) => {
    for (const [law, check] of Object.entries(laws)) {
      const reason = skip.find((exception) => exception.law === law)?.reason;
      if (reason !== undefined) {
        test.skip(`${law} (not here: ${reason})`, () => {});
        continue;
      }
      test(law, async () => {
        const model = tinyModel();
        const batch = tinyBatch(model);
        const delta = make(model, options, random(3));
        try {
          await check({
            library,
            make: make as DeltaFactory<unknown>,
            model,
            batch,
            options,
            count,
            delta,
            withoutGradient: withoutGradient?.names,
          });
        } finally {
          disposeParameters(delta.parameters);
          disposeParameters(model.parameters);
          disposeFields(batch);
        }
      });
    }
  });
}
