/**
 * Transformers as pure functions of checkpoint-named parameters, with their heads, loaded from Hugging Face folders or created
 * from a seed, with named sites for hooks; tokenizers, batches, embeddings, and tools to look inside. An architecture is a
 * value, and `loadModel` and `createModel` take more of them.
 *
 * @module
 */

export { type AddTokensOptions, addTokens, type NewToken } from "./add-tokens.ts";
export type {
  Architecture,
  Head,
  Hidden,
  MethodDefaults,
  ModelConfig,
  TokenBatch,
  Wrapper,
} from "./architecture.ts";
export { asArchitecture } from "./architecture.ts";
export * from "./architectures/index.ts";
export {
  activationNames,
  activations,
  checkLength,
  countPositions,
  decoderBias,
  decoderPositions,
  drop,
  embedWords,
  type HiddenActivation,
  joinHeads,
  norm,
  paddingBias,
  rootMeanSquareNorm,
  rowPositions,
  splitHeads,
  type WindowOptions,
  windowBias,
} from "./blocks.ts";
export { type Cache, type CacheOptions, createCache } from "./cache.ts";
export { type Capture, capture } from "./capture.ts";
export type { Chat, ChatMessage, ChatOptions } from "./chat/chat.ts";
export { type Collate, type CollateOptions, type CollateReport, collate } from "./collate.ts";
export { type ConfigKeys, parseModelConfig } from "./config.ts";
export type { KeyAliases } from "./config-keys.ts";
export { type ConfigInput, type CreateModelOptions, createModel, type ModelLayout, modelLayout } from "./create.ts";
export { type EmbedCut, type EmbedOptions, embed } from "./embed.ts";
export type { EmbeddingHead } from "./embedding/head-config.ts";
export type { Pooling } from "./embedding/pooling.ts";
export type { Format, SchemaFormat } from "./format/format.ts";
export type { JsonSchema } from "./format/schema.ts";
export type { Frozen } from "./frozen.ts";
export { type Choice, type ChooseOptions, choose } from "./generate/choose.ts";
export {
  type GenerateBatchEvent,
  type GenerateBatchOptions,
  type GenerateEvent,
  type GenerateOptions,
  generate,
  generateBatch,
} from "./generate/generate.ts";
export type { SharedGenerateOptions } from "./generate/job.ts";
export { type Prefix, type ReadPrefixOptions, readPrefix } from "./generate/prefix.ts";
export type { Prompt } from "./generate/prompts.ts";
export type { Alternative, Finish, Generated, ScoredToken, TextPiece } from "./generate/row.ts";
export type { RowEvent } from "./generate/run.ts";
export type { DecodingOptions } from "./generate/settings.ts";
export type { GgufFields } from "./gguf/fields.ts";
export type { GgufConfig, GgufEntry, GgufFormat, GgufWritten } from "./gguf/format.ts";
export type { GgufDtype } from "./gguf/quantise.ts";
export { type SaveGgufOptions, saveGguf } from "./gguf/save-gguf.ts";
export { type GgufLora, type SaveGgufLoraOptions, saveGgufLora } from "./gguf/save-lora.ts";
export type { GgufArray, GgufScalar, GgufValue } from "./gguf/values.ts";
export {
  type HeadConfig,
  type HeadKind,
  hasTaskModel,
  labelsOf,
  outputNames,
  outputsOf,
  type Pool,
  parseHeadConfig,
  poolOf,
} from "./head-config.ts";
export { type CausalHead, causalHead } from "./heads/causal-lm.ts";
export { type LastTokenHead, lastTokenHeads } from "./heads/last-token.ts";
export {
  classificationLoss,
  crossEntropyLoss,
  IGNORED,
  type Loss,
  nextWordLoss,
  spanLoss,
  squaredErrorLoss,
} from "./heads/losses.ts";
export { firstRow, lastRow, meanRow, pooledRow, wordRows } from "./heads/rows.ts";
export { classifierDropout, questionAnsweringHead, type TokenHead, tokenClassificationHead } from "./heads/tokens.ts";
export { type InspectModelOptions, inspectModel, type ModelInspection, type StoredParameter } from "./inspect.ts";
export type { LanguageModel, LanguageOutput } from "./language-model.ts";
export * as pieces from "./layout.ts";
export { countLayout, type Layout, type ParameterSpec, type Piece, storedParameters } from "./layout.ts";
export { type LoadModelOptions, loadModel } from "./load.ts";
export { loadTokenizer } from "./load-tokenizer.ts";
export { bareName, fileName, type Named, ownName } from "./names.ts";
export { type ExportedModel, type SaveOnnxOptions, saveOnnx } from "./onnx/save-onnx.ts";
export type { NamedTensors, OnnxDimensions, OnnxGraphInput, TraceOnnx } from "./onnx/trace.ts";
export type { Aggregation } from "./predict/entities.ts";
export type { AnswerScore, Entity, Filling, HeadOf, LabelScore, NumbersOf, PredictionOf } from "./prediction.ts";
export {
  type Predictor,
  type PredictorInput,
  type PredictorOptions,
  type PredictorReport,
  predictor,
} from "./predictor.ts";
export { type LayerRanges, replicateLayers, replicationOf } from "./replicate-layers.ts";
export { resizeEmbeddings } from "./resize-embeddings.ts";
export type { Row } from "./row.ts";
export type { Answer } from "./rows/answer.ts";
export type { CollateModel } from "./rows/assembler.ts";
export type { ChatRow, ChatSettings } from "./rows/chat-rows.ts";
export type { Place } from "./rows/places.ts";
export type { LabelledPlace } from "./rows/token-labels.ts";
export type { RunnableModel } from "./runnable.ts";
export { type SavedModel, type SaveModelOptions, saveModel } from "./save.ts";
export { scaleUnits, type Unit } from "./scale-units.ts";
export type { MarkedFormat } from "./schedule/marked.ts";
export {
  type Load,
  type ScheduledOptions,
  type Scheduler,
  type SchedulerOptions,
  scheduler,
} from "./schedule/scheduler.ts";
export type { SpecialTokens } from "./special-tokens.ts";
export type { DecodeOptions, DecodeStream } from "./tokenizer/decode.ts";
export type { Tokens } from "./tokenizer/frame.ts";
export {
  createTokenizer,
  type EncodeOptions,
  type TextInput,
  type Tokenizer,
  type TokenizerOptions,
  type WindowsOptions,
} from "./tokenizer.ts";
export type { Texts } from "./train-tokenizer/count-words.ts";
export {
  type TrainByteLevelBpeOptions,
  type TrainTokenizerEvent,
  type TrainTokenizerOptions,
  type TrainWordPieceOptions,
  trainByteLevelBpe,
  trainWordPiece,
} from "./train-tokenizer/train-tokenizer.ts";
export type { Truncation } from "./truncation.ts";
export { checkWhole, type ViewChanges, viewModel } from "./view.ts";
export { withHead } from "./with-head.ts";
