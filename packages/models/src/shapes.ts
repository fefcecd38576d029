import type { EncoderConfig } from "./config.ts";
import type { HeadConfig } from "./head-config.ts";

/** Shapes by parameter name, in the order of the forward pass. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/**
 * Name and shape of every parameter of an encoder with a head, without its weights.
 *
 * What loading checks, what random creation makes, and what can be counted before anything is downloaded. An encoder
 * without a head counts its pooler; RoBERTa's heads, and those that read tokens, do without one.
 *
 * @example
 * const count = countShapes(parameterShapes(config, { kind: "masked-lm" }));
 */
export function parameterShapes(config: EncoderConfig, head?: HeadConfig): Shapes {
  return new Map([
    ...encoderShapes(config),
    ...(head === undefined || readsPooler(config, head) ? poolerShapes(config) : []),
    ...(head === undefined ? [] : headShapes(config, head)),
  ]);
}

/** Number of scalars of all shapes together. */
export function countShapes(shapes: Shapes): number {
  let count = 0;
  for (const shape of shapes.values()) count += shape.reduce((size, dimension) => size * dimension, 1);
  return count;
}

/** Whether a head reads `pooler.dense`: BERT's heads on whole sequences do. */
export function readsPooler(config: EncoderConfig, head: HeadConfig): boolean {
  return config.model_type === "bert" && (head.kind === "sequence-classification" || head.kind === "regression");
}

function linear(name: string, out: number, input: number): [string, readonly number[]][] {
  return [
    [`${name}.weight`, [out, input]],
    [`${name}.bias`, [out]],
  ];
}

function norm(name: string, width: number): [string, readonly number[]][] {
  return [
    [`${name}.weight`, [width]],
    [`${name}.bias`, [width]],
  ];
}

/** Embeddings and layers. */
export function encoderShapes(config: EncoderConfig): Shapes {
  const { hidden_size: dModel, intermediate_size: dFf } = config;
  const shapes: [string, readonly number[]][] = [
    ["embeddings.word_embeddings.weight", [config.vocab_size, dModel]],
    ["embeddings.position_embeddings.weight", [config.max_position_embeddings, dModel]],
    ["embeddings.token_type_embeddings.weight", [config.type_vocab_size, dModel]],
    ...norm("embeddings.LayerNorm", dModel),
  ];
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const layer = `encoder.layer.${i}`;
    shapes.push(
      ...linear(`${layer}.attention.self.query`, dModel, dModel),
      ...linear(`${layer}.attention.self.key`, dModel, dModel),
      ...linear(`${layer}.attention.self.value`, dModel, dModel),
      ...linear(`${layer}.attention.output.dense`, dModel, dModel),
      ...norm(`${layer}.attention.output.LayerNorm`, dModel),
      ...linear(`${layer}.intermediate.dense`, dFf, dModel),
      ...linear(`${layer}.output.dense`, dModel, dFf),
      ...norm(`${layer}.output.LayerNorm`, dModel),
    );
  }
  return new Map(shapes);
}

/** The layer on the first token that BERT's sequence heads read. */
export function poolerShapes(config: EncoderConfig): Shapes {
  return new Map(linear("pooler.dense", config.hidden_size, config.hidden_size));
}

/** What a head adds. The masked-LM decoder's matrix is the word embeddings', so only its bias counts. */
export function headShapes(config: EncoderConfig, head: HeadConfig): Shapes {
  const dModel = config.hidden_size;
  const isBert = config.model_type === "bert";
  switch (head.kind) {
    case "masked-lm":
      return new Map(
        isBert
          ? [
              ...linear("cls.predictions.transform.dense", dModel, dModel),
              ...norm("cls.predictions.transform.LayerNorm", dModel),
              ["cls.predictions.bias", [config.vocab_size]],
            ]
          : [
              ...linear("lm_head.dense", dModel, dModel),
              ...norm("lm_head.layer_norm", dModel),
              ["lm_head.bias", [config.vocab_size]],
            ],
      );
    case "token-classification":
      return new Map(linear("classifier", head.labels.length, dModel));
    default: {
      const outputs = head.kind === "regression" ? 1 : head.labels.length;
      return new Map(
        isBert
          ? linear("classifier", outputs, dModel)
          : [...linear("classifier.dense", dModel, dModel), ...linear("classifier.out_proj", outputs, dModel)],
      );
    }
  }
}
