import { ConfigError, checkOptions } from "@cambium/base";
import type { Hook, Runnable } from "@cambium/core";
import { capture, type LanguageOutput, type TokenBatch } from "@cambium/models";
import { dispose, type Scalar, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { scalarOf } from "../neurons/attribution.ts";
import { intervene } from "./intervene.ts";
import { findSites } from "./site-names.ts";

/** Settings of `measurePatchGrid`. */
export interface MeasurePatchGridOptions {
  /** Name of the sites, as `findSites` takes it; one row for each. @default "block" */
  readonly site?: string;
  /** Tokens that are patched, one column for each; rows that a prompt puts in front of them stay. @default all of the batch */
  readonly positions?: readonly number[];
  readonly hooks?: readonly Hook[];
}

/** Scores by site and position. */
export interface PatchGrid {
  /** Paths of the sites, first to last. */
  readonly sites: readonly string[];
  readonly positions: readonly number[];
  /** Score of the batch, and of the source, as they are. */
  readonly score: number;
  readonly sourceScore: number;
  /** `[sites][positions]`: the batch's score with one site at one position as it is in the source. */
  readonly values: readonly (readonly number[])[];
  /** `(value − score) / (sourceScore − score)`: 0 where the patch does nothing, 1 where it does all; NaN where both scores are equal. */
  readonly effects: readonly (readonly number[])[];
}

/**
 * Activation patching: where in a model what differs between two batches is decided. What leaves each site at each position is put in from
 * the source, one at a time.
 *
 * @param source - A batch of the same shape, which differs in what is asked about.
 * @param score - A scalar of a pass, such as a difference of two logits.
 * @throws {ConfigError} For options or sites that do not exist, a position outside the batch, or a score of several numbers. @throws {ShapeError} When the batches
 *   differ in shape.
 * @see Meng et al. 2022, Locating and editing factual associations in GPT, arXiv:2202.05262 (causal tracing); Heimersheim and Nanda 2024,
 *      How to use and interpret activation patching, arXiv:2404.15255.
 */
export async function measurePatchGrid(
  model: Runnable<TokenBatch, LanguageOutput>,
  batch: TokenBatch,
  source: TokenBatch,
  score: (output: LanguageOutput) => Scalar,
  options: MeasurePatchGridOptions = {},
): Promise<PatchGrid> {
  checkOptions("measurePatchGrid", options, ["site", "positions", "hooks"]);
  const { site: name = "block", hooks = [] } = options;
  const sites = findSites(model, name);
  const seq = batch.ids.shape[1];
  const { positions = Array.from({ length: seq }, (_, i) => i) } = options;
  const beyond = positions.find((place) => !Number.isInteger(place) || place < 0 || place >= seq);
  if (positions.length === 0 || beyond !== undefined)
    throw new ConfigError({
      message: `measurePatchGrid: positions must be from 0 to ${seq - 1}, got ${beyond ?? "none"}`,
    });
  const read = async (run: () => Scalar): Promise<number> => {
    const scalar = tidy(() => scalarOf("measurePatchGrid", run()));
    const [value] = await scalar.data();
    scalar.dispose();
    return value!;
  };
  const roles = [...new Set(sites.map(({ role }) => role))];
  const { output, captured } = capture(model, source, roles, { hooks });
  try {
    const sourceScore = await read(() => score(output));
    const plain = await read(() => score(model.forward(batch, { hooks })));
    const values: number[][] = [];
    for (const { path } of sites) {
      const row: number[] = [];
      for (const place of positions) {
        const patch = intervene(model, [{ site: path, positions: [place], op: { kind: "swap" } }], {
          sources: captured,
          batch,
        });
        row.push(await read(() => score(model.forward(batch, { hooks: [...hooks, ...patch] }))));
      }
      values.push(row);
    }
    const whole = sourceScore - plain;
    return {
      sites: sites.map(({ path }) => path),
      positions,
      score: plain,
      sourceScore,
      values,
      effects: values.map((row) => row.map((value) => (whole === 0 ? Number.NaN : (value - plain) / whole))),
    };
  } finally {
    dispose([...captured.values(), ...Object.values(output).filter((x): x is Tensor => typeof x === "object")]);
  }
}
