/** A tuned model whose backbone is a part of its point: what lies between two versions is between both backbones and both deltas. */
import { crossEntropy, type ForwardOptions, type Objective, type Parameters } from "@cambium/core";
import { attach, type Tuned } from "@cambium/delta";
import type { HeadConfig, LanguageModel, LanguageOutput, TokenBatch } from "@cambium/models";
import { tidy } from "@tensorflow/tfjs-core";

const [BASE, DELTA] = ["base/", "delta/"];

/** The point of a tuned model with its backbone. Shares the tensors. */
export const jointPoint = ({ base, parameters }: Tuned<LanguageModel>): Parameters =>
  new Map([
    ...[...base.parameters].map(([name, tensor]) => [BASE + name, tensor] as const),
    ...[...parameters].map(([name, tensor]) => [DELTA + name, tensor] as const),
  ]);

/** What is measured along such a path. */
export interface Joint extends Objective<TokenBatch> {
  readonly head: HeadConfig;
  forward(batch: TokenBatch, options?: ForwardOptions): LanguageOutput;
}

const below = (tree: Parameters, prefix: string): Parameters =>
  new Map(
    [...tree].flatMap(([name, tensor]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [])),
  );

/** A tuned model as a function of its backbone and its deltas. */
export function jointly(tuned: Tuned<LanguageModel>): Joint {
  const { base, deltas } = tuned;
  const own = jointPoint(tuned);
  const forward: Joint["forward"] = (batch, { parameters = own, ...more } = {}) => {
    const backbone = below(parameters, BASE);
    const model: LanguageModel = {
      ...base,
      forward: (input, options) => base.forward(input, { ...options, parameters: backbone }),
    };
    return attach(model, ...deltas).forward(batch, { ...more, parameters: below(parameters, DELTA) });
  };
  return {
    parameters: own,
    head: base.head!,
    forward,
    loss: (parameters, { labels, ...batch }) =>
      tidy(() => crossEntropy(forward(batch, { parameters }).logits!, labels!)),
  };
}
