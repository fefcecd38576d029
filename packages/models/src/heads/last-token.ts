import type { Start } from "@cambium/core";
import type { Architecture, ModelConfig } from "../architecture.ts";
import { type HeadConfig, outputsOf, poolOf } from "../head-config.ts";
import { linear, type Piece, site } from "../layout.ts";
import { classificationLoss, squaredErrorLoss } from "./losses.ts";
import { pooledRow } from "./rows.ts";

/** Where a family keeps its classifier on the last token. */
export interface LastTokenHead<Config> {
  readonly path: string;
  /** dModel. */
  width(config: Config): number;
  /** How its matrix starts. */
  start(config: Config): Start;
}

/**
 * Classification and regression of whole sequences from their last real token, or from the mean of their words, by a matrix
 * without a bias. The first token of a decoder sees nothing of the text behind it, so that none reads that.
 */
export function lastTokenHeads<Config extends ModelConfig>(
  where: LastTokenHead<Config>,
): Pick<Architecture<Config>["heads"], "sequence-classification" | "regression"> {
  const { path, width, start } = where;
  const scores = {
    pools: ["last", "mean"],
    layout(config: Config, head: HeadConfig): readonly Piece[] {
      const output = outputsOf(head);
      return [
        linear(path, "head", { input: width(config), output, start: start(config), bias: false }),
        site("logits", "logits", "logits", output),
      ];
    },
    forward: (scope, _config, hidden, _batch, head) => scope.linear(path, pooledRow(hidden, poolOf(head) ?? "last")),
  } satisfies Partial<NonNullable<Architecture<Config>["heads"]["regression"]>>;
  return {
    "sequence-classification": { ...scores, ...classificationLoss },
    regression: { ...scores, ...squaredErrorLoss },
  };
}
