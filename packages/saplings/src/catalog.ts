/** Names of the models: `bert-<layers>x<width>`. */
export type SaplingName = "bert-4x256" | "bert-2x128";

/** What is shipped of one version of a model. */
export interface SaplingInfo {
  readonly name: SaplingName;
  /** 1 grew on books, speeches and dictionaries; 2 continues it with e-mail. */
  readonly version: 1 | 2;
  readonly layers: number;
  /** dModel, the width of a hidden state. */
  readonly width: number;
  readonly heads: number;
  /** Longest sequence, in pieces. */
  readonly maxLength: number;
  readonly vocabularySize: number;
  /** Weights in all: embeddings, layers, pooler and the masked-language-model head. */
  readonly parameterCount: number;
  /** Size of `model.safetensors`. */
  readonly sizeBytes: number;
}

const shared = { maxLength: 256, vocabularySize: 8000 } as const;
const large = {
  ...shared,
  name: "bert-4x256",
  layers: 4,
  width: 256,
  heads: 4,
  parameterCount: 5_413_696,
  sizeBytes: 10_835_928,
} as const;

/** Everything that is shipped. */
export const saplings: readonly SaplingInfo[] = [
  {
    ...shared,
    name: "bert-2x128",
    version: 1,
    layers: 2,
    width: 128,
    heads: 2,
    parameterCount: 1_495_104,
    sizeBytes: 2_995_072,
  },
  { ...large, version: 1 },
  { ...large, version: 2 },
];
