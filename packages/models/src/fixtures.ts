/** Reads `../fixtures` in tests: tiny models, and what transformers computes with them. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Files, folder } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import { type Tensor, tensor, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import type { TokenBatch } from "./architecture.ts";
import type { HeadConfig, HeadKind } from "./head-config.ts";

export type Family = "bert" | "roberta" | "distilbert";

/** Kinds of heads that `make_golden.py` makes. */
export type EncoderHeadKind = Exclude<
  HeadKind,
  "causal-lm" | "sequence-to-sequence" | "question-answering" | "embedding"
>;

/** A tensor as `make_golden.py` writes it. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** What one model computed. */
export interface GoldenHead {
  readonly labels: readonly number[] | readonly (readonly number[])[];
  readonly logits: Numbers;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, Numbers>>;
  /** Logits with two rows in front of the words. */
  readonly prompted: Numbers;
}

export interface Golden {
  readonly ids: readonly (readonly number[])[];
  readonly mask: readonly (readonly number[])[];
  readonly types: readonly (readonly number[])[] | null;
  readonly prompt: Numbers;
  readonly base: {
    readonly hidden: readonly Numbers[];
    /** Of models that have a pooler. */
    readonly pooled?: Numbers;
    readonly offset: { readonly offset: number; readonly hidden: Numbers };
  };
  readonly heads: Readonly<Record<EncoderHeadKind, GoldenHead>>;
}

/** The heads of the fixtures, by kind. */
export const heads: { readonly [Kind in EncoderHeadKind]: HeadConfig & { readonly kind: Kind } } = {
  "sequence-classification": { kind: "sequence-classification", labels: ["ham", "spam", "phishing"] },
  "token-classification": { kind: "token-classification", labels: ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"] },
  "masked-lm": { kind: "masked-lm" },
  regression: { kind: "regression" },
};

const root = fileURLToPath(new URL("../fixtures/", import.meta.url));

/** A folder of the fixtures, such as `bert/base`. */
export function fixture(path: string): Files {
  return folder(`${root}${path}`);
}

/** A JSON file of the fixtures. */
export function fixtureJson<T>(path: string): T {
  return JSON.parse(readFileSync(`${root}${path}`, "utf8")) as T;
}

/** What transformers computed with a family. */
export function golden(family: Family): Golden {
  const { ids, mask, types, prompt, base, ...rest } = fixtureJson<
    Omit<Golden, "heads"> & Record<EncoderHeadKind, GoldenHead>
  >(`${family}/golden.json`);
  return { ids, mask, types, prompt, base, heads: rest };
}

/** The golden batch as tensors, with the labels of a head. */
export function goldenBatch(
  { ids, mask, types }: Golden,
  head?: HeadConfig,
  labels?: GoldenHead["labels"],
): TokenBatch {
  const int = (rows: readonly (readonly number[])[]): TokenBatch["ids"] =>
    tensor2d(
      rows.map((row) => [...row]),
      undefined,
      "int32",
    );
  return {
    ids: int(ids),
    mask: tensor2d(mask.map((row) => [...row])),
    ...(types === null ? {} : { types: int(types) }),
    ...(labels === undefined
      ? {}
      : Array.isArray(labels[0])
        ? { labels: int(labels as number[][]) }
        : { labels: tensor1d(labels as number[], head?.kind === "regression" ? "float32" : "int32") }),
  };
}

export function toTensor({ shape, values }: Numbers): Tensor {
  return tensor([...values], [...shape]);
}

/** Some parameters of a model. */
export function pick(parameters: Parameters, names: readonly string[]): Map<string, Tensor> {
  return new Map(names.map((name) => [name, parameters.get(name)!]));
}
