import { ConfigError, parseConfig } from "@cambium/base";
import { around, type Flow, type Site, type Start, zeroStart } from "@cambium/core";
import {
  add,
  concat,
  mul,
  reshape,
  scalar,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  transpose,
  zeros,
} from "@tensorflow/tfjs-core";
import * as z from "zod";
import { repeatForBatch } from "../batch-axis.ts";
import { prefixFormat } from "../files/peft-prompts.ts";
import { checkGates, gateOf, gateTensors } from "../gate.ts";
import { type Host, oncePerPair } from "../host.ts";
import { type DeltaTensor, type Method, method } from "../method.ts";
import { ignoringTypes } from "./ignored-types.ts";
import { prefixColumnsOf } from "./networks.ts";

/** Settings of `prefix`. */
export interface PrefixOptions {
  /** Keys and values in front of each attention. @default 20 */
  readonly length?: number | undefined;
  /** How they start: at zero, or standard normal as in PEFT. @default "zero" */
  readonly init?: "zero" | "normal" | undefined;
  /**
   * A network that makes the keys and values out of shorter rows while training, `W₂ tanh(W₁ e + b₁) + b₂`: widths of the rows and
   * in the middle. Files of PEFT hold what it makes, and not the network; our own hold the network. @default none
   */
  readonly network?: { readonly width?: number | undefined; readonly hidden?: number | undefined } | undefined;
  /**
   * Whether positions of the words move on by `length`, as if the rows in front were words, or are kept, as in the adapters library
   * and OpenDelta. PEFT moves them. Positions relative to keys always move. @default "moved"
   */
  readonly positions?: "moved" | "kept" | undefined;
  /**
   * Whether types of tokens count. PEFT ignores them on a model without a head (its task `FEATURE_EXTRACTION`), and files
   * from there are loaded so. @default "read"
   */
  readonly types?: "read" | "ignored" | undefined;
  /**
   * Whether the keys and values of each attention are scaled by how far a gate is open that reads what the attention reads, as in
   * UniPELT. For encoders. @default false
   */
  readonly gate?: boolean | undefined;
}

/** A prefix as JSON. */
export interface PrefixConfig {
  readonly length: number;
  readonly init: "zero" | "normal";
  readonly network?: { readonly width: number; readonly hidden: number };
  readonly positions: "moved" | "kept";
  readonly types: "read" | "ignored";
  readonly gate: boolean;
}

const schema = z.strictObject({
  length: z.int().positive().default(20),
  init: z.enum(["zero", "normal"]).default("zero"),
  network: z.strictObject({ width: z.int().positive().optional(), hidden: z.int().positive().optional() }).optional(),
  positions: z.enum(["moved", "kept"]).default("moved"),
  types: z.enum(["read", "ignored"]).default("read"),
  gate: z.boolean().default(false),
});

/**
 * Prefix tuning (Li & Liang 2021, arXiv:2101.00190): trained keys and values in front of those of every attention, a decoder's
 * attention to its encoder included.
 *
 * Positions of the words move on by `length` unless `positions` keeps them. A prefix takes part of the softmax even at zero, so the model
 * is **not** unchanged at the start. One tensor, `prompt_embeddings` `[length, 2 · keys]`, `keys` the sum of the widths of all
 * attentions' keys: in each row the key and the value of the first attention, then of the second, and so on. It wants a learning
 * rate 10 to 100 times LoRA's. It cannot be merged: no weights add keys.
 *
 * @throws {ConfigError} For settings out of range, for a model without attention, and for positions to keep that are relative to keys.
 * @example
 * const tuned = attach(base, prefix(base, { length: 10 }, random(1)), head(base));
 */
export const prefix: Method<PrefixOptions, PrefixConfig> = method<PrefixOptions, PrefixConfig>({
  kind: "prefix",
  parse(options, shape) {
    const { network, ...settings } = parseConfig("prefix", schema, options);
    const width = network?.width ?? shape.sites().find(({ kind }) => kind === "block")?.width ?? 512;
    const config = {
      ...settings,
      ...(network !== undefined && { network: { width, hidden: network.hidden ?? width } }),
    };
    if (prefixColumns(shape, config).total === 0)
      throw new ConfigError({ message: "prefix: the model has no attention to put keys before" });
    if (config.positions === "kept" && shape.sites().some(({ stack }) => stack !== undefined))
      throw new ConfigError({
        message:
          'prefix: the model\'s positions are relative to keys, and move with those in front; leave out { positions: "kept" }',
      });
    if (config.gate) checkGates("prefix", shape, gatedParts(shape));
    return config;
  },
  tensors: (shape, config) => ({
    trained: new Map([
      ...tensorsOf(config, prefixColumns(shape, config).total),
      ...(config.gate ? gatedParts(shape).flatMap(({ path, width }) => gateTensors(path, width)) : []),
    ]),
  }),
  hooks({ parameters, shape, config }) {
    const { length, positions } = config;
    const gates = new Map<number, Tensor>(); // of this pass, by layer: attention follows its part
    return [
      ...ignoringTypes(shape, config),
      ...(config.gate
        ? [
            around("sublayer", isAttention, ({ site, input, next }) => {
              gates.set(site.layer!, reshape(gateOf(parameters, site.path, input), [-1, 1, 1, 1]));
              return next(input);
            }),
          ]
        : []),
      around(
        "embed",
        () => true,
        ({ input, next, context }) => {
          const words = next(input);
          if (!context.first) return words;
          return {
            ...words,
            keys: (words.keys ?? 0) + length,
            ...(positions === "moved" && {
              positions: add(words.positions, scalar(length, "int32")) as Tensor2D,
              offset: (words.offset ?? 0) + length,
            }),
          };
        },
      ),
      around(
        "attention",
        () => true,
        ({ site, input, next, context }) => {
          // A cache keeps the rows of causal attention, this one's among them; the keys of an encoder are given each time.
          if (!context.first && input.causal) return next(input);
          const { from, width } = prefixColumns(shape, config).of.get(site.path)!;
          const embeddings = prefixColumnsOf(parameters);
          const rows = (column: number, like: Tensor4D): Tensor4D => {
            const own = rowsOf(embeddings(column, width), like);
            return config.gate ? mul(own, gates.get(site.layer!)!) : own;
          };
          return next({
            ...input,
            key: concat([rows(from, input.key), input.key], 2),
            value: concat([rows(from + width, input.value), input.value], 2),
            ...seeing(input, length),
          });
        },
      ),
    ];
  },
  peft: prefixFormat,
});

const isAttention = ({ role }: Site): boolean => role === "attn";

/** The parts of the model whose attention a gate belongs to. */
const gatedParts = (shape: Host): readonly Site[] =>
  shape.sites().filter((site) => site.kind === "sublayer" && isAttention(site));

/** The tensors of a prefix whose rows have `total` columns. */
function tensorsOf({ length, init, network }: PrefixConfig, total: number): ReadonlyMap<string, DeltaTensor> {
  const normal: Start = { kind: "normal", deviation: 1 };
  const last: Start = init === "zero" ? zeroStart : normal;
  if (network === undefined)
    return new Map([["prompt_embeddings", { shape: [length, total], start: last, key: ["prefix"] }]]);
  const { width, hidden } = network;
  const [inner, outer] = [uniform(width), init === "zero" ? zeroStart : uniform(hidden)];
  return new Map<string, DeltaTensor>([
    ["embedding.weight", { shape: [length, width], start: normal }],
    ["transform.0.weight", { shape: [hidden, width], start: inner }],
    ["transform.0.bias", { shape: [hidden], start: inner }],
    ["transform.2.weight", { shape: [total, hidden], start: outer }],
    ["transform.2.bias", { shape: [total], start: outer }],
  ]);
}

const uniform = (columns: number): Start => ({
  kind: "uniform",
  low: -1 / Math.sqrt(columns),
  high: 1 / Math.sqrt(columns),
});

/** Keys or values `[length, heads · dHead]` for each row of a batch, `[batch, heads, length, dHead]`. */
function rowsOf(flat: Tensor, like: Tensor4D): Tensor4D {
  const [batch, heads, , dHead] = like.shape;
  const split = transpose(reshape(flat, [flat.shape[0]!, heads, dHead]), [1, 0, 2]);
  return repeatForBatch(split, batch) as Tensor4D;
}

/** The bias with zeros for the keys in front, unless it spans them already, as one of relative positions does. */
function seeing({ key, bias }: Flow["attention"]["input"], length: number): { readonly bias?: Tensor } {
  if (bias === undefined) return {};
  const missing = key.shape[2] + length - bias.shape.at(-1)!;
  return { bias: missing <= 0 ? bias : concat([zeros([...bias.shape.slice(0, -1), missing]), bias], -1) };
}

/** Where the keys of each attention stand in a row; its values follow them. */
interface PrefixColumns {
  readonly of: ReadonlyMap<string, { readonly from: number; readonly width: number }>;
  readonly total: number;
}

/** Columns by path of the attention. */
const prefixColumns: (shape: Host, config: PrefixConfig) => PrefixColumns = oncePerPair((shape) => {
  const of = new Map<string, { from: number; width: number }>();
  let total = 0;
  for (const site of shape.sites().filter(({ kind }) => kind === "attention")) {
    const width = keyWidth(site);
    of.set(site.path, { from: total, width });
    total += 2 * width;
  }
  return { of, total };
});

/** Width of all keys of a token: below the model's width where query heads share keys. */
function keyWidth({ width, keyHeads }: Site): number {
  return width * keyHeads!;
}
