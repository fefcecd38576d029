import type { Start } from "@cambium/core";
import type { Head, ModelConfig } from "../architecture.ts";
import { linear, site, tied } from "../layout.ts";
import { nextWordLoss, nextWordLossAtOnce } from "./losses.ts";

/** Where a family keeps its language-model head. */
export interface CausalHead<Config> {
  readonly path: string;
  /** The table of word embeddings, whose matrix the head may share. */
  readonly table: string;
  /** dModel. */
  width(config: Config): number;
  /** How its matrix starts where it is not the table. */
  start(config: Config): Start;
  /** Whether its matrix is the table. */
  isTied(config: Config): boolean;
}

/**
 * Scores of the next word, from every row: `[batch, extra + seq, vocab]`. Rows of a prompt have scores too, of which the last
 * is compared with the first word.
 */
export function causalHead<Config extends ModelConfig>(where: CausalHead<Config>): Head<Config> {
  const { path, table, width, start, isTied } = where;
  return {
    layout(config) {
      const vocab = config.vocab_size;
      const input = width(config);
      const name = `${path}.weight`;
      return [
        ...(isTied(config)
          ? [
              site("linear", path, "head", vocab, { input, weight: { name: table, layout: "out,in" } }),
              tied(name, table, [vocab, input]),
            ]
          : [linear(path, "head", { input, output: vocab, start: start(config), bias: false, isTable: true })]),
        site("logits", "logits", "logits", vocab),
      ];
    },
    forward: (scope, _config, { hidden }) => scope.linear(path, hidden),
    lossAtOnce: (scope, _config, hidden, batch) => nextWordLossAtOnce(scope, path, hidden, batch),
    ...nextWordLoss,
  };
}
