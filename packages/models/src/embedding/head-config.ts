import { ConfigError } from "@cambium/base";
import * as z from "zod";
import { type EmbeddingModules, readModules } from "./modules.ts";
import { type Pooling, poolingNames } from "./pooling.ts";

/** Vectors of texts, and the loss that tunes them. Training puts no prompt in front of texts: write it into the rows. */
export interface EmbeddingHead {
  readonly kind: "embedding";
  /** What of a text's tokens becomes its vector; several stand side by side. @default the folder's, else "mean" */
  readonly pooling?: Pooling | readonly Pooling[];
  /** Whether `embed` scales vectors to length 1; the losses compare directions. @default the folder's, else false */
  readonly normalise?: boolean;
  /**
   * `"in-batch"`: cross-entropy of each text's own pair among the pairs and the `negatives` of the whole batch. For rows with a
   * `label`: `"cosine"`, the squared difference of cosine and label; `"cosent"`, which wants cosines in the order of the labels.
   *
   * @default "in-batch"
   */
  readonly loss?: "in-batch" | "cosine" | "cosent";
  /** What cosines are multiplied by, one over the temperature; not for `"cosine"`. @default 20 */
  readonly scale?: number;
  /** Whether each pair is also to find its own text: the mean of both directions. For `"in-batch"`. @default false */
  readonly symmetric?: boolean;
}

const pooling = z.enum(poolingNames);
const poolings = z.union([pooling, z.array(pooling).min(1).readonly()]);

/** Throws unless it names one or several poolings, or nothing. */
export function checkPooling(caller: string, value: unknown): void {
  if (value === undefined || poolings.safeParse(value).success) return;
  throw new ConfigError({
    message: `${caller}: pooling must be one of ${poolingNames.join(", ")}, or a list of them, got ${JSON.stringify(value)}`,
    pooling: value,
  });
}

/**
 * The head with every choice made: what the user says, else the folder, else the default.
 *
 * @param files - `modules.json` and what it names, where the model has a folder.
 * @throws {ConfigError} For a setting that the loss does not read, or a folder with dense layers.
 */
export function settleEmbedding(
  caller: string,
  head: EmbeddingHead,
  files: ReadonlyMap<string, Uint8Array> = new Map(),
): EmbeddingHead {
  const modules = readModules(caller, files);
  checkSteps(caller, modules);
  const { loss = "in-batch", symmetric = false, scale = 20 } = head;
  const idle = [
    ...(loss === "cosine" && head.scale !== undefined ? ["scale"] : []),
    ...(loss !== "in-batch" && head.symmetric !== undefined ? ["symmetric"] : []),
  ];
  if (idle.length > 0) {
    throw new ConfigError({
      message: `${caller}: the loss "${loss}" reads no ${idle.join(" and no ")}; leave it out`,
      idle,
    });
  }
  const chosen = [head.pooling ?? modules.pooling].flat();
  return {
    kind: "embedding",
    pooling: chosen.length === 1 ? chosen[0]! : chosen,
    normalise: head.normalise ?? modules.steps.length > 0,
    loss,
    ...(loss !== "cosine" && { scale }),
    ...(loss === "in-batch" && { symmetric }),
  };
}

/** Throws for dense layers between the model and its vectors: a loss on pooled vectors would be that of another model. */
function checkSteps(caller: string, { steps }: EmbeddingModules): void {
  const dense = steps.find((step) => step.kind === "dense");
  if (dense === undefined) return;
  throw new ConfigError({
    message: `${caller}: an embedding head on a folder with a Dense module (${dense.folder}) is not there yet; embed reads such a folder without a head`,
    folder: dense.folder,
  });
}
