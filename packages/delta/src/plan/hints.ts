/** How deltas are usually trained. */
import type { Tuned } from "../attach.ts";
import type { Delta } from "../delta.ts";
import { SCALED, type ScaledConfig } from "../scaled.ts";

/** What is usual for one delta. */
export interface TrainingHint {
  readonly delta: string;
  /** Where to begin the search, for Adam. */
  readonly learningRate: number;
  /** Least and most that are worth a try; the fewer scalars and steps, the higher. */
  readonly range: readonly [least: number, most: number];
  /** Whether weight decay makes sense: it pulls to 0, which is no neutral point of a scale, a bias or a norm. */
  readonly decays: boolean;
  readonly reason: string;
}

/** What is usual for a method. */
export interface UsualTraining {
  /** Times the rate of LoRA. */
  readonly factor: number;
  readonly decays: boolean;
  readonly reason: string;
}

/** By kinds; what is not here is trained as LoRA. */
const usual: Readonly<Record<string, UsualTraining>> = {
  ia3: { factor: 5, decays: false, reason: "scales start at 1 and have to move far" },
  norms: { factor: 5, decays: false, reason: "gains start near 1 and have to move far" },
  bitFit: { factor: 3, decays: false, reason: "biases are few, and have to move far" },
  road: { factor: 1, decays: false, reason: "angles, and scales that start at 1" },
  boft: { factor: 1, decays: false, reason: "rotations, and scales that start at 1" },
  vera: { factor: 5, decays: true, reason: "two vectors in front of frozen projections" },
  prefix: { factor: 10, decays: true, reason: "keys and values are reached through attention alone" },
  prompt: { factor: 30, decays: true, reason: "rows are reached through the whole model" },
  head: { factor: 2, decays: true, reason: "one layer, from random values" },
  whole: { factor: 0.1, decays: true, reason: "every weight moves at once" },
};
const asLora: UsualTraining = { factor: 1, decays: true, reason: "as LoRA" };

/** What is usual for the deltas of a kind, as `suggestTraining` has it for deltas; for kinds that it does not know, as for LoRA. */
export function usualTraining(kind: string): UsualTraining {
  return Object.hasOwn(usual, kind) ? usual[kind]! : asLora;
}

/** LoRA's rate by the width of the model: what the wider ones stand is lower. */
function loraRate(width: number): number {
  return width <= 256 ? 2e-3 : width <= 512 ? 1e-3 : width <= 1024 ? 5e-4 : 2e-4;
}

/** Where random masks, of a share of all weights, are usually trained. */
function maskFactor(delta: Delta): number {
  const count = [...delta.parameters.values()].reduce((sum, { size }) => sum + size, 0);
  const total = [...delta.shape.tensors.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((size, each) => size * each, 1),
    0,
  );
  return Math.min(30, Math.max(1, (total / count) ** 0.25));
}

/**
 * Where to begin with each delta: a learning rate for Adam, the range that is worth a search, and whether weights decay. Rules of
 * thumb, not results: prompts and prefixes stand 10 to 100 times LoRA's rate, scales and biases a few times, and masks more the fewer
 * scalars they train (Xu and Zhang 2024, arXiv:2405.02596, section 4). Some 20,000 scalars on MiniLM, trained for three epochs, did
 * best at 3 to 27 times these rates (the table in this package's README).
 *
 * @example
 * const [{ learningRate }] = suggestTraining(tuned);
 */
export function suggestTraining({ base, deltas }: Tuned): readonly TrainingHint[] {
  const width = base.sites().find(({ kind }) => kind === "block")?.width ?? 768;
  return deltas.map((delta) => {
    const { factor, decays, reason } =
      delta.kind === "arbitrary"
        ? { factor: maskFactor(delta), decays: false, reason: "the fewer scalars, the higher" }
        : usualTraining(delta.kind === SCALED ? (delta.config as ScaledConfig).kind : delta.kind);
    const learningRate = Number((factor * loraRate(width)).toPrecision(2));
    return { delta: delta.name, learningRate, range: [learningRate / 5, learningRate * 30], decays, reason };
  });
}
