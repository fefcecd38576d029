import type { Start } from "@cambium/core";
import type { Head, ModelConfig } from "../architecture.ts";
import { drop } from "../blocks.ts";
import { outputsOf } from "../head-config.ts";
import { linear, site } from "../layout.ts";
import { crossEntropyLoss, spanLoss } from "./losses.ts";
import { wordRows } from "./rows.ts";

/** Where a family keeps a linear layer over its tokens. */
export interface TokenHead<Config> {
  readonly path: string;
  /** dModel. */
  width(config: Config): number;
  /** How its matrix starts. */
  start(config: Config): Start;
  /** Dropout rate of what it reads, while training. @default none */
  dropout?(config: Config): number;
}

/**
 * Dropout rate of a decoder's classifier of tokens: `classifier_dropout` of the config, else `hidden_dropout`, else 0.1, as
 * transformers has it.
 */
export function classifierDropout(config: ModelConfig): number {
  const { classifier_dropout: own, hidden_dropout: usual } = config as ModelConfig & Readonly<Record<string, unknown>>;
  return [own, usual, 0.1].find((rate): rate is number => typeof rate === "number")!;
}

/** Scores of every word by a matrix and a bias, `[batch, seq, outputs]`. Rows in front of the words have none. */
function tokenScores<Config extends ModelConfig>(where: TokenHead<Config>): Pick<Head<Config>, "layout" | "forward"> {
  const { path, width, start, dropout = () => 0 } = where;
  return {
    layout: (config, head) => [
      linear(path, "head", { input: width(config), output: outputsOf(head), start: start(config) }),
      site("logits", "logits", "logits", outputsOf(head)),
    ],
    forward: (scope, config, hidden) => scope.linear(path, drop(scope.at(path), wordRows(hidden), dropout(config))),
  };
}

/** A label for each token. */
export function tokenClassificationHead<Config extends ModelConfig>(where: TokenHead<Config>): Head<Config> {
  return { ...tokenScores(where), ...crossEntropyLoss };
}

/** The first and the last token of an answer: for each token how likely it is the one, and the other. */
export function questionAnsweringHead<Config extends ModelConfig>(where: TokenHead<Config>): Head<Config> {
  return { ...tokenScores(where), ...spanLoss };
}
