import { ConfigError, ShapeError } from "@cambium/base";
import { createScope, type ForwardOptions, type Model, type Parameters, random } from "@cambium/core";
import { clone, type Scalar, type Tensor, type Tensor2D, type Tensor3D, tidy } from "@tensorflow/tfjs-core";
import { type EncoderInput, encode } from "./bert.ts";
import type { EncoderConfig } from "./config.ts";
import type { HeadConfig } from "./head-config.ts";
import { applyHead, headLoss, pool, type Targets } from "./heads.ts";
import { encoderSites } from "./sites.ts";

/** One batch: what the encoder reads, and what the loss compares with. */
export interface EncoderBatch extends EncoderInput, Targets {}

/** What a forward pass returns. The caller owns the tensors. A type and no interface, so that `tidy` can return it. */
export type EncoderOutput = {
  /** The last layer, `[batch, extra + seq, dModel]`. */
  readonly hidden: Tensor3D;
  /** The pooler's output, `[batch, dModel]`, where the model has a pooler. */
  readonly pooled?: Tensor2D;
  /** The head's scores, where the model has a head; the shapes stand at `HeadConfig` and `Targets`. */
  readonly logits?: Tensor;
  /** 1 for real rows, `[batch, extra + seq]`. */
  readonly mask: Tensor2D;
  /** Rows that prompts put in front of the words. */
  readonly extra: number;
};

/** BERT or RoBERTa, with or without a head. */
export interface EncoderModel extends Model<EncoderBatch, EncoderOutput, EncoderConfig> {
  readonly head?: HeadConfig;
  /** What training the head means: its own parameters, and the pooler's where the file had none. */
  readonly headParameters: readonly string[];
  /** What files put before the encoder's names when there is a head. */
  readonly prefix: "bert" | "roberta";
  /** Parameters that were asked for, that the file lacks, and that are random therefore. */
  readonly created: readonly string[];
  /** Names in the file that this model does not use, such as other heads. */
  readonly unused: readonly string[];
}

/** What a model is made of. */
export interface EncoderParts {
  readonly config: EncoderConfig;
  readonly head: HeadConfig | undefined;
  /** Names and shapes are right; order does not matter. */
  readonly parameters: Parameters;
  readonly created?: readonly string[];
  readonly unused?: readonly string[];
}

/** Joins checked parts to a model. */
export function assembleModel({ config, head, parameters, created = [], unused = [] }: EncoderParts): EncoderModel {
  const hasPooler = parameters.has("pooler.dense.weight");
  const sites = encoderSites(config, { pooler: hasPooler, ...(head === undefined ? {} : { head }) });

  function forward(batch: EncoderBatch, options: ForwardOptions = {}): EncoderOutput {
    checkBatch(batch);
    const { hooks = [], training = false } = options;
    if (training && options.random === undefined) {
      throw new ConfigError({ message: "forward: training needs randomness for dropout; pass random: random(seed)" });
    }
    return tidy(() => {
      const scope = createScope(options.parameters ?? parameters, {
        hooks,
        training,
        random: options.random ?? random(0),
        sites,
      });
      const encoded = encode(scope, config, batch);
      const pooled = hasPooler ? { pooled: pool(scope, encoded.hidden) } : {};
      const logits =
        head === undefined
          ? {}
          : { logits: applyHead(scope, config, head, { ...encoded, ...pooled }, batch.positions) };
      return { ...encoded, ...pooled, ...logits, mask: clone(encoded.mask) };
    });
  }

  return {
    config,
    parameters,
    prefix: config.model_type,
    created,
    unused,
    headParameters: [...parameters.keys()].filter((name) => !isBackbone(name) || created.includes(name)),
    sites: () => sites,
    forward,
    ...(head === undefined
      ? {}
      : {
          head,
          loss: (batch: EncoderBatch, options?: ForwardOptions): Scalar =>
            tidy(() => headLoss(head, forward(batch, options).logits!, batch)),
        }),
  };
}

/** Whether a parameter belongs to the encoder or its pooler rather than to a head. */
export function isBackbone(name: string): boolean {
  return /^(embeddings|encoder|pooler)\./.test(name);
}

function checkBatch({ ids, mask, types }: EncoderBatch): void {
  if (ids.dtype !== "int32" || ids.rank !== 2 || ids.size === 0) {
    throw new ShapeError({
      message: `forward: ids must be int32 [batch, seq] and not empty, got ${ids.dtype} [${ids.shape}]`,
    });
  }
  const fits = (tensor: Tensor): boolean => tensor.rank === 2 && tensor.shape.every((size, i) => size === ids.shape[i]);
  if (mask.dtype !== "float32" || !fits(mask)) {
    throw new ShapeError({
      message: `forward: mask must be float32 [${ids.shape}] like ids, got ${mask.dtype} [${mask.shape}]`,
    });
  }
  if (types !== undefined && (types.dtype !== "int32" || !fits(types))) {
    throw new ShapeError({
      message: `forward: types must be int32 [${ids.shape}] like ids, got ${types.dtype} [${types.shape}]`,
    });
  }
}
