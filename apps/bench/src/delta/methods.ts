/** The methods that are measured, with the settings that the Python side has as well. */
import { random } from "@cambium/core";
import * as delta from "@cambium/delta";
import type { ConfigInput, LanguageModel, LlamaConfig } from "@cambium/models";
import type { Size } from "../sizes.ts";
import { formingDora } from "./forming-dora.ts";

/** What is measured of one method. */
export interface MeasuredMethod {
  /** Whether PEFT has it, so that its side is run too. */
  readonly inPeft: boolean;
  /** On which model. A prefix on an encoder is nothing that transformers 5 runs. @default "encoder" */
  readonly on?: "decoder";
  make(base: LanguageModel, size: Size): readonly delta.Delta[];
}

const layers = { targets: ["attn.q", "attn.v"] };
const key = random(1);

/** Trained in Python as well, with the same settings: see python/peft_methods.py. */
const withPeft: Readonly<Record<string, MeasuredMethod["make"]>> = {
  lora: (base) => [delta.lora(base, { rank: 8, alpha: 16, ...layers }, key)],
  dora: (base) => [delta.dora(base, { rank: 8, alpha: 16, ...layers }, key)],
  adaLora: (base) => [delta.adaLora(base, { initialRank: 12, targetRank: 8, totalSteps: 10_000, ...layers }, key)],
  vera: (base) => [delta.vera(base, { rank: 256, ...layers }, key)],
  loHa: (base) => [delta.loHa(base, { rank: 8, alpha: 16, ...layers }, key)],
  loKr: (base) => [delta.loKr(base, { rank: 8, alpha: 16, ...layers }, key)],
  oft: (base) => [delta.oft(base, { blockSize: 32, ...layers }, key)],
  shira: (base, { layers: depth, width }) => [
    delta.arbitrary(
      base,
      { count: depth * 2 * 8 * 2 * width, granularity: "scalar", pool: "weights", roles: layers.targets },
      key,
    ),
  ],
  ia3: (base) => [delta.ia3(base)],
  norms: (base) => [delta.norms(base, { targets: ["attn.norm", "ff.norm"] })],
  prompt: (base) => [delta.prompt(base, { length: 20, init: "normal" }, key)],
  pTuning: (base) => [delta.pTuning(base, { length: 20 }, key)],
  tokens: (base) => [delta.tokens(base, { ids: [7, 30, 12, 5] })],
  bias: (base) => [delta.lora(base, { rank: 8, alpha: 16, bias: "all", ...layers }, key)],
  embeddings: (base) => [delta.lora(base, { rank: 8, alpha: 16, targets: ["embed", ...layers.targets] }, key)],
};

const alone: Readonly<Record<string, MeasuredMethod["make"]>> = {
  // Two vectors at the very start: its step is a frozen forward and backward pass.
  frozen: (base) => [delta.norms(base, { targets: ["embed.norm"] })],
  "dora forming BA": (base) => [formingDora(base, { rank: 8, alpha: 16, ...layers }, key)],
  bitFit: (base) => [delta.bitFit(base)],
  houlsby: (base) => [delta.adapter(base, { placement: "houlsby" }, key)],
  pfeiffer: (base) => [delta.adapter(base, { placement: "pfeiffer" }, key)],
  parallel: (base) => [delta.adapter(base, { placement: "parallel" }, key)],
  compacter: (base) => [delta.adapter(base, { phm: {} }, key)],
  "last layer": (base, { layers: depth }) => [delta.whole(base, { modules: [`encoder.layer.${depth - 1}`] })],
};

const each = (table: Readonly<Record<string, MeasuredMethod["make"]>>, inPeft: boolean): [string, MeasuredMethod][] =>
  Object.entries(table).map(([name, make]) => [name, { inPeft, make }]);

/** By their names in rows. The first is what the others are told over. */
export const methods: ReadonlyMap<string, MeasuredMethod> = new Map<string, MeasuredMethod>([
  ...each({ frozen: alone["frozen"]! }, false),
  ...each(withPeft, true),
  [
    "prefix",
    { inPeft: true, on: "decoder", make: (base) => [delta.prefix(base, { length: 20, init: "normal" }, key)] },
  ],
  ...each(Object.fromEntries(Object.entries(alone).filter(([name]) => name !== "frozen")), false),
]);

/** LLaMA's shape, as the Python side has it. */
export function llamaConfig({ width, layers: depth, heads, vocabulary }: Size): ConfigInput & Partial<LlamaConfig> {
  return {
    model_type: "llama",
    vocab_size: vocabulary,
    hidden_size: width,
    intermediate_size: 3 * width,
    num_hidden_layers: depth,
    num_attention_heads: heads,
    num_key_value_heads: heads,
    max_position_embeddings: 514,
    tie_word_embeddings: true,
  };
}
