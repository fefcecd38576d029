/** What is shipped of one version of a model. */
export interface SaplingInfo {
  readonly name: SaplingName;
  /** Of encoders, 1 was trained on books, speeches and dictionaries, and 2 continues from it with e-mail. */
  readonly version: SaplingVersion;
  /** What it reads and writes; the head that it has learnt with is `masked-lm`, `causal-lm` or `sequence-to-sequence`. */
  readonly kind: "encoder" | "decoder" | "encoder-decoder";
  /** Of each stack. */
  readonly layers: number;
  /** dModel, the width of a hidden state. */
  readonly width: number;
  readonly heads: number;
  /** Longest sequence, in pieces. */
  readonly maxLength: number;
  readonly vocabularySize: number;
  /** Weights in all that the file holds: also those of heads and poolers. */
  readonly parameterCount: number;
  /** Size of `model.safetensors`. */
  readonly sizeBytes: number;
}

/** Everything that is shipped: `pnpm grow ship` prints what stands here of a model. */
const catalog = [
  {
    name: "bert-2x128",
    version: 1,
    kind: "encoder",
    layers: 2,
    width: 128,
    heads: 2,
    maxLength: 256,
    vocabularySize: 8000,
    parameterCount: 1495104,
    sizeBytes: 2995072,
  },
  {
    name: "bert-4x256",
    version: 1,
    kind: "encoder",
    layers: 4,
    width: 256,
    heads: 4,
    maxLength: 256,
    vocabularySize: 8000,
    parameterCount: 5413696,
    sizeBytes: 10835928,
  },
  {
    name: "bert-4x256",
    version: 2,
    kind: "encoder",
    layers: 4,
    width: 256,
    heads: 4,
    maxLength: 256,
    vocabularySize: 8000,
    parameterCount: 5413696,
    sizeBytes: 10835928,
  },
] as const;

/** Names of the models: `<family>-<layers>x<width>`. */
export type SaplingName = (typeof catalog)[number]["name"];

/** Versions that models have; not all have all. */
export type SaplingVersion = (typeof catalog)[number]["version"];

/** Everything that is shipped. */
export const saplings: readonly SaplingInfo[] = catalog;
