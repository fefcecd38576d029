import { ConfigError } from "@cambium/base";
import { random } from "@cambium/core";
import { add, dispose, mul, type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import type { Architecture, ModelConfig, TokenBatch } from "../architecture.ts";
import { architectures as builtIn } from "../architectures/index.ts";
import { createModel } from "../create.ts";
import { type HeadConfig, type HeadKind, outputsOf } from "../head-config.ts";
import type { LanguageModel } from "../language-model.ts";

/** Settings of `tinyModel`. */
export interface TinyModelOptions<Top extends HeadConfig = HeadConfig> {
  /** A `model_type`. @default "bert" */
  readonly type?: string;
  /** `undefined` for none. @default three classes of sequences where the architecture has such a head, else its first head */
  readonly head?: Top | undefined;
  /** @default 1 */
  readonly seed?: number;
  /** Rate of every dropout. @default 0.1 */
  readonly dropout?: number;
  /** Architectures to choose from. @default those of this package */
  readonly architectures?: readonly Architecture[];
}

/** A head of each kind for tiny models. */
export const tinyHeads: Readonly<Record<HeadKind, HeadConfig>> = {
  "sequence-classification": { kind: "sequence-classification", labels: ["red", "green", "blue"] },
  "token-classification": { kind: "token-classification", labels: ["O", "B", "I", "E"] },
  "question-answering": { kind: "question-answering" },
  "masked-lm": { kind: "masked-lm" },
  "causal-lm": { kind: "causal-lm" },
  "sequence-to-sequence": { kind: "sequence-to-sequence" },
  regression: { kind: "regression" },
  embedding: { kind: "embedding" },
};

/**
 * A model of a few layers and seeded random weights, wide enough that every part shows in what comes out. Biases and norms are
 * random as well, so that none of them hides behind a zero or a one. The caller disposes of its parameters.
 *
 * @throws {ConfigError} When no architecture has this type.
 */
export function tinyModel<Config extends ModelConfig = ModelConfig, Top extends HeadConfig = HeadConfig>(
  options: TinyModelOptions<Top> = {},
): LanguageModel<Config, Top> {
  const { type = "bert", seed = 1, dropout = 0.1, architectures = builtIn } = options;
  const architecture = architectures.find(({ types }) => types.includes(type));
  if (architecture === undefined)
    throw new ConfigError({ message: `tinyModel: no architecture has the type "${type}"` });
  const head = "head" in options ? options.head : (usualHead(architecture) as Top | undefined);
  const key = random(seed);
  const config = { ...architecture.tiny(dropout), model_type: type };
  const model = createModel<Config, Top>(config, key, { architectures, ...(head !== undefined && { head }) });
  const parameters = new Map<string, Tensor>();
  for (const [name, value] of model.parameters) {
    const shift = value.rank === 1 ? 0.3 : 0;
    parameters.set(
      name,
      tidy(() => add(value, mul(key.at("shift").at(name).normal(value.shape), shift))),
    );
    value.dispose();
  }
  return {
    ...model,
    parameters,
    forward: (input, forwardOptions) => model.forward(input, { parameters, ...forwardOptions }),
    ...(model.loss !== undefined && {
      loss: (input, forwardOptions) => model.loss!(input, { parameters, ...forwardOptions }),
    }),
  };
}

function usualHead({ heads }: Architecture): HeadConfig | undefined {
  const kind = heads["sequence-classification"] === undefined ? Object.keys(heads)[0] : "sequence-classification";
  return kind === undefined ? undefined : tinyHeads[kind as HeadKind];
}

const IDS = [
  [3, 9, 14, 7, 22, 5],
  [4, 18, 6, 11, 0, 0],
  [12, 8, 21, 0, 0, 0],
];
const MASK = IDS.map((row) => row.map((id) => (id === 0 ? 0 : 1)));
const TYPES = [
  [0, 0, 0, 1, 1, 1],
  [0, 0, 1, 1, 0, 0],
  [0, 1, 1, 0, 0, 0],
];
const TARGETS = [
  [5, 13, 2, 8, 1],
  [17, 4, 1, -100, -100],
  [9, 20, 11, 1, -100],
];

const int = (rows: readonly (readonly number[])[]): TokenBatch["ids"] =>
  tensor2d(
    rows.map((row) => [...row]),
    [rows.length, rows[0]!.length],
    "int32",
  );

/**
 * Three sequences of six tokens with padding at their ends, two segments where the model tells them apart, and the labels that
 * its head reads. The caller disposes of them.
 */
export function tinyBatch(model: Pick<LanguageModel, "architecture" | "config" | "head">): TokenBatch {
  const padding = model.architecture.padding?.(model.config) ?? 0;
  return {
    ids: int(IDS.map((row) => row.map((id) => (id === 0 ? padding : id)))),
    mask: tensor2d(MASK.map((row) => [...row])),
    ...(model.architecture.batch === "tokens+types" && { types: int(TYPES) }),
    ...(model.head !== undefined && { labels: labelsFor(model.head) }),
    ...(model.head === undefined &&
      model.architecture.batch === "source+target" && {
        targetIds: int([
          [0, 5, 13],
          [0, 17, 4],
          [0, 9, 20],
        ]),
      }),
  };
}

function labelsFor(head: HeadConfig): Tensor {
  const width = outputsOf(head);
  switch (head.kind) {
    case "sequence-classification": {
      if (head.multiLabel !== true) return tensor1d([0, 2, 1], "int32");
      return tensor2d(IDS.map((_, i) => Array.from({ length: width }, (_, j) => ((i + j) % 3 === 0 ? 0 : 1))));
    }
    case "regression": {
      const numbers = [0.5, -1, 2];
      if (width === 1) return tensor1d(numbers);
      return tensor2d(numbers.map((number, i) => Array.from({ length: width }, (_, j) => number + 0.25 * j * i)));
    }
    case "question-answering":
      return int([
        [2, 4],
        [1, 1],
        [0, 2],
      ]);
    case "token-classification":
      return int(MASK.map((row, i) => row.map((real, j) => (real === 1 ? (i + j) % 4 : -100))));
    case "sequence-to-sequence":
      return int(TARGETS);
    case "embedding":
      return int([[1, 0]]); // a text, its pair, and a negative
    default:
      return int(IDS.map((row) => row.map((id) => (id === 0 ? -100 : id))));
  }
}

/** Disposes of the tensors of a batch, or of a forward pass. */
export function disposeFields(fields: object): void {
  dispose(fields as Record<string, Tensor>);
}
