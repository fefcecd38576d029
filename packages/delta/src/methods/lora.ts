/**
 * LoRA: a product of two thin matrices beside each chosen linear layer.
 *
 * Every method reads like this file. `parse` settles what the options mean for a model, `tensors` says which there will be
 * and how they start, `hooks` puts them to work at any values, and `merge` is the same as a change of weights. None of
 * them keeps anything: what they need is in their arguments.
 */
import { ConfigError, parseConfig } from "@cambium/base";
import {
  applyLinear,
  around,
  cloneParameters,
  dropout as drop,
  type Hook,
  type Site,
  type Start,
  zeroStart,
} from "@cambium/core";
import { add, matMul, mul, scalar, type Tensor1D, type Tensor2D } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { Delta } from "../delta.ts";
import { loraFormat } from "../files/peft-lora.ts";
import { checkGates, gateOf, gateTensors } from "../gate.ts";
import { defaultRoles, type Host, oncePerPair } from "../host.ts";
import { commonDropout, type LowRank, lowRankPerRow } from "../low-rank-rows.ts";
import { type DeltaPoint, type DeltaTensor, type Method, method } from "../method.ts";
import {
  type LinearTarget,
  nameTargets,
  patternsKey,
  placesOf,
  type TargetOptions,
  targetKeys,
  valuesOf,
} from "../targets.ts";
import { overlay, tidyParameters } from "../trees.ts";
import { addToMatrix, changeWeights, replaceBias } from "../weights.ts";
import { type BiasChoice, biasesAt, biasesOf, checkBiases, rebaseBiases } from "./lora-biases.ts";
import { checkTables, onTables, tableNames, tableStarts, tablesAmong } from "./lora-embeddings.ts";
import { computedStart, hasResidual, type LoraInit, withoutStart } from "./lora-starts.ts";
import { replacements, replacing } from "./whole.ts";

/** Settings of `lora`. */
export interface LoraOptions extends TargetOptions {
  /** Rows of A and columns of B. @default 8 */
  readonly rank?: number | undefined;
  /** Numerator of the scale. @default the rank, so that the scale of plain LoRA is 1 */
  readonly alpha?: number | undefined;
  /** Fraction of the input that A does not see while training, 0 to below 1. @default 0 */
  readonly dropout?: number | undefined;
  /** Scale by `alpha / √rank` in place of `alpha / rank`: rank-stabilised LoRA (Kalajdzievski 2023, arXiv:2312.03732). @default false */
  readonly rsLora?: boolean | undefined;
  /**
   * How A and B start.
   *
   * - `"default"`: B at zero, A uniform on ±1/√input;
   * - `"gaussian"`: B at zero, A normal with deviation 1/rank;
   * - `"orthogonal"`: neither at zero, but their product, for an even rank;
   * - `"pissa"`: the largest singular values of the layer's weight (Meng et al. 2024, arXiv:2404.02948);
   * - `"olora"`: the first rows of its QR factors (Büyükakyüz 2024, arXiv:2406.01775).
   *
   * Of the last two the product at the start is taken off again, where PEFT changes the base instead: frozen copies stay beside the
   * LoRA, and PEFT's files hold a plain one of twice the rank. @default "default"
   */
  readonly init?: LoraInit | undefined;
  /**
   * Other ranks for some layers: a regular expression for the end of the path, and the rank. The first match holds. Expressions
   * are Python's, as PEFT's files have them. @default {}
   */
  readonly rankPattern?: Readonly<Record<string, number>> | undefined;
  /** Other alphas for some layers, likewise. @default {} */
  readonly alphaPattern?: Readonly<Record<string, number>> | undefined;
  /**
   * Which biases of the model are trained beside the matrices: those of the layers that have a LoRA, or all outside the head. They
   * start as the base's, and take their place. @default "none"
   */
  readonly bias?: BiasChoice | undefined;
  /** Whether B has a bias of its own, scaled like B; it starts at zero. Only where the layer has one it can be merged. @default false */
  readonly loraBias?: boolean | undefined;
  /**
   * Whether each LoRA is scaled by how far a gate is open that reads the layer's input: a part of UniPELT (Mao et al. 2022,
   * arXiv:2110.07577), where the gate stands in place of `alpha / rank`, which is 1 unless `alpha` is given. The gate is a mean over
   * the rows of a sequence, padding among them: how far a batch is padded changes it. It cannot be merged then. @default false
   */
  readonly gate?: boolean | undefined;
}

/** A LoRA as JSON: every setting, and its layers by name. */
export interface LoraConfig {
  readonly targets: readonly string[];
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly rsLora: boolean;
  readonly init: LoraInit;
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
  readonly bias: BiasChoice;
  readonly loraBias: boolean;
  readonly gate: boolean;
}

const rank = z.int().positive();
const schema = z.strictObject({
  ...targetKeys,
  rank: rank.default(8),
  alpha: z.number().positive().optional(),
  dropout: z.number().min(0).lt(1).default(0),
  rsLora: z.boolean().default(false),
  init: z.enum(["default", "gaussian", "orthogonal", "pissa", "olora"]).default("default"),
  rankPattern: patternsKey(rank),
  alphaPattern: patternsKey(z.number().positive()),
  bias: z.enum(["none", "lora_only", "all"]).default("none"),
  loraBias: z.boolean().default(false),
  gate: z.boolean().default(false),
});

/**
 * LoRA (Hu et al. 2021, arXiv:2106.09685): `y = W x + s · B A x`, A `[rank, in]`, B `[out, rank]`, `s = alpha / rank`.
 *
 * B starts at zero, so the model is unchanged until the first step. Trains `rank · (in + out)` scalars for each layer;
 * by default the query and value layers, as the paper does, or the layer that holds them where they are one.
 *
 * A table of word embeddings is a target by its name or as `"embed"`: A `[rank, vocab]` starts at zero and B `[dModel, rank]` standard
 * normal, as in PEFT; the row of a word gets `s · B A[:, word]`, without dropout. A head that shares the table sees none of it, so that
 * the change cannot be merged there.
 *
 * @throws {ConfigError} For settings out of range, for targets that match nothing, and for biases where there are none.
 * @example
 * const tuned = attach(base, lora(base, { rank: 8, targets: ["attn.q", "attn.v"] }, random(1)));
 */
export const lora: Method<LoraOptions, LoraConfig> = method<LoraOptions, LoraConfig>({
  kind: "lora",
  parse: (options, shape) => parseLora("lora", options, shape),
  tensors: (shape, config) => ({
    trained: new Map([
      ...loraTensors(shape, config),
      ...moreTensors(shape, config),
      ...replacements(shape, biasesOf(shape, config)).trained,
    ]),
    frozen: hasResidual(config.init) ? startTensors(shape, config) : new Map(),
  }),
  hooks: (at) => [
    ...onLayers(at),
    ...onTables(tablesAmong(at.shape, at.config), (path) => factorsAt(at, path)),
    ...(at.config.bias === "none" ? [] : replacing.hooks({ ...at, parameters: biasesAt(at) })),
  ],
  mergeable: (shape, { gate, loraBias, ...config }) =>
    !gate &&
    placesOf(shape, config).every((place, _, all) => (!loraBias || place.bias !== undefined) && isAlone(place, all)),
  merge: (base, at) =>
    tidyParameters(() => {
      const biases = biasesAt(at);
      const changed = changeWeights(overlay(base, biases), loraPlaces(at.shape, at.config), (weights, place) => {
        const { a, b, scale } = factorsAt(at, place.site.path);
        const ownBias = at.parameters.get(nameBias(place.site.path));
        const update = mul(matMul(b, a), scalar(scale)) as Tensor2D;
        const matrix = [place.weight.name, addToMatrix(weights, place, update)] as const;
        if (ownBias === undefined) return [matrix];
        const bias = replaceBias(weights, place, (own) => add(own, mul(ownBias, scalar(scale))) as Tensor1D);
        return [matrix, [place.bias!, bias]];
      });
      return overlay(cloneParameters(biases), changed);
    }),
  rebase: rebaseBiases,
  replaced: biasesOf,
  scale: scaleLora,
  perRow(members) {
    checkRows(members);
    return [
      lowRankPerRow(
        members.map((at) => (path) => (at?.parameters.has(nameA(path)) ? factorsAt(at, path) : undefined)),
        commonDropout(members),
      ),
    ];
  },
  peft: loraFormat,
});

/** Whether no other place reads the same numbers: two layers that share a matrix get a change each, and the matrix holds one. */
function isAlone({ weight, columns }: LinearTarget, all: readonly LinearTarget[]): boolean {
  const same = all.filter((other) => other.weight.name === weight.name && other.columns?.join() === columns?.join());
  return same.length === 1;
}

/** What is added to the outputs of linear layers. */
function onLayers(at: DeltaPoint<LoraConfig>): readonly Hook[] {
  const { parameters, config } = at;
  if (![...parameters.keys()].some((name) => name.endsWith(nameA("")))) return [];
  return [
    around(
      "linear",
      ({ path }) => parameters.has(nameA(path)),
      ({ site: { path }, input, next, context }) => {
        const { a, b, scale } = factorsAt(at, path);
        const x = context.training ? drop(input, config.dropout, context.random) : input;
        const narrow = applyLinear(x, a); // [..., rank]
        const ownBias = parameters.get(nameBias(path));
        const wide = applyLinear(mul(narrow, scalar(scale)), b, ownBias && mul(ownBias, scalar(scale)));
        return add(next(input), config.gate ? mul(wide, gateOf(parameters, path, input)) : wide);
      },
      config.gate ? {} : { byRow: true },
    ),
  ];
}

/** The config that options of LoRA, or of a method with the same ones, mean. */
export function parseLora(kind: string, options: LoraOptions, shape: Host): LoraConfig {
  const { targets, exclude, layers, ...settings } = parseConfig(kind, schema, options);
  const roles = targets ?? defaultRoles(shape, [kind, "lora"], ["attn.q", "attn.v"]);
  const isLora = kind === "lora";
  const config = {
    ...settings,
    alpha: settings.alpha ?? settings.rank,
    targets: nameTargets(kind, shape, { targets: roles, exclude, layers }, isLora ? "layers and tables" : "layers"),
  };
  const { init, loraBias, gate } = config;
  const isComputed = hasResidual(init) || init === "orthogonal";
  if (isLora) {
    checkTables(tablesAmong(shape, config), { [`init "${init}"`]: isComputed, loraBias, gate });
    checkBiases(shape, config);
    if (gate)
      checkGates(
        "lora",
        shape,
        placesOf(shape, config).map(({ site }) => site),
      );
    return config;
  }
  const wrong = hasResidual(init) ? `init "${init}"` : beyondFactors(config);
  if (wrong === undefined) return config;
  throw new ConfigError({ message: `${kind}: ${wrong} is a setting of lora alone`, setting: wrong });
}

/** The config whose scale is `factor` times as large at every layer. There is none for factors that are not positive, or with biases. */
function scaleLora(config: LoraConfig, factor: number): LoraConfig | undefined {
  if (factor <= 0 || config.bias !== "none") return undefined;
  const { alpha, alphaPattern } = config;
  const values = Object.entries(alphaPattern).map(([pattern, value]) => [pattern, value * factor]);
  return { ...config, alpha: alpha * factor, alphaPattern: Object.fromEntries(values) };
}

/** A and B of every layer and table. */
export function loraTensors(shape: Host, config: LoraConfig): ReadonlyMap<string, DeltaTensor> {
  return new Map(
    loraPlaces(shape, config).flatMap((place): [string, DeltaTensor][] => {
      const { path, kind } = place.site;
      const [a, b] = namesOfFactors(place.site);
      const starts =
        kind === "embed" ? tableStarts : { a: startOf(config, place, "a"), b: startOf(config, place, "b") };
      return [
        [a, { shape: [place.rank, place.input], start: starts.a, key: [path] }],
        [b, { shape: [place.output, place.rank], start: starts.b, key: [path] }],
      ];
    }),
  );
}

/** Biases of B, and gates. */
function moreTensors(shape: Host, config: LoraConfig): [string, DeltaTensor][] {
  const { loraBias, gate } = config;
  return loraPlaces(shape, config).flatMap(({ site: { path }, input, output }) => [
    ...(loraBias ? [[nameBias(path), { shape: [output], start: zeroStart }] satisfies [string, DeltaTensor]] : []),
    ...(gate ? gateTensors(path, input) : []),
  ]);
}

/** What A and B started as, for starts whose product is taken off. */
function startTensors(shape: Host, config: LoraConfig): ReadonlyMap<string, DeltaTensor> {
  return new Map([...loraTensors(shape, config)].map(([name, tensor]) => [`${name}.start`, tensor]));
}

const nameA = (path: string): string => `${path}.lora_A.weight`;
const nameB = (path: string): string => `${path}.lora_B.weight`;
const nameBias = (path: string): string => `${path}.lora_B.bias`;

/** What A and B of a layer or a table are called. */
export function namesOfFactors({ kind, path }: Pick<Site, "kind" | "path">): readonly [a: string, b: string] {
  return kind === "embed" ? tableNames(path) : [nameA(path), nameB(path)];
}

/**
 * The LoRA, if A, B and a scale are all of it.
 *
 * @throws {ConfigError} Naming the setting under which there is more.
 */
export function checkPlain(caller: string, delta: Delta<LoraConfig>): Delta<LoraConfig> {
  const found = beyondFactors(delta.config);
  if (found === undefined) return delta;
  throw new ConfigError({
    message: `${caller}: delta "${delta.name}" is a LoRA with ${found}, and A, B and a scale are all that is taken up here`,
    delta: delta.name,
  });
}

/** The first setting under which a LoRA is more than its factors. */
function beyondFactors({ bias, loraBias, gate }: LoraConfig): string | undefined {
  const asked = { [`bias "${bias}"`]: bias !== "none", loraBias, gate };
  return Object.entries(asked).find(([, isAsked]) => isAsked)?.[0];
}

/**
 * Throws where deltas cannot be told apart by rows.
 *
 * @throws {ConfigError} Naming the setting.
 */
function checkRows(members: readonly (DeltaPoint<LoraConfig> | undefined)[]): void {
  for (const { shape, config } of members.filter((at) => at !== undefined)) {
    const [table] = tablesAmong(shape, config);
    const found = beyondFactors(config) ?? (table && `the table ${table} among its targets`);
    if (found === undefined) continue;
    throw new ConfigError({ message: `perRow: a LoRA with ${found} acts on whole batches; run its rows alone`, found });
  }
}

function startOf({ init }: LoraConfig, place: LoraPlace, which: "a" | "b"): Start {
  if (init === "orthogonal" || hasResidual(init)) return computedStart(init as "pissa", place, which);
  if (which === "b") return zeroStart;
  const bound = 1 / Math.sqrt(place.input);
  return init === "gaussian"
    ? { kind: "normal", deviation: 1 / place.rank }
    : { kind: "uniform", low: -bound, high: bound };
}

/** A layer or a table with a LoRA. */
export interface LoraPlace extends LinearTarget {
  readonly rank: number;
  readonly scale: number;
}

/** Settings that give each layer its rank and its scale. */
export interface RankConfig extends Pick<LoraConfig, "targets" | "rank" | "alpha" | "rankPattern" | "alphaPattern"> {
  readonly rsLora?: boolean;
}

/** The layers of a config, with the rank and the scale that patterns give each. */
export const loraPlaces: (shape: Host, config: RankConfig) => readonly LoraPlace[] = oncePerPair((shape, config) => {
  const [rankOf, alphaOf] = [valuesOf(config.rankPattern), valuesOf(config.alphaPattern)];
  return placesOf(shape, config).map((place) => {
    const rank = rankOf(place.site.path) ?? config.rank;
    const alpha = alphaOf(place.site.path) ?? config.alpha;
    return { ...place, rank, scale: alpha / (config.rsLora === true ? Math.sqrt(rank) : rank) };
  });
});

const scalesOf = oncePerPair(
  (shape: Host, config: RankConfig) => new Map(loraPlaces(shape, config).map(({ site, scale }) => [site.path, scale])),
);

/** The scale at a layer. */
export function scaleAt(shape: Host, config: RankConfig, path: string): number {
  return scalesOf(shape, config).get(path)!;
}

/** A, B and the scale at a layer; where the product at the start is taken off, both of twice the rank. */
export function factorsAt({ parameters, buffers, shape, config }: DeltaPoint<LoraConfig>, path: string): LowRank {
  const scale = scaleAt(shape, config, path);
  const isTable = parameters.has(tableNames(path)[0]);
  const [a, b] = namesOfFactors({ kind: isTable ? "embed" : "linear", path }).map(
    (name) => parameters.get(name)! as Tensor2D,
  ) as [Tensor2D, Tensor2D];
  if (!hasResidual(config.init)) return { a, b, scale };
  const [a0, b0] = [nameA, nameB].map((name) => buffers.get(`${name(path)}.start`)! as Tensor2D) as [
    Tensor2D,
    Tensor2D,
  ];
  return { ...withoutStart(a, b, a0, b0), scale };
}
