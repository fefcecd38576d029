/**
 * Decoders that write text: keys and values of the rows before go into the graph and come out of it, so that one more word is
 * one row of work.
 */
import { StateError } from "@cambium/base";
import type { ScopeCache, Site } from "@cambium/core";
import {
  clone,
  concat,
  dispose,
  keep,
  reshape,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tidy,
  transpose,
  zeros,
} from "@tensorflow/tfjs-core";
import type { TokenBatch } from "../architecture.ts";
import type { RunnableModel } from "../runnable.ts";
import { BATCH, type Lengths, type NamedTensors, type OnnxDimensions, type OnnxGraphInput } from "./trace.ts";

/** The dimension of the rows before. */
export const PAST = "past_sequence_length";

/** A decoder's attentions whose keys are kept, and how transformers.js names what they keep. */
export interface Kept {
  /** In the order of the layers. */
  readonly sites: readonly Site[];
  /** What stands between the layer and the part, such as `decoder.`. */
  readonly stack: string;
}

/** The names of what one attention keeps, after `past_key_values.` and `present.`. */
const namesOf = ({ stack }: Kept, layer: number): readonly [key: string, value: string] => [
  `${layer}.${stack}key`,
  `${layer}.${stack}value`,
];

const past = (inputs: NamedTensors, name: string): Tensor4D => inputs[`past_key_values.${name}`] as Tensor4D;

/** How many rows came before. */
export const pastLength = (inputs: NamedTensors, kept: Kept): number => past(inputs, namesOf(kept, 0)[0]).shape[2];

/**
 * What goes into a graph of keys and values, `[batch, heads, past, dHead]`.
 *
 * @param start - Keys and values of a text's first rows, as the model makes them: with others it is no model any more, and
 *   small differences grow.
 */
export function pastInputs(
  kept: Kept,
  start: (batch: number, length: number, none: NamedTensors) => NamedTensors,
): Readonly<Record<string, OnnxGraphInput>> {
  const shapes = new Map(
    kept.sites.flatMap(({ width, keyHeads }, layer) =>
      namesOf(kept, layer).map((name) => [name, [BATCH, keyHeads!, PAST, width] as const]),
    ),
  );
  const made = new Map<string, Float32Array>();
  let madeFor = "";
  function sample(name: string, [batch = 1, , length = 0]: readonly number[]): Float32Array {
    if (length === 0) return new Float32Array(0);
    if (madeFor !== `${batch} ${length}`) {
      madeFor = `${batch} ${length}`;
      tidy(() => {
        const none = [...shapes].map(([key, shape]) => [
          `past_key_values.${key}`,
          zeros([batch, shape[1], 0, shape[3]]),
        ]);
        const present = start(batch, length, Object.fromEntries(none));
        for (const key of shapes.keys()) made.set(key, present[`present.${key}`]!.dataSync() as Float32Array);
      });
    }
    return made.get(name)!;
  }
  const inputs = [...shapes].map(([name, shape]): [string, OnnxGraphInput] => [
    `past_key_values.${name}`,
    { shape, type: "float32", sample: (sizes) => sample(name, sizes) },
  ]);
  return Object.fromEntries(inputs);
}

/** Past and present share the positions that a model has. */
export function sharedLengths({ longest, window }: Lengths, sequence: string): OnnxDimensions {
  const half = longest >= 128 ? longest - 8 : Math.floor(longest / 2);
  return {
    [sequence]: { longest: half },
    [PAST]: {
      least: 0,
      longest: Math.max(half, (window ?? 0) + 8),
      ...(window !== undefined && { recordFrom: Math.max(2, window) }),
    },
  };
}

/** What a pass behind other rows is given besides its batch. */
export interface Before {
  /** Which of the rows before are real, `[batch, past]`. */
  readonly mask: Tensor2D;
  /** The position of each sequence's next row, int32 `[batch, 1]`. */
  readonly position: Tensor2D;
  /** What is made once for all steps, such as the encoder's output, by the place that makes it. */
  readonly once?: Readonly<Record<string, readonly Tensor[]>>;
}

/** One pass behind the rows that came in: its scores, and keys and values of all rows. */
export function runCached(
  model: RunnableModel,
  batch: TokenBatch,
  inputs: NamedTensors,
  kept: Kept,
  before: Before,
): NamedTensors {
  const added = new Map<string, Tensor>();
  const layers = new Map(kept.sites.map(({ path }, layer) => [path, namesOf(kept, layer)]));
  const cache: ScopeCache = {
    isEmpty: false,
    mask: before.mask,
    position: before.position,
    nextPosition: pastLength(inputs, kept),
    before(path) {
      const [key, value] = layers.get(path)!.map((name) => {
        const rows = past(inputs, name);
        const [batch, heads, length, dHead] = rows.shape;
        return reshape(rows, [batch * heads, 1, length, dHead]);
      }) as [Tensor4D, Tensor4D];
      return { columns: transpose(key, [0, 1, 3, 2]), rows: value };
    },
    record(path, ...rows) {
      for (const [i, name] of layers.get(path)!.entries()) added.set(name, keep(clone(rows[i]!)));
    },
    once: (path, make) => before.once?.[path] ?? make(),
  };
  try {
    const { logits, extra } = model.forward(batch, { cache });
    if (extra > 0) refuseStart(model);
    const present = [...added].map(([name, rows]) => [`present.${name}`, concat([past(inputs, name), rows], 2)]);
    return { logits: logits!, ...Object.fromEntries(present) };
  } finally {
    dispose([...added.values()]);
  }
}

/**
 * Refuses a model on which something acts once.
 *
 * @throws {StateError}
 */
export function refuseStart({ config }: RunnableModel): never {
  throw new StateError({
    message: `saveOnnx: what stands on this ${config.model_type} acts at the start of a text only, as prompts and prefixes do, and one graph serves all steps; merge or train another delta to write text there`,
  });
}
