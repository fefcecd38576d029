/**
 * A toy encoder of two layers with 64 neurons each, in which it is known which neurons do what.
 *
 * Conditions are tokens. Each has a value of two attributes, A and B. Eight neurons of the second layer hold A, with noise, eight
 * others B, the rest noise that nobody reads. Each neuron of the first layer carries a part of a constant that both answers need, so
 * that damage there hurts every task: the first layer is generically important, and specific to nothing.
 */
import { createScope, type Runnable, random, type Site } from "@cambium/core";
import type { LanguageOutput, TokenBatch } from "@cambium/models";
import {
  add,
  clone,
  concat,
  gather,
  matMul,
  mul,
  ones,
  reshape,
  slice,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tensor2d,
  tidy,
} from "@tensorflow/tfjs-core";

export const WIDTH = 64;
/** Units of the second layer. */
export const HOLDERS = { a: [3, 9, 17, 22, 31, 40, 52, 60], b: [1, 8, 15, 27, 33, 46, 50, 63] } as const;

const site = (kind: Site["kind"], path: string, role: string, layer?: number, width = WIDTH): Site => ({
  kind,
  path,
  role,
  width,
  ...(layer !== undefined && { layer }),
});

const sites: readonly Site[] = [
  site("block", "layer.0", "block", 0),
  site("activation", "layer.0.act", "ff.act", 0),
  site("block", "layer.1", "block", 1),
  site("activation", "layer.1.act", "ff.act", 1),
  site("logits", "logits", "logits", undefined, 2),
];

/** The toy, and the values of its conditions. */
export interface Planted {
  readonly model: Runnable<TokenBatch, LanguageOutput>;
  readonly values: { readonly a: Float64Array; readonly b: Float64Array };
}

/** @param weight - Of the constant that the first layer carries, in deviations of an attribute. */
export function planted(count: number, seed = 1, weight = 4): Planted {
  const key = random(seed);
  const values = { a: key.at("a").normals(count), b: key.at("b").normals(count) };
  // What the second layer's neurons read of each condition, [conditions, 64].
  const noise = key.at("noise").normals(count * WIDTH);
  const second = Float32Array.from({ length: count * WIDTH }, (_, i) => {
    const [condition, unit] = [Math.floor(i / WIDTH), i % WIDTH];
    const a = (HOLDERS.a as readonly number[]).includes(unit);
    const b = (HOLDERS.b as readonly number[]).includes(unit);
    if (!a && !b) return noise[i]!;
    return values[a ? "a" : "b"][condition]! + 0.25 * noise[i]!;
  });
  const readers = (units: readonly number[]): number[] =>
    Array.from({ length: WIDTH }, (_, unit) => (units.includes(unit) ? 1 / units.length : 0));
  const model: Runnable<TokenBatch, LanguageOutput> = {
    config: {},
    sites: () => sites,
    forward: (batch, { hooks = [] } = {}) =>
      tidy(() => {
        const scope = createScope(new Map(), { hooks, training: false, random: random(0), sites });
        const [rows] = batch.ids.shape;
        const start = ones([rows, 1, WIDTH]) as Tensor3D;
        const table = tensor2d(second, [count, WIDTH]);
        const first = scope.call("block", "layer.0", start, (x) =>
          scope.call("activation", "layer.0.act", x, (y) => y),
        );
        const last = scope.call("block", "layer.1", first, (x) => {
          const words = reshape(gather(table, reshape(batch.ids, [rows])), [rows, 1, WIDTH]) as Tensor3D;
          return concat([x, scope.call("activation", "layer.1.act", words, (y) => y)], 2) as Tensor3D;
        });
        const flat = reshape(last, [rows, 2 * WIDTH]) as Tensor2D;
        const constant = mul(sum(slice(flat, [0, 0], [rows, WIDTH]), 1, true), weight / WIDTH);
        const held = matMul(
          slice(flat, [0, WIDTH], [rows, WIDTH]) as Tensor2D,
          tensor2d([readers(HOLDERS.a), readers(HOLDERS.b)]),
          false,
          true,
        );
        const logits = scope.call("logits", "logits", add(add(held, constant), -weight) as Tensor, (x) => x);
        return { hidden: last, mask: clone(batch.mask), extra: 0, logits } as LanguageOutput;
      }),
  };
  return { model, values };
}
