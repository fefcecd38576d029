/**
 * Searchlights: which neurons tell the conditions apart as an attribute does.
 *
 * Every neuron has an RDM of its own. Its rank correlations with the attributes' RDMs, and with those under permuted labels,
 * are products of two matrices of standardised ranks, (neurons × pairs) by (pairs × permutations), which the backend computes;
 * what is read back are counts and maxima.
 */
import { CancelledError, ConfigError, checkOptions, type Files, ShapeError } from "@cambium/base";
import type { Random } from "@cambium/core";
import {
  cast,
  dispose,
  greaterEqual,
  matMul,
  max,
  slice,
  sub,
  sum,
  type Tensor,
  tensor2d,
  tidy,
} from "@tensorflow/tfjs-core";
import { tauTailWith } from "../compare/tau-test.ts";
import { adjustP } from "../inference/adjust.ts";
import { ordersOf, pOf } from "../inference/permutations.ts";
import { rankFloats, ranksOf } from "../rdm/ranks.ts";
import { checkSameConditions, pickPairs, type Rdm } from "../rdm/rdm.ts";
import { type ConditionActivations, checkActivations, type NeuronSite } from "./condition-activations.ts";
import { type LightKind, lightDistances, lightsOf } from "./lights.ts";
import { type ChunkOfAttribute, openSearchlightLog, searchlightHash } from "./searchlight-log.ts";

/** Settings of `runSearchlight`. */
export interface RunSearchlightOptions {
  /** `spearman`, tested by permuting conditions; `tau-b` as well, with the parametric test that some analyses use. @default "spearman" */
  readonly method?: "spearman" | "tau-b";
  /** Random orders of the conditions; all, where there are at most 5,040. Not for tau-b. @default 1000 */
  readonly permutations?: number;
  /** What is looked at. @default "neuron" */
  readonly lights?: LightKind;
  /** Lights in one product. @default 2048 */
  readonly chunk?: number;
  readonly random: Random;
  /** A folder for chunks: a searchlight of the same activations, attributes and settings that was stopped or killed resumes, to the same numbers. @default none */
  readonly checkpoint?: string | Files;
  /** Stops between chunks, without a result. */
  readonly signal?: AbortSignal;
}

/** One attribute's values over all lights, in the order of `lights`. */
export interface AttributeSearchlight {
  readonly name: string;
  /** Correlation of each light's RDM with the attribute's; 0 for a light that does not vary. */
  readonly values: Float32Array;
  /** One-sided p (greater): by permutation, or for tau-b by the normal approximation, as if pairs were independent. */
  readonly p: Float64Array;
  /** Chance of such a value at any light; of the permutation test only. */
  readonly pAny?: Float64Array;
  /** Benjamini and Hochberg's, over all lights and attributes. */
  readonly q: Float64Array;
}

/** What a searchlight found. */
export interface Searchlight {
  readonly method: "spearman" | "tau-b";
  readonly permutations: number;
  readonly exact: boolean;
  /** Where each light is. */
  readonly lights: readonly { readonly site: NeuronSite; readonly units: Uint32Array }[];
  readonly attributes: readonly AttributeSearchlight[];
}

/** How far it is, and at the end what was found. */
export type SearchlightEvent =
  | { readonly type: "chunk"; readonly done: number; readonly total: number }
  | ({ readonly type: "end" } & Searchlight);

/** What float32 products may be off by. */
const CLOSE = 1e-5;

/**
 * Correlates every neuron's distances of the conditions with attributes' distances, and tests it by permuting labels.
 *
 * @param attributes - RDMs of the same conditions in the same order, by name; none constant.
 * @throws {ConfigError} For options that do not exist or cannot be meant, a constant attribute, or an activation that is not finite.
 * @throws {ShapeError} When conditions or shapes differ.
 * @throws {CancelledError} When the signal is aborted.
 * @see Kriegeskorte, Goebel and Bandettini 2006, Information-based functional brain mapping, doi:10.1073/pnas.0600244103;
 *      Li et al. 2024, arXiv:2302.09582 (a searchlight of one neuron).
 * @example
 * const found = await result(runSearchlight(activations, { valence, arousal }, { random: random(1) }));
 * selectUnits(scoresOf(found, "valence"), { top: 0.1 });
 */
export async function* runSearchlight(
  activations: ConditionActivations,
  attributes: Readonly<Record<string, Rdm>>,
  options: RunSearchlightOptions,
): AsyncGenerator<SearchlightEvent> {
  checkOptions("runSearchlight", options, [
    "method",
    "permutations",
    "lights",
    "chunk",
    "random",
    "checkpoint",
    "signal",
  ]);
  const { method = "spearman", permutations = 1000, lights: kind = "neuron", chunk = 2048, random, signal } = options;
  checkSettings(method, options.permutations, chunk);
  checkActivations("runSearchlight", activations);
  const names = Object.keys(attributes);
  const rdms = Object.values(attributes);
  checkAttributes(activations, names, rdms);
  const places = activations.sites.map((site) => ({ site, lights: lightsOf(site, kind, random.at("lights")) }));
  const lights = places.flatMap(({ site, lights: groups }) => groups.map((units) => ({ site, units })));
  const found = names.map(() => ({ values: new Float32Array(lights.length), p: new Float64Array(lights.length) }));
  const test = method === "spearman" ? permutationTest(rdms, permutations, random) : parametricTest(rdms);
  try {
    const settings = { method, permutations, chunk, lights: kind as never, key: [...random.key] };
    const log =
      options.checkpoint === undefined
        ? undefined
        : await openSearchlightLog(options.checkpoint, searchlightHash(activations, attributes, settings));
    let [done, number] = [0, 0];
    for (const { site, lights: groups } of places) {
      for (let from = 0; from < groups.length; from += chunk) {
        if (signal?.aborted === true) throw new CancelledError({ message: "runSearchlight: stopped by its signal" });
        const part = groups.slice(from, from + chunk);
        const known = await log?.read(number);
        if (known !== undefined) test.resume(known);
        const rows = known ?? (await test.look(lightDistances(activations, site, part), part.length));
        if (known === undefined)
          await log?.write(
            number,
            rows.map((row, a) => ({ ...row, maxima: test.maxima(a) })),
          );
        number += 1;
        rows.forEach(({ values, p }, a) => {
          found[a]!.values.set(values, done);
          found[a]!.p.set(p, done);
        });
        done += part.length;
        yield { type: "chunk", done, total: lights.length };
      }
    }
  } finally {
    test.dispose();
  }
  const q = adjustP(Float64Array.from(found.flatMap(({ p }) => [...p])));
  yield {
    type: "end",
    method,
    permutations: test.tried,
    exact: test.exact,
    lights,
    attributes: names.map((name, a) => ({
      name,
      ...found[a]!,
      ...(test.pAny !== undefined && { pAny: test.pAny(a, found[a]!.values) }),
      q: q.slice(a * lights.length, (a + 1) * lights.length),
    })),
  };
}

function checkSettings(method: string, permutations: number | undefined, chunk: number): void {
  const problem =
    method !== "spearman" && method !== "tau-b"
      ? `method must be "spearman" or "tau-b", got "${method}"`
      : method === "tau-b" && permutations !== undefined
        ? "tau-b has a parametric test and is not permuted; leave permutations out, or choose spearman"
        : permutations !== undefined && (!Number.isSafeInteger(permutations) || permutations < 1)
          ? `permutations must be an integer from 1, got ${permutations}`
          : !Number.isSafeInteger(chunk) || chunk < 1
            ? `chunk must be an integer from 1, got ${chunk}`
            : undefined;
  if (problem !== undefined) throw new ConfigError({ message: `runSearchlight: ${problem}` });
}

function checkAttributes({ conditions }: ConditionActivations, names: readonly string[], rdms: readonly Rdm[]): void {
  checkSameConditions("runSearchlight", rdms);
  if (
    rdms[0]!.conditions.some((name, i) => name !== conditions[i]) ||
    rdms[0]!.conditions.length !== conditions.length
  ) {
    throw new ShapeError({
      message: "runSearchlight: the attributes have other conditions than the activations, or another order",
    });
  }
  rdms.forEach(({ values }, a) => {
    if (values.some(Number.isNaN) || values.every((value) => value === values[0])) {
      throw new ConfigError({
        message: `runSearchlight: the RDM of "${names[a]}" is constant or has unknown pairs`,
        attribute: names[a],
      });
    }
  });
}

/** Values and p of some lights, for each attribute. */
interface LightTest {
  look(distances: Float32Array, count: number): Promise<readonly { values: ArrayLike<number>; p: ArrayLike<number> }[]>;
  pAny?(attribute: number, values: Float32Array): Float64Array;
  /** The greatest value of any light so far, under each permutation. */
  maxima(attribute: number): Float32Array;
  /** Takes up those of a chunk that was computed before. */
  resume(chunk: readonly ChunkOfAttribute[]): void;
  readonly tried: number;
  readonly exact: boolean;
  dispose(): void;
}

/** Ranks made to have mean 0 and length 1; zeros for a constant list, which has no correlation. */
function standardised(ranks: Float64Array): Float64Array {
  const mean = (ranks.length + 1) / 2;
  let length = 0;
  for (const rank of ranks) length += (rank - mean) ** 2;
  return length === 0 ? ranks.fill(0) : ranks.map((rank) => (rank - mean) / Math.sqrt(length));
}

function permutationTest(rdms: readonly Rdm[], permutations: number, random: Random): LightTest {
  const count = rdms[0]!.conditions.length;
  const { exact, orders } = ordersOf(count, permutations, random.at("permutations"));
  const drawn = [...orders];
  const pairs = rdms[0]!.values.length;
  const rank = rankFloats(pairs);
  // A matrix [pairs, permutations] for each attribute; the attribute as it is stands in a column of its own in front.
  const matrices = rdms.map(({ values }) => {
    const ranks = standardised(ranksOf(values));
    const columns = new Float32Array(pairs * (drawn.length + 1));
    const set = (column: number, list: Float64Array): void => {
      for (let pair = 0; pair < pairs; pair++) columns[pair * (drawn.length + 1) + column] = list[pair]!;
    };
    set(0, ranks);
    drawn.forEach((order, i) => {
      set(i + 1, pickPairs(ranks, count, order));
    });
    return tensor2d(columns, [pairs, drawn.length + 1]);
  });
  const maxima = rdms.map(() => new Float32Array(drawn.length).fill(Number.NEGATIVE_INFINITY));
  return {
    tried: drawn.length,
    exact,
    async look(distances, lights) {
      const ranks = new Float32Array(distances.length);
      for (let l = 0; l < lights; l++)
        ranks.set(standardised(rank(distances.subarray(l * pairs, (l + 1) * pairs))), l * pairs);
      const rows = tensor2d(ranks, [lights, pairs]);
      const results = [];
      try {
        for (const [a, matrix] of matrices.entries()) {
          const made = tidy(() => {
            const scores = matMul(rows, matrix); // [lights, 1 + permutations]
            const observed = slice(scores, [0, 0], [-1, 1]);
            const permuted = slice(scores, [0, 1], [-1, -1]);
            const reached = sum(cast(greaterEqual(permuted, sub(observed, CLOSE)), "int32"), 1);
            return { observed, reached, most: max(permuted, 0) } as Record<"observed" | "reached" | "most", Tensor>;
          });
          const [values, reached, most] = await Promise.all([
            made.observed.data(),
            made.reached.data(),
            made.most.data(),
          ]);
          dispose(made);
          most.forEach((value, i) => {
            maxima[a]![i] = Math.max(maxima[a]![i]!, value);
          });
          results.push({ values, p: Float64Array.from(reached, (b) => pOf(b, drawn.length, exact)) });
        }
      } finally {
        rows.dispose();
      }
      return results;
    },
    pAny(a, values) {
      const sorted = maxima[a]!.slice().sort();
      return Float64Array.from(values, (value) => {
        let [low, high] = [0, sorted.length];
        while (low < high) {
          const middle = (low + high) >> 1;
          if (sorted[middle]! >= value - CLOSE) high = middle;
          else low = middle + 1;
        }
        return pOf(sorted.length - low, drawn.length, exact);
      });
    },
    maxima: (a) => maxima[a]!,
    resume(chunk) {
      for (const [a, { maxima: before }] of chunk.entries()) maxima[a]!.set(before);
    },
    dispose: () => dispose(matrices),
  };
}

function parametricTest(rdms: readonly Rdm[]): LightTest {
  const pairs = rdms[0]!.values.length;
  const withRdm = rdms.map(({ values }) => tauTailWith(values));
  return {
    tried: 0,
    exact: false,
    async look(distances, lights) {
      return withRdm.map((test) => {
        const [values, p] = [new Float64Array(lights), new Float64Array(lights)];
        for (let l = 0; l < lights; l++) {
          const { tau, p: tail } = test(distances.subarray(l * pairs, (l + 1) * pairs));
          values[l] = Number.isNaN(tau) ? 0 : tau;
          p[l] = Number.isNaN(tau) ? 1 : tail;
        }
        return { values, p };
      });
    },
    maxima: () => new Float32Array(0),
    resume: () => undefined,
    dispose: () => undefined,
  };
}
