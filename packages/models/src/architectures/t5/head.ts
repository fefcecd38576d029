import { mul, scalar } from "@tensorflow/tfjs-core";
import type { Head } from "../../architecture.ts";
import { crossEntropyLoss } from "../../heads/losses.ts";
import { linear, site, tied } from "../../layout.ts";
import type { T5Config } from "./config.ts";
import { startFor, WORDS } from "./layout.ts";

const PATH = "lm_head";

/** Scores of the target's words, `[batch, extra + targetSeq, vocab]`: each row's are compared with the label at its place. */
export const targetWords: Head<T5Config> = {
  layout(config) {
    const { d_model: input, vocab_size: vocab } = config;
    const name = `${PATH}.weight`;
    return [
      ...(config.tie_word_embeddings
        ? [
            site("linear", PATH, "head", vocab, { input, weight: { name: WORDS, layout: "out,in" } }),
            tied(name, WORDS, [vocab, input]),
          ]
        : [linear(PATH, "head", { input, output: vocab, start: startFor(config, 1), bias: false, isTable: true })]),
      site("logits", "logits", "logits", vocab),
    ];
  },
  forward(scope, config, { hidden }) {
    const scaled = config.scale_decoder_outputs ? mul(hidden, scalar(config.d_model ** -0.5)) : hidden;
    return scope.linear(PATH, scaled);
  },
  ...crossEntropyLoss,
};
