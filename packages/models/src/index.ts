/**
 * Transformer encoders as pure functions of checkpoint-named parameters: BERT and RoBERTa with their heads, loaded from
 * Hugging Face folders or created from a seed, with named sites for hooks; tokenizers, batches, embeddings, and tools to
 * look inside.
 *
 * @module
 */
export type { EncoderInput } from "./bert.ts";
export { type Capture, capture } from "./capture.ts";
export { type CollateModel, type CollateOptions, collate } from "./collate.ts";
export { type EncoderConfig, type EncoderSizes, type HiddenActivation, maximumLength } from "./config.ts";
export { type CreateModelOptions, createModel } from "./create.ts";
export { type EmbedOptions, embed } from "./embed.ts";
export type { EncoderBatch, EncoderModel, EncoderOutput } from "./encoder-model.ts";
export { type HeadConfig, labelsOf } from "./head-config.ts";
export type { Targets } from "./heads.ts";
export { type LoadModelOptions, loadModel } from "./load.ts";
export type { Row } from "./row.ts";
export { type SavedModel, type SaveModelOptions, saveModel } from "./save.ts";
export { scaleUnits, type Unit } from "./scale-units.ts";
export { countShapes, parameterShapes, type Shapes } from "./shapes.ts";
export { type EncoderSitesOptions, encoderSites } from "./sites.ts";
export {
  createTokenizer,
  type EncodeOptions,
  loadTokenizer,
  type SpecialTokens,
  type Tokenizer,
  type Tokens,
} from "./tokenizer.ts";
