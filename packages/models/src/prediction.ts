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

/** A piece of a text with its label. */
export interface Entity {
  /** A label of the head; of words and entities, without `B-` and `I-`. */
  readonly label: string;
  /** Probability, from 0 to 1; of an entity, the mean of its parts'. */
  readonly score: number;
  /** `text.slice(from, to)`. */
  readonly word: string;
  readonly from: number;
  readonly to: number;
}

/** A piece of a text that answers a question. */
export interface AnswerScore {
  /** `pair.slice(from, to)`, or `""` where none is the answer. */
  readonly text: string;
  /** Probability, from 0 to 1, within the window that it stands in. */
  readonly score: number;
  readonly from: number;
  readonly to: number;
}

/** A word in place of a mask token. */
export interface Filling {
  /** The word as the tokenizer writes it. */
  readonly token: string;
  /** Its id. */
  readonly id: number;
  /** Probability, from 0 to 1. */
  readonly score: number;
  /** The text with it, as the tokenizer writes it. */
  readonly text: string;
  /** Which of the text's mask tokens it stands for, from 0. */
  readonly mask: number;
}

/** What a predictor gives for a text under a head; of a head that the type does not know, any of these. */
export type PredictionOf<Top extends HeadConfig> = Top extends { readonly kind: "sequence-classification" }
  ? readonly LabelScore[]
  : Top extends { readonly kind: "regression" }
    ? NumbersOf<Top>
    : Top extends { readonly kind: "token-classification" }
      ? readonly Entity[]
      : Top extends { readonly kind: "question-answering" }
        ? readonly AnswerScore[]
        : Top extends { readonly kind: "masked-lm" }
          ? readonly Filling[]
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
