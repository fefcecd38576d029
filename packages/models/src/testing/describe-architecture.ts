/**
 * The laws that every architecture keeps, on its tiny model with each of its heads. Read `laws` from top to bottom: each is one
 * test for each head.
 */
import { memory } from "@cambium/base";
import {
  around,
  bitsOf,
  disposeParameters,
  type Hook,
  isQuantised,
  type Kind,
  onWeight,
  type Parameters,
  random,
  type Site,
  valueAndGradients,
} from "@cambium/core";
import {
  add,
  cast,
  dispose,
  gather,
  onesLike,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor3D,
  tensor1d,
  tensor2d,
  tidy,
} from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import type { Architecture, TokenBatch } from "../architecture.ts";
import { createCache } from "../cache.ts";
import { createModel } from "../create.ts";
import { type HeadConfig, type HeadKind, poolOf } from "../head-config.ts";
import type { LanguageModel, LanguageOutput } from "../language-model.ts";
import { storedParameters } from "../layout.ts";
import { loadModel } from "../load.ts";
import { saveModel } from "../save.ts";
import { expectClose } from "./expect-close.ts";
import { checkDerivatives } from "./finite-differences.ts";
import { greedyIds } from "./greedy-ids.ts";
import { disposeFields, tinyBatch, tinyHeads, tinyModel } from "./tiny.ts";

/** The laws by their names in test output. */
export type ArchitectureLaw =
  | "visits the declared sites and no others, in their order"
  | "what leaves a site has its width, what enters a linear one its input, and its weight their shape"
  | "reads the stated parameters and no others"
  | "attention in one piece is attention in pieces, also of fused projections"
  | "a row of a batch is that row alone, whatever pads it"
  | "gradients are those of finite differences"
  | "saving and loading gives the same model"
  | "8 bits are near the model that they were rounded from"
  | "4 bits are the model of its rounded weights"
  | "dropout needs a seed, depends on it alone, and is none at a rate of 0"
  | "with a cache, the last rows alone give what all rows give"
  | "a batch of another form is an error that names it"
  | "a forward pass and a gradient leave only what they return"
  | "a key that does not exist names the nearest";

/** Settings of `describeArchitecture`. */
export interface DescribeArchitectureOptions {
  /** Kinds of heads, and `undefined` for none; those on whole sequences in two forms. @default all that it has, and none */
  readonly heads?: readonly (HeadKind | undefined)[];
  /** Laws that do not hold for it, and why not. @default none */
  readonly skip?: readonly { readonly law: ArchitectureLaw; readonly reason: string }[];
}

/** What a law is given. Everything in it is disposed of after the law. */
interface Bench {
  readonly architecture: Architecture;
  readonly head: HeadConfig | undefined;
  readonly model: LanguageModel;
  readonly batch: TokenBatch;
}

const kinds = Object.keys({
  embed: 0,
  block: 0,
  sublayer: 0,
  linear: 0,
  norm: 0,
  attention: 0,
  pattern: 0,
  activation: 0,
  logits: 0,
} satisfies Record<Kind, 0>) as readonly Kind[];

/** Hooks on everything, which change nothing. */
function watch(
  see: (site: Site, input: unknown, output: unknown) => void,
  before?: (site: Site) => void,
): readonly Hook[] {
  return kinds.map(
    (kind) =>
      around(
        kind as "linear",
        () => true,
        ({ site, input, next }) => {
          before?.(site);
          const output = next(input);
          see(site, input, output);
          return output;
        },
      ) as Hook,
  );
}

const tensorOf = (value: unknown): Tensor =>
  "x" in (value as object) ? (value as { x: Tensor }).x : (value as Tensor);

/** What comes out of the model: scores where there are any, else hidden states. */
const outcome = ({ logits, hidden }: LanguageOutput): Tensor => logits ?? hidden;

/** A batch of one of its rows. The caller owns it. */
function rowOf(batch: TokenBatch, row: number, from: number, length: number): TokenBatch {
  const size = batch.ids.shape[0];
  return Object.fromEntries(
    Object.entries(batch as unknown as Record<string, Tensor>).map(([name, tensor]) => {
      const isOfWords = name === "ids" || name === "mask" || name === "types" || isOfWordLabels(batch, name);
      const begin = tensor.shape.map((_, axis) => (axis === 0 ? row : axis === 1 && isOfWords ? from : 0));
      const extent = tensor.shape.map((all, axis) => (axis === 0 ? 1 : axis === 1 && isOfWords ? length : all));
      return [name, tensor.shape[0] === size ? slice(tensor, begin, extent) : tensor.clone()];
    }),
  ) as unknown as TokenBatch;
}

/** Whether a model must be padded at the end: for its positions, or for its head. */
function readsFirstColumn({ countsPadding, heads }: Architecture, head: HeadConfig | undefined): boolean {
  const pool =
    head === undefined || head.kind === "embedding" ? undefined : (poolOf(head) ?? heads[head.kind]?.pools?.[0]);
  return countsPadding === true || pool === "first";
}

/** The same rows, filled up at their starts. */
function paddedAtStart(batch: TokenBatch): TokenBatch {
  const counts = Array.from(sum(batch.mask, 1).dataSync());
  const move = <T extends Tensor>(x: T): T => {
    const rows = (x.arraySync() as number[][]).map((row, i) => [...row.slice(counts[i]!), ...row.slice(0, counts[i]!)]);
    return tensor2d(rows, undefined, x.dtype as "int32") as unknown as T;
  };
  const { ids, mask, types } = batch;
  return { ...batch, ids: move(ids), mask: move(mask), ...(types !== undefined && { types: move(types) }) };
}

const isOfWordLabels = ({ labels, ids }: TokenBatch, name: string): boolean =>
  name === "labels" && labels!.rank === 2 && labels!.shape[1] === ids.shape[1];

const lossOrSum = (model: LanguageModel, batch: TokenBatch, parameters: Parameters) =>
  model.loss!(batch, { parameters, training: true, random: random(11) });

const laws: Readonly<Record<ArchitectureLaw, (bench: Bench) => void | Promise<void>>> = {
  "visits the declared sites and no others, in their order": ({ model, batch }) => {
    const visited: string[] = [];
    const name = ({ kind, path }: Site): string => `${kind} ${path}`;
    tidy(
      () =>
        void model.forward(batch, {
          hooks: watch(
            () => undefined,
            (site) => visited.push(name(site)),
          ),
        }),
    );
    expect(visited).toEqual(model.sites().map(name));
    expect(new Set(visited).size).toBe(visited.length);
  },

  "what leaves a site has its width, what enters a linear one its input, and its weight their shape": ({
    model,
    batch,
  }) => {
    const seen: unknown[] = [];
    const hooks = watch((site, input, output) => {
      const left = tensorOf(output);
      const width = site.kind === "pattern" ? left.shape[1] : left.shape.at(-1);
      seen.push([site.kind, site.path, width, site.kind === "linear" ? tensorOf(input).shape.at(-1) : undefined]);
    });
    tidy(() => void model.forward(batch, { hooks }));
    const stated = model.sites().map(({ kind, path, width, input }) => [kind, path, width, input]);
    expect(new Map(seen.map((entry) => [String(entry), true]))).toEqual(
      new Map(stated.map((entry) => [String(entry), true])),
    );
    for (const { kind, weight, bias, input, width } of model.sites()) {
      if (kind !== "linear" || weight === undefined) continue;
      const shape = weight.layout === "out,in" ? [width, input] : [input, width];
      expect(model.parameters.get(weight.name)?.shape, weight.name).toEqual(shape);
      if (bias !== undefined) expect(model.parameters.get(bias)?.shape, bias).toEqual([width]);
    }
  },

  "reads the stated parameters and no others": ({ model, batch }) => {
    const read = new Set<string>();
    const spy = onWeight(
      (name) => {
        read.add(name);
        return false;
      },
      (_name, value) => value,
    );
    tidy(() => void model.forward(batch, { hooks: [spy] }));
    const stated = [...storedParameters(model.layout).keys()];
    expect([...read].sort()).toEqual([...stated].sort());
    expect([...model.parameters.keys()].sort()).toEqual([...stated].sort());
  },

  "attention in one piece is attention in pieces, also of fused projections": ({ model, batch }) => {
    tidy(() => {
      const hooks = watch(() => undefined);
      for (const options of [{}, { training: true, random: random(3) }]) {
        const [plain, watched] = [model.forward(batch, options), model.forward(batch, { ...options, hooks })];
        expectClose(outcome(watched), outcome(plain));
      }
    });
  },

  "a row of a batch is that row alone, whatever pads it": ({ architecture, head, model, batch }) => {
    tidy(() => {
      const whole = model.forward(batch);
      const lengths = Array.from(sum(batch.mask, 1).dataSync());
      for (const [i, length] of lengths.entries()) {
        const alone = model.forward(rowOf(batch, i, 0, length));
        const [got, wanted] = [outcome(alone), outcome(whole)];
        const rows = got.rank === 3 ? got.shape[1]! : undefined;
        const cut = slice(
          wanted,
          wanted.shape.map((_, axis) => (axis === 0 ? i : 0)),
          wanted.shape.map((all, axis) => (axis === 0 ? 1 : axis === 1 && rows !== undefined ? rows : all)),
        );
        expectClose(got, cut);
      }
      if (readsFirstColumn(architecture, head)) return;
      const moved = outcome(model.forward(paddedAtStart(batch)));
      const isOfWords = architecture.batch !== "source+target" && moved.rank === 3;
      for (const [i, length] of lengths.entries()) {
        const places = (x: Tensor, from: number): Tensor =>
          isOfWords
            ? slice(x, [i, from, 0], [1, length, -1])
            : slice(
                x,
                x.shape.map((_, axis) => (axis === 0 ? i : 0)),
                x.shape.map((all, axis) => (axis === 0 ? 1 : all)),
              );
        expectClose(places(moved, batch.ids.shape[1] - length), places(outcome(whole), 0));
      }
    });
  },

  "gradients are those of finite differences": ({ model, batch, head }) => {
    if (head === undefined) return expect(model.loss).toBeUndefined();
    const checks = checkDerivatives((q) => lossOrSum(model, batch, q), model.parameters);
    expect(checks).toHaveLength(model.parameters.size);
    // Central differences in float32: rounding below 2e-4, truncation below two hundredths of these derivatives.
    expectClose(
      checks.map(({ difference }) => difference),
      checks.map(({ derivative }) => derivative),
      { absolute: 4e-4, relative: 2e-2 },
    );
  },

  "saving and loading gives the same model": async ({ architecture, model, batch, head }) => {
    const files = memory();
    await saveModel(model, files, { reader: "cambium" });
    const again = await loadModel(files, { architectures: [architecture], ...(head !== undefined && { head }) });
    try {
      expect([again.created, again.unused]).toEqual([[], []]);
      expect([...again.parameters.keys()]).toEqual([...storedParameters(model.layout).keys()]);
      expect(again.headParameters).toEqual(model.headParameters);
      tidy(() =>
        expectClose(outcome(again.forward(batch)), outcome(model.forward(batch)), { relative: 0, absolute: 0 }),
      );
    } finally {
      disposeParameters(again.parameters);
    }
  },

  "8 bits are near the model that they were rounded from": async ({ architecture, model, batch, head }) => {
    const files = memory();
    await saveModel(model, files, { reader: "cambium" });
    const options = { architectures: [architecture], frozen: "int8", ...(head !== undefined && { head }) } as const;
    const rounded = await loadModel(files, options);
    try {
      const inBlocks = model
        .sites()
        .filter(({ kind, layer, weight }) => kind === "linear" && layer !== undefined && weight !== undefined);
      const isRounded = inBlocks.map(({ weight }) => isQuantised(rounded.parameters.get(weight!.name)!));
      expect(isRounded).toEqual(inBlocks.map(() => true));
      tidy(() => {
        const [near, plain] = [outcome(rounded.forward(batch)), outcome(model.forward(batch))];
        const size = (x: Tensor): number => Math.sqrt(sum(square(x)).dataSync()[0]!);
        const error = size(sub(near, plain)) / size(plain);
        expect(error).toBeGreaterThan(0);
        expect(error).toBeLessThan(0.1);
      });
    } finally {
      disposeParameters(rounded.parameters);
    }
  },

  "4 bits are the model of its rounded weights": async ({ architecture, model, batch, head }) => {
    const files = memory();
    await saveModel(model, files, { reader: "cambium" });
    const options = { architectures: [architecture], frozen: "int4", ...(head !== undefined && { head }) } as const;
    const rounded = await loadModel(files, options);
    const floats = new Map([...rounded.parameters].map(([name, tensor]) => [name, tidy(() => add(tensor, 0))]));
    try {
      for (const [name, { eightBit, isTable }] of storedParameters(rounded.layout)) {
        const bits = eightBit !== undefined ? 4 : isTable === true ? 8 : undefined;
        expect([name, bitsOf(rounded.parameters.get(name)!)]).toEqual([name, bits]);
      }
      tidy(() => {
        const [held, plain] = [rounded.forward(batch), rounded.forward(batch, { parameters: floats })];
        expectClose(outcome(held), outcome(plain), { relative: 1e-5, absolute: 1e-5 });
      });
    } finally {
      for (const tree of [rounded.parameters, floats]) disposeParameters(tree);
    }
  },

  "dropout needs a seed, depends on it alone, and is none at a rate of 0": ({ architecture, model, batch, head }) => {
    const without = tinyModel({ type: model.config.model_type, architectures: [architecture], dropout: 0, head });
    tidy(() => {
      const run = (of: LanguageModel, seed: number): Tensor =>
        outcome(of.forward(batch, { training: true, random: random(seed) }));
      expect(() => model.forward(batch, { training: true })).toThrow("random");
      expect(Array.from(run(model, 1).dataSync())).toEqual(Array.from(run(model, 1).dataSync()));
      expect(Array.from(run(model, 1).dataSync())).not.toEqual(Array.from(run(model, 2).dataSync()));
      expectClose(run(without, 1), outcome(without.forward(batch)), { relative: 0, absolute: 0 });
    });
    disposeParameters(without.parameters);
  },

  "with a cache, the last rows alone give what all rows give": async ({ model, batch, head }) => {
    if (head?.kind !== "causal-lm" && head?.kind !== "sequence-to-sequence") return;
    const { labels: _, ...source } = batch;
    const isTarget = head.kind === "sequence-to-sequence";
    const input = isTarget
      ? { ...source, targetIds: tidy(() => slice(batch.labels!, [0, 0], [-1, 1])) as TokenBatch["ids"] }
      : source;
    const plain = await greedyIds(model, input, { maxTokens: 5, cache: false });
    expect(await greedyIds(model, input, { maxTokens: 5, cache: true })).toEqual(plain);
    await forkedAndReordered(model, input, isTarget);
    if (isTarget) dispose((input as { targetIds: Tensor }).targetIds);
  },

  "a batch of another form is an error that names it": ({ model, batch }) => {
    tidy(() => {
      const floats = cast(batch.ids, "float32");
      expect(() => model.forward({ ...batch, ids: floats as TokenBatch["ids"] })).toThrow("ids must be int32");
      const narrow = slice(batch.mask, [0, 0], [-1, 2]);
      expect(() => model.forward({ ...batch, mask: narrow })).toThrow("mask must be float32");
    });
  },

  "a forward pass and a gradient leave only what they return": ({ model, batch, head }) => {
    const held = new Set(Object.values(batch));
    const output = model.forward(batch);
    for (const field of Object.values(output)) expect(held.has(field as Tensor)).toBe(false);
    disposeFields(output);
    if (head === undefined) return;
    const { value, gradients } = valueAndGradients((q) => lossOrSum(model, batch, q), model.parameters);
    dispose([value, ...gradients.values()]);
    expect([...Object.values(batch), ...model.parameters.values()].every(({ isDisposed }) => !isDisposed)).toBe(true);
  },

  "a key that does not exist names the nearest": ({ architecture }) => {
    const config = { ...architecture.tiny(0), vocab_sise: 3 };
    expect(() => createModel(config, random(1), { architectures: [architecture] })).toThrow('is "vocab_size" meant?');
  },
};

/** A prefix is read once; a copy goes another way and changes nothing for the first, and a reordered one follows its rows. */
async function forkedAndReordered(model: LanguageModel, batch: TokenBatch, isTarget: boolean): Promise<void> {
  const cache = createCache({ capacity: 2 });
  const first = model.forward(batch, { cache });
  await cache.append(first);
  const word = (rows: readonly number[]): TokenBatch =>
    tidy(() => {
      const ids = slice(batch.ids, [0, 0], [-1, 1]);
      const picked = gather(ids, tensor1d([...rows], "int32")) as TokenBatch["ids"];
      const mask = cast(onesLike(picked), "float32") as TokenBatch["mask"];
      if (!isTarget) return { ids: picked, mask };
      return { ids: picked, mask, targetIds: picked.clone() };
    });
  const rows = [0, 1, 2];
  const fork = cache.fork();
  const order = [2, 0, 2];
  const moved = cache.reorder(order);
  const inputs = [word(rows), word(rows), word(order)];
  const outputs = [cache, fork, moved].map((each, i) => model.forward(inputs[i]!, { cache: each }));
  await fork.append(outputs[1]!);
  const again = model.forward(inputs[0]!, { cache });
  tidy(() => {
    const [plain, forked, reordered, later] = [...outputs, again].map(({ logits }) => logits as Tensor3D);
    expectClose(forked!, plain!, { relative: 0, absolute: 0 });
    expectClose(later!, plain!, { relative: 0, absolute: 0 });
    expectClose(reordered!, gather(plain!, tensor1d(order, "int32")));
  });
  for (const fields of [first, again, ...outputs, ...inputs]) disposeFields(fields);
  for (const each of [cache, fork, moved]) each.dispose();
}

/** The usual head of a kind, and one that gives several numbers from other rows. */
function headsOf({ heads }: Architecture, kind: HeadKind): readonly HeadConfig[] {
  const [, pool] = heads[kind]?.pools ?? [];
  const more = pool === undefined ? {} : { pool };
  if (kind === "sequence-classification")
    return [tinyHeads[kind], { kind, labels: ["red", "round", "ripe", "rare"], multiLabel: true, ...more }];
  if (kind === "regression") return [tinyHeads[kind], { kind, outputs: ["height", "weight"], ...more }];
  return [tinyHeads[kind]];
}

function titleOf(head: HeadConfig | undefined): string {
  const isPlain = head === undefined || head === tinyHeads[head.kind];
  return isPlain ? (head?.kind ?? "no") : JSON.stringify(head);
}

/**
 * Runs every law on an architecture's tiny model, without a head and with each that it has.
 *
 * @example
 * describeArchitecture(asArchitecture(gpt2));
 */
export function describeArchitecture(architecture: Architecture, options: DescribeArchitectureOptions = {}): void {
  const { heads = [undefined, ...(Object.keys(architecture.heads) as HeadKind[])], skip = [] } = options;
  const tops = heads.flatMap((kind): readonly { readonly head?: HeadConfig }[] =>
    kind === undefined ? [{}] : headsOf(architecture, kind).map((head) => ({ head })),
  );
  describe.each(tops.map(({ head }) => [titleOf(head), head] as const))("%s head", (_, head) => {
    for (const [law, check] of Object.entries(laws)) {
      const reason = skip.find((exception) => exception.law === law)?.reason;
      if (reason !== undefined) {
        test.skip(`${law} (not here: ${reason})`, () => {});
        continue;
      }
      test(law, async () => {
        const model = tinyModel({ type: architecture.types[0]!, architectures: [architecture], head });
        const batch = tinyBatch(model);
        try {
          await check({ architecture, head, model, batch });
        } finally {
          disposeParameters(model.parameters);
          disposeFields(batch);
        }
      });
    }
  });
}
