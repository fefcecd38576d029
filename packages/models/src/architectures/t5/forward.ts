/**
 * The encoder and the decoder of T5: pre-norm blocks without biases, distances in place of positions, scores that are not
 * scaled, and a decoder whose blocks also read the encoder.
 *
 * Raffel et al. 2020, Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer, arXiv:1910.10683;
 * Shazeer 2020, arXiv:2002.05202, for the gated layers of version 1.1.
 */
import { ShapeError } from "@cambium/base";
import type { Flow, Scope } from "@cambium/core";
import {
  add,
  concat,
  equal,
  fill,
  ones,
  scalar,
  slice,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  where,
} from "@tensorflow/tfjs-core";
import type { Hidden, TokenBatch } from "../../architecture.ts";
import {
  activations,
  countPositions,
  decoderBias,
  decoderPositions,
  drop,
  embedWords,
  joinHeads,
  paddingBias,
  rootMeanSquareNorm,
  splitHeads,
} from "../../blocks.ts";
import { IGNORED } from "../../heads/losses.ts";
import { feedForwardKind, type T5Config } from "./config.ts";
import { relativeBias } from "./relative-bias.ts";

/** The encoder's output, or what a cache has kept of it, and the decoder above it. */
export function transduce(scope: Scope, config: T5Config, batch: TokenBatch): Hidden {
  const [encoded, encodedMask] = scope.once("encoder", () => {
    const { hidden, mask } = encode(scope.at("encoder"), config, batch);
    return [hidden, mask];
  }) as [Tensor3D, Tensor2D];
  return {
    ...decode(scope.at("decoder"), config, targetIds(config, batch), encoded, encodedMask),
    encoded,
    encodedMask,
  };
}

/** What the decoder reads: the start, then each label but the last; padding in place of labels that are ignored. */
function targetIds(config: T5Config, batch: TokenBatch): Tensor2D {
  if (batch.targetIds !== undefined) return batch.targetIds;
  const { labels } = batch;
  if (labels === undefined || labels.rank !== 2) {
    throw new ShapeError({
      message:
        "forward: a T5 reads a source and a target; give the batch labels int32 [batch, targetSeq], or targetIds",
    });
  }
  const [size, seq] = labels.shape as [number, number];
  const start = fill([size, 1], config.decoder_start_token_id, "int32");
  const shifted = seq === 1 ? start : concat([start, slice(labels, [0, 0], [size, seq - 1])], 1);
  const padding = scalar(config.pad_token_id, "int32");
  return where(equal(shifted, scalar(IGNORED, "int32")), padding, shifted) as Tensor2D;
}

const indices = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

function encode(
  scope: Scope,
  config: T5Config,
  { ids, mask }: TokenBatch,
): Flow["embed"]["output"] & { hidden: Tensor3D } {
  const words = embedWords(scope, "embed_tokens", { ids, mask, positions: countPositions(mask) });
  const keys = words.keys ?? 0; // that hooks will put in front of every attention's
  const rows = indices(keys, words.x.shape[1]);
  const distances = relativeBias(scope, config, true, rows, indices(0, keys + rows.length));
  const padding = paddingBias(
    keys === 0 ? words.mask : concat([ones([words.mask.shape[0], keys]) as Tensor2D, words.mask], 1),
  );
  const bias = add(distances, padding) as Tensor4D;
  let hidden = drop(scope, words.x, config.dropout_rate);
  for (let i = 0; i < config.num_layers; i++) {
    const here = scope.at(`block.${i}`);
    hidden = here.call("block", "", hidden, (input) => {
      const attended = selfAttention(here.at("layer.0"), config, input, bias, false);
      return feedForward(here.at("layer.1"), config, attended);
    });
  }
  return { ...words, hidden: finish(scope, config, hidden) };
}

function decode(
  scope: Scope,
  config: T5Config,
  ids: Tensor2D,
  encoded: Tensor3D,
  encodedMask: Tensor2D,
): Pick<Hidden, "hidden" | "mask" | "positions" | "extra"> {
  const mask = ones(ids.shape) as Tensor2D; // the rows behind a target's end are seen by none before them
  const words = embedWords(scope, "embed_tokens", { ids, mask, positions: decoderPositions(scope, mask) });
  const before = scope.cache?.mask?.shape[1] ?? words.keys ?? 0; // keys in front of these rows'
  const first = scope.cache?.nextPosition || (words.keys ?? 0);
  const rows = indices(first, words.x.shape[1]);
  const distances = relativeBias(scope, config, false, rows, [...indices(0, before), ...rows]);
  const hidingKeys =
    (words.keys ?? 0) > 0 ? concat([ones([mask.shape[0], words.keys!]) as Tensor2D, words.mask], 1) : words.mask;
  const bias = add(distances, decoderBias(scope, hidingKeys)) as Tensor4D;
  const crossBias = paddingBias(encodedMask);
  let hidden = drop(scope, words.x, config.dropout_rate);
  for (let i = 0; i < config.num_decoder_layers; i++) {
    const here = scope.at(`block.${i}`);
    hidden = here.call("block", "", hidden, (input) => {
      const attended = selfAttention(here.at("layer.0"), config, input, bias, true);
      const crossed = crossAttention(here.at("layer.1"), config, attended, encoded, crossBias);
      return feedForward(here.at("layer.2"), config, crossed);
    });
  }
  return { hidden: finish(scope, config, hidden), mask: words.mask, positions: words.positions, extra: words.extra };
}

function finish(scope: Scope, config: T5Config, hidden: Tensor3D): Tensor3D {
  const normed = rootMeanSquareNorm(scope, "final_layer_norm", hidden, config.layer_norm_epsilon);
  return drop(scope, normed, config.dropout_rate, "last dropout");
}

/** A part of a block: reads through a norm, and is added to what it reads. `scope` stands at the part. */
function part(
  scope: Scope,
  config: T5Config,
  name: string,
  x: Tensor3D,
  body: (normed: Tensor3D) => Tensor3D,
): Tensor3D {
  const normed = rootMeanSquareNorm(scope, "layer_norm", x, config.layer_norm_epsilon);
  const made = scope.call("sublayer", name, normed, body);
  return add(x, drop(scope, made, config.dropout_rate)) as Tensor3D;
}

function selfAttention(scope: Scope, config: T5Config, x: Tensor3D, bias: Tensor, causal: boolean): Tensor3D {
  return part(scope, config, "SelfAttention", x, (normed) => {
    const here = scope.at("SelfAttention");
    const [query, key, value] = ["q", "k", "v"].map((name) => splitHeads(here.linear(name, normed), config.num_heads));
    const input = { query: query!, key: key!, value: value!, bias, scale: 1, causal };
    const mixed = here.attend("core", input, { dropout: config.dropout_rate });
    return here.linear("o", joinHeads(mixed)) as Tensor3D;
  });
}

function crossAttention(scope: Scope, config: T5Config, x: Tensor3D, encoded: Tensor3D, bias: Tensor): Tensor3D {
  return part(scope, config, "EncDecAttention", x, (normed) => {
    const here = scope.at("EncDecAttention");
    const split = (name: string, input: Tensor3D): Tensor4D => splitHeads(here.linear(name, input), config.num_heads);
    const query = split("q", normed);
    const [key, value] = here.once("encoded", () => [split("k", encoded), split("v", encoded)]) as [Tensor4D, Tensor4D];
    const mixed = here.attend(
      "core",
      { query, key, value, bias, scale: 1, causal: false },
      { dropout: config.dropout_rate },
    );
    return here.linear("o", joinHeads(mixed)) as Tensor3D;
  });
}

function feedForward(scope: Scope, config: T5Config, x: Tensor3D): Tensor3D {
  const { isGated, activation } = feedForwardKind(config);
  const names = isGated ? { gate: "wi_0", up: "wi_1" } : { up: "wi" };
  return part(scope, config, "DenseReluDense", x, (normed) =>
    scope.at("DenseReluDense").feedForward(normed, {
      ...names,
      act: "act",
      down: "wo",
      activate: activations[activation],
      dropout: config.dropout_rate,
    }),
  );
}
