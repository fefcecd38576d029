/** How much each neuron contributes to a score, by gradients: integrated gradients, and gradient times difference. */
import { ConfigError, checkOptions } from "@cambium/base";
import { around, type Hook, type Runnable, type Site } from "@cambium/core";
import { capture, type LanguageOutput, type TokenBatch } from "@cambium/models";
import {
  add,
  dispose,
  grads,
  mul,
  reshape,
  type Scalar,
  sub,
  sum,
  type Tensor,
  tensor3d,
  tidy,
  zerosLike,
} from "@tensorflow/tfjs-core";
import { findSites } from "../capture/site-names.ts";
import type { NeuronScores } from "./scores.ts";

/** Settings of `attributeUnits`. */
export interface AttributeUnitsOptions {
  /**
   * `integrated`: `(a − b) ∫ ∂F/∂a dα` on the straight line from the baseline b, by midpoints; `gradient`: `(a − b) ∂F/∂a` at the
   * activations as they are, attribution patching. @default "integrated"
   */
  readonly method?: "integrated" | "gradient";
  /** Points of the line. @default 20 */
  readonly steps?: number;
  /** Name of the sites, as `findSites` takes it; all of them move together. @default "ff.act" */
  readonly site?: string;
  /** What neurons are compared with: zero, or values by the path of the site, `[width]`, such as means. @default "zero" */
  readonly baseline?: "zero" | ReadonlyMap<string, Float32Array>;
  /**
   * The token of each example, from 0, whose neurons are compared with the baseline while those of all others stay as they are: the mask's, for
   * knowledge neurons. Rows that a prompt puts in front of the words are not counted. @default all tokens, which move together
   */
  readonly positions?: readonly number[];
  readonly hooks?: readonly Hook[];
}

/** What neurons contribute. */
export interface Attribution extends NeuronScores {
  /** The score at the activations, and at the baseline. */
  readonly score: number;
  readonly baselineScore: number;
  /** Sum of all contributions: `score − baselineScore`, as far as the steps integrate well. */
  readonly total: number;
}

/**
 * Contributions of neurons to a scalar, summed over examples and positions.
 *
 * @param score - A scalar of a pass, such as a difference of two logits summed over the batch.
 * @throws {ConfigError} For options or sites that do not exist, a score of several numbers, a baseline of another width, or positions that do not fit; on backends or sites without gradients the backend's error.
 * @see Sundararajan, Taly and Yan 2017, Axiomatic attribution for deep networks, arXiv:1703.01365. Dai et al. 2022, Knowledge
 *      neurons in pretrained transformers, arXiv:2104.08696; Niu et al. 2024, arXiv:2405.02421, on what such neurons do not show.
 */
export async function attributeUnits(
  model: Runnable<TokenBatch, LanguageOutput>,
  batch: TokenBatch,
  score: (output: LanguageOutput) => Scalar,
  options: AttributeUnitsOptions = {},
): Promise<Attribution> {
  checkOptions("attributeUnits", options, ["method", "steps", "site", "baseline", "positions", "hooks"]);
  const { method = "integrated", site: name = "ff.act", baseline = "zero", positions, hooks = [] } = options;
  const { steps = method === "gradient" ? 1 : 20 } = options;
  const problem =
    method !== "integrated" && method !== "gradient"
      ? `method must be "integrated" or "gradient", got "${method}"`
      : method === "gradient" && options.steps !== undefined
        ? "steps are of integrated"
        : !Number.isSafeInteger(steps) || steps < 1
          ? `steps must be an integer from 1, got ${steps}`
          : undefined;
  if (problem !== undefined) throw new ConfigError({ message: `attributeUnits: ${problem}` });
  const sites = findSites(model, name);
  if (sites.some(({ kind }) => kind === "embed"))
    throw new ConfigError({ message: "attributeUnits: embeddings have no units to be put in; choose L0.resid" });
  const paths = new Set(sites.map(({ path }) => path));
  const roles = [...new Set(sites.map(({ role }) => role))];
  const { output, captured } = capture(model, batch, roles, { hooks });
  const sums: Tensor[] = [];
  const owned = [...captured.values(), ...Object.values(output).filter((x): x is Tensor => typeof x === "object")];
  try {
    const actual = sites.map(({ path }) => captured.get(path)!);
    const base = tidy(() =>
      sites.map((site, i) => {
        const zero = zerosLike(actual[i]!);
        const rest = baseline === "zero" ? zero : add(zero, [...needValues(baseline, site.path, zero.shape.at(-1)!)]);
        if (positions === undefined) return rest;
        const chosen = chosenTokens(actual[i]!, site, positions, batch);
        return add(mul(rest, chosen), mul(actual[i]!, sub(1, chosen)));
      }),
    );
    owned.push(...base);
    /** The score where every site gives what is put in. */
    const run = (...values: Tensor[]): Scalar => {
      const byPath = new Map(sites.map(({ path }, i) => [path, values[i]!]));
      const put = around(
        sites[0]!.kind as "activation",
        ({ path }) => paths.has(path),
        ({ site }) => byPath.get(site.path)! as never,
      );
      return scalarOf("attributeUnits", score(model.forward(batch, { hooks: [...hooks, put as unknown as Hook] })));
    };
    // First, so that a score that cannot be fails here: what fails within a gradient leaves tensors of tfjs's behind.
    const [now, before] = tidy(() => [scalarOf("attributeUnits", score(output)), run(...base)]) as [Scalar, Scalar];
    owned.push(now, before);
    const slope = grads((...values: Tensor[]) => run(...values));
    for (const value of actual) sums.push(tidy(() => zerosLike(sum(value, axesButLast(value)))));
    for (let step = 0; step < steps; step++) {
      const at = method === "gradient" ? 1 : (step + 0.5) / steps;
      const parts = tidy(() => {
        const points = actual.map((value, i) => add(base[i]!, mul(sub(value, base[i]!), at)));
        return slope(points).map((gradient, i) => {
          const part = mul(gradient, sub(actual[i]!, base[i]!));
          return mul(sum(part, axesButLast(part)), 1 / steps);
        });
      });
      parts.forEach((part, i) => {
        const before = sums[i]!;
        sums[i] = add(before, part);
        dispose([before, part]);
      });
    }
    const values = new Map<string, Float32Array>();
    for (const [i, { path }] of sites.entries()) values.set(path, (await sums[i]!.data()) as Float32Array);
    const total = [...values.values()].reduce((all, list) => all + list.reduce((a, b) => a + b, 0), 0);
    return {
      method: `${method} attribution`,
      sites,
      values,
      score: (await now.data())[0]!,
      baselineScore: (await before.data())[0]!,
      total,
    };
  } finally {
    dispose([...owned, ...sums]);
  }
}

/** A score of several numbers would be one of them here and their sum in the gradient. */
export function scalarOf(caller: string, score: Tensor): Scalar {
  if (score.size === 1) return reshape(score, []) as Scalar;
  throw new ConfigError({
    message: `${caller}: the score must be a scalar, got [${score.shape}]; sum it over the batch`,
  });
}

/** 1 at the token of each example and 0 elsewhere, `[batch, extra + seq, 1]`. */
function chosenTokens(x: Tensor, site: Site, positions: readonly number[], batch: TokenBatch): Tensor {
  const [rows, length] = [x.shape[0]!, x.shape[1]!];
  const extra = site.stack === "decoder" ? 0 : Math.max(0, length - batch.mask.shape[1]);
  const strange = positions.findIndex((at) => !Number.isInteger(at) || at < 0 || at >= length - extra);
  if (x.rank !== 3 || positions.length !== rows || strange >= 0) {
    throw new ConfigError({
      message: `attributeUnits: positions must be a token from 0 to ${length - extra - 1} for each of ${rows} examples, got [${positions.join(", ")}] at ${site.path}, [${x.shape}]`,
      path: site.path,
    });
  }
  const flags = new Float32Array(rows * length);
  positions.forEach((at, row) => {
    flags[row * length + extra + at] = 1;
  });
  return tensor3d(flags, [rows, length, 1]);
}

const axesButLast = (x: Tensor): number[] => Array.from({ length: x.rank - 1 }, (_, i) => i);

function needValues(baseline: ReadonlyMap<string, Float32Array>, path: string, width: number): Float32Array {
  const values = baseline.get(path);
  if (values?.length === width) return values;
  throw new ConfigError({
    message: `attributeUnits: the baseline needs ${width} values of ${path}, got ${values?.length ?? "none"}`,
    path,
  });
}
