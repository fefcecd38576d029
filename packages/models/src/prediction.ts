/** What heads say of a text. */
import type { HeadConfig } from "./head-config.ts";

/** A label of the head, and how likely it is. */
export interface LabelScore {
  readonly label: string;
  /**
   * Probability, from 0 to 1. Those of all labels add up to 1, unless the head gives several labels: then each is that of its
   * label by itself.
   */
  readonly score: number;
}

/** What a predictor gives for a text under a head; of a head that the type does not know, any of these. */
export type PredictionOf<Top extends HeadConfig> = Top extends { readonly kind: "sequence-classification" }
  ? readonly LabelScore[]
  : Top extends { readonly kind: "regression" }
    ? NumbersOf<Top>
    : never;

/** What a regression head gives: one number, a list of them, or numbers by name. */
export type NumbersOf<Top> = Top extends { readonly outputs: readonly string[] }
  ? Readonly<Record<string, number>>
  : Top extends { readonly outputs: number }
    ? readonly number[]
    : "outputs" extends keyof Top
      ? number | readonly number[] | Readonly<Record<string, number>>
      : number;

/** The head of a model, as its type knows it. */
export type HeadOf<Model> = Model extends { readonly head?: infer Top } ? Extract<Top, HeadConfig> : never;
