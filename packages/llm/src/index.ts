/**
 * Calls to language models that are stored, budgeted and resumable. `openModels` opens a store; `model` makes a
 * `ChatModel` of a source; `call`, `outcome` and `stream` ask it. A request that was answered once is never paid for
 * again, a crash loses at most the requests that were under way, and no budget is exceeded.
 *
 * @module
 */
export type { Budget, Price, ProviderLimits, Spent } from "./calls/budget.ts";
export { type Clock, systemClock } from "./calls/clock.ts";
export type { CallOptions, CallOutcome, CallResult, ChatModel, Piece, StreamEvent } from "./chat-model.ts";
export {
  BudgetExceededError,
  type CallError,
  CancelledError,
  ForbiddenError,
  ModelError,
  ModelFormatError,
  NoReplyError,
  OutputTooLargeError,
  RateLimitedError,
  UnauthorizedError,
  UnavailableError,
} from "./errors.ts";
export {
  type AssistantMessage,
  type AssistantPart,
  type FilePart,
  type Message,
  type OtherPart,
  type ParsedArguments,
  type ProviderData,
  parseArguments,
  type ReasoningPart,
  type SystemMessage,
  type TextPart,
  type ToolCallPart,
  type ToolMessage,
  type ToolResultPart,
  textOf,
  type UserMessage,
} from "./messages/message.ts";
export type {
  Finish,
  ModelRequest,
  Reply,
  ReplyFormat,
  Sampling,
  TextRequest,
  ToolChoice,
  ToolDeclaration,
  Usage,
} from "./messages/request.ts";
export { openModels } from "./open-models.ts";
export type { Models, OpenModelsOptions } from "./options.ts";
export { hashEmbedding } from "./server/embedding.ts";
export type { Fault, FaultPlan } from "./server/fault.ts";
export type { Backend, Embed } from "./server/handlers.ts";
export { type ServedRequest, type Server, type ServerOptions, startServer } from "./server/server.ts";
export type { AiSdkModel } from "./sources/ai-sdk/model.ts";
export { type ConversationRow, chatRow } from "./sources/local/chat-row.ts";
export type { WritingOptions } from "./sources/local/conversation.ts";
export { type Local, local } from "./sources/local/local.ts";
export type { LocalOptions } from "./sources/local/options.ts";
export { type OpenAiOptions, openai } from "./sources/openai.ts";
export type { Policy, WrittenError, WrittenReply } from "./sources/policy.ts";
export { type RecordedOptions, recorded } from "./sources/recorded.ts";
export { type Scripted, type ScriptedOptions, type Step, type StepCondition, scripted } from "./sources/scripted.ts";
export type { Source, SourceContext } from "./sources/source.ts";
export type { StoredReply } from "./store/shelf.ts";
