/** Whether corresponding heads of two models attend alike. Sums stream over batches; no map is kept. */
import { ConfigError, checkOptions, ShapeError } from "@cambium/base";
import { compile, type Runnable } from "@cambium/core";
import { capture, type LanguageOutput, type TokenBatch } from "@cambium/models";
import type { Batches } from "@cambium/train";
import {
  add,
  dispose,
  div,
  expandDims,
  log,
  maximum,
  mul,
  reshape,
  slice,
  sqrt,
  square,
  stack,
  sub,
  sum,
  type Tensor,
  type Tensor4D,
  tidy,
} from "@tensorflow/tfjs-core";

/** A model whose attention is watched: with deltas on it or without. */
export type Watched = Runnable<TokenBatch, LanguageOutput>;

/** Settings of `attentionSimilarity`. */
export interface AttentionSimilarityOptions {
  /** Other models to compare the first one with, such as the second one before tuning or one of another start. @default none */
  readonly controls?: Readonly<Record<string, Watched>>;
}

/** How alike the heads of two models attend. */
export interface HeadSimilarity {
  /** `1 − JS / ln 2` of rows of attention, 0 to 1, by layer and head: the mean over tokens of the head at the same index. */
  readonly same: readonly (readonly number[])[];
  /** Cosine of the attention maps, by layer and head: the mean over sequences. */
  readonly cosine: readonly (readonly number[])[];
  /** The mean of `same`. */
  readonly meanSame: number;
  /** The mean similarity of a head and another one of the same layer. NaN for layers of one head. */
  readonly meanOther: number;
  /** By layer and head: how many heads of the other model's layer are at least as similar as the one at the same index, itself included; 1 is the best. */
  readonly rank: readonly (readonly number[])[];
  /** Share of the heads of rank 1. */
  readonly matched: number;
}

/** Similarities, and those to controls. */
export interface AttentionSimilarity extends HeadSimilarity {
  readonly controls: Readonly<Record<string, HeadSimilarity>>;
  /** Tokens that were compared. */
  readonly tokens: number;
}

/**
 * Compares the attention of two models on the same input, head by head, and with every other head of the layer. Rows of padding do not
 * count. Of two stacks, the encoder's attention to itself and the decoder's count as layers one after the other.
 *
 * @param a - A model, tuned or not.
 * @param b - Of as many layers and heads.
 * @param data - Batches for both.
 * @throws {ConfigError} For models without attention patterns, and for options that there are not.
 * @throws {ShapeError} When layers or heads differ, or prompts of different length stand in front.
 * @see Lin 1991, Divergence Measures Based on the Shannon Entropy, of the divergence.
 */
export async function attentionSimilarity(
  a: Watched,
  b: Watched,
  data: Batches<TokenBatch>,
  options: AttentionSimilarityOptions = {},
): Promise<AttentionSimilarity> {
  checkOptions("attentionSimilarity", options, ["controls"]);
  const { controls = {} } = options;
  const others = [b, ...Object.values(controls)];
  const paths = pathsOf(a);
  for (const other of others)
    if (`${pathsOf(other)}` !== `${paths}`)
      throw new ShapeError({
        message: `attentionSimilarity: the models have ${paths.length} and ${pathsOf(other).length} layers of attention, or unlike ones`,
      });
  // Layers of [heads, heads + 1]: similarities, and the cosine in the last column.
  const sums: Float64Array[][] = others.map(() => []);
  let [tokens, sequences, heads] = [0, 0, 0];
  const measure = compile((batch: TokenBatch) => tidy(() => compareAll(a, others, batch)));
  for await (const { batch } of data.epoch(0)) {
    let measured: Record<string, Tensor> = {};
    try {
      measured = measure(batch);
      sequences += batch.ids.shape[0];
      tokens += (await measured["tokens"]!.data())[0]!;
      for (const [i, own] of sums.entries()) {
        for (const layer of paths.keys()) {
          const tensor = measured[`${i} ${layer}`]!;
          heads = Math.max(heads, tensor.shape[0]!);
          const values = await tensor.data();
          own[layer] ??= new Float64Array(values.length);
          for (let k = 0; k < values.length; k++) own[layer]![k]! += values[k]!;
        }
      }
    } finally {
      dispose([batch, measured] as unknown as Tensor[]);
    }
  }
  if (tokens === 0) throw new ConfigError({ message: "attentionSimilarity: there are no rows" });
  const [main, ...rest] = sums.map((layers) => summarise(layers, tokens, sequences));
  return {
    ...main!,
    controls: Object.fromEntries(Object.keys(controls).map((name, i) => [name, rest[i]!])),
    tokens,
  };
}

function pathsOf(model: Watched): string[] {
  const paths = model
    .sites()
    .flatMap(({ kind, role, path }) => (kind === "pattern" && role === "attn.pattern" ? [path] : []));
  if (paths.length > 0) return paths;
  throw new ConfigError({ message: "attentionSimilarity: the model has no attention patterns" });
}

function compareAll(a: Watched, others: readonly Watched[], batch: TokenBatch): Record<string, Tensor> {
  const { labels: _, ...input } = batch;
  const read = (model: Watched): { readonly maps: readonly Tensor4D[]; readonly mask: Tensor } => {
    const { output, captured } = capture(model, "labels" in batch && batch.targetIds === undefined ? batch : input, [
      "attn.pattern",
    ]);
    return { maps: [...captured.values()] as Tensor4D[], mask: output.mask };
  };
  const first = read(a);
  const found: [string, Tensor][] = [["tokens", sum(maskFor(first.maps[0]!, first.mask, batch))]];
  for (const [i, other] of others.entries()) {
    const second = read(other);
    for (const [layer, map] of first.maps.entries()) {
      const counterpart = second.maps[layer]!;
      if (`${counterpart.shape}` !== `${map.shape}`)
        throw new ShapeError({
          message: `attentionSimilarity: attention of layer ${layer} is [${map.shape}] and [${counterpart.shape}]; heads or prompts differ`,
        });
      found.push([`${i} ${layer}`, compareLayer(map, counterpart, maskFor(map, first.mask, batch))]);
    }
  }
  return Object.fromEntries(found);
}

/** Real rows of a map, `[batch, query]`. */
function maskFor({ shape }: Tensor4D, mask: Tensor, batch: TokenBatch): Tensor {
  if (mask.shape[1] === shape[2]) return mask;
  if (batch.mask.shape[1] === shape[2]) return batch.mask;
  throw new ShapeError({ message: `attentionSimilarity: maps have ${shape[2]} rows, and the mask ${mask.shape[1]}` });
}

/** `Σ p log(p / m)` with 0 log 0 = 0, over the last axis. */
const relativeEntropy = (p: Tensor, m: Tensor): Tensor =>
  sum(mul(p, sub(log(maximum(p, 1e-30)), log(maximum(m, 1e-30)))), -1);

/**
 * Sums over real rows of `1 − JS / ln 2` for each pair of heads, and over sequences of the cosine of equal ones: `[heads, heads + 1]`.
 *
 * @param a - `[batch, heads, query, key]`.
 */
function compareLayer(a: Tensor4D, b: Tensor4D, mask: Tensor): Tensor {
  const heads = a.shape[1];
  const counts = expandDims(mask, 1); // [batch, 1, query]
  const rows = Array.from({ length: heads }, (_, shift) => {
    // b turned by a number of heads, so that each head meets each other one.
    const turned = turnHeads(b, shift);
    const m = mul(add(a, turned), 0.5);
    const js = mul(add(relativeEntropy(a, m), relativeEntropy(turned, m)), 0.5); // [batch, heads, query]
    return sum(mul(sub(1, div(js, Math.LN2)), counts), [0, 2]); // [heads]
  });
  const weights = expandDims(counts, -1);
  const [x, y] = [mul(a, weights), mul(b, weights)];
  const norm = (map: Tensor): Tensor => sqrt(sum(square(map), [2, 3]));
  const cosine = sum(div(sum(mul(x, y), [2, 3]), maximum(mul(norm(x), norm(y)), 1e-30)), 0); // [heads]
  return stack([...rows, cosine], 1);
}

function turnHeads(map: Tensor4D, shift: number): Tensor4D {
  if (shift === 0) return map;
  const [batch, heads, query, key] = map.shape;
  const parts = Array.from({ length: heads }, (_, head) =>
    reshape(slice(map, [0, (head + shift) % heads, 0, 0], [batch, 1, query, key]), [batch, query, key]),
  );
  return stack(parts, 1) as Tensor4D;
}

function summarise(layers: readonly Float64Array[], tokens: number, sequences: number): HeadSimilarity {
  const same: number[][] = [];
  const cosine: number[][] = [];
  const rank: number[][] = [];
  const other: number[] = [];
  for (const values of layers) {
    const heads = Math.round((Math.sqrt(1 + 4 * values.length) - 1) / 2); // heads · (heads + 1) numbers
    const at = (head: number, shift: number): number => values[head * (heads + 1) + shift]!;
    const similarity = (head: number, shift: number): number => at(head, shift) / tokens;
    const all = Array.from({ length: heads }, (_, head) =>
      Array.from({ length: heads }, (_, shift) => similarity(head, shift)),
    );
    same.push(all.map((row) => row[0]!));
    cosine.push(all.map((_, head) => at(head, heads) / sequences));
    rank.push(all.map((row) => row.filter((value) => value >= row[0]!).length));
    other.push(...all.flatMap((row) => row.slice(1)));
  }
  const mean = (list: readonly number[]): number => list.reduce((total, value) => total + value, 0) / list.length;
  const ranks = rank.flat();
  return {
    same,
    cosine,
    meanSame: mean(same.flat()),
    meanOther: mean(other),
    rank,
    matched: ranks.filter((value) => value === 1).length / ranks.length,
  };
}
