import type { Start } from "@cambium/core";
import type { Architecture, ModelConfig } from "../architecture.ts";
import { type HeadConfig, outputsOf } from "../head-config.ts";
import { linear, type Piece, site } from "../layout.ts";
import { crossEntropyLoss, squaredErrorLoss } from "./losses.ts";
import { lastRow } from "./rows.ts";

/** Where a family keeps its classifier on the last token. */
export interface LastTokenHead<Config> {
  readonly path: string;
  /** dModel. */
  width(config: Config): number;
  /** How its matrix starts. */
  start(config: Config): Start;
}

/** Classification and regression of whole sequences from their last real token, by a matrix without a bias. */
export function lastTokenHeads<Config extends ModelConfig>(
  where: LastTokenHead<Config>,
): Architecture<Config>["heads"] {
  const { path, width, start } = where;
  const scores = {
    layout(config: Config, head: HeadConfig): readonly Piece[] {
      const output = outputsOf(head);
      return [
        linear(path, "head", { input: width(config), output, start: start(config), bias: false }),
        site("logits", "logits", "logits", output),
      ];
    },
    forward: (scope, _config, hidden) => scope.linear(path, lastRow(hidden)),
  } satisfies Partial<NonNullable<Architecture<Config>["heads"]["regression"]>>;
  return {
    "sequence-classification": { ...scores, ...crossEntropyLoss },
    regression: { ...scores, ...squaredErrorLoss },
  };
}
