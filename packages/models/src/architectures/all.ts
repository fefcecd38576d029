/** Every architecture of this package, one line a family: `loadModel` and `createModel` choose among them by `model_type`. */
export { type BertConfig, bert, roberta } from "./bert/index.ts";
export { type DistilBertConfig, distilbert } from "./distilbert/index.ts";
export { type Gpt2Config, gpt2 } from "./gpt2/index.ts";
export { type DecoderConfig, type LlamaConfig, llama, type RopeParameters } from "./llama/index.ts";
export { type MistralConfig, mistral } from "./mistral/index.ts";
export { type LayerType, type Qwen2Config, type Qwen3Config, qwen2, qwen3 } from "./qwen/index.ts";
export { type T5Config, t5 } from "./t5/index.ts";
