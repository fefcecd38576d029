/**
 * Models that write tools, use them and repair them, in a sandbox that holds.
 *
 * `defineTool` makes a tool of a function, and `runAgent` has a model solve a task with tools, as events: by one of the planners
 * `react`, `planFirst`, `dfsdt` and `program`. `lexicalRetriever`, `denseRetriever` and `fusedRetriever` find tools among many.
 *
 * `createTools` answers a question by CREATOR's four stages: the model writes a tool, calls it, and mends what fails.
 * `openLibrary` keeps the tools; `creator` and its baselines are methods for `runEvaluation` of `@cambium/evaluation`;
 * `runTransfer` measures how far tools reach beyond their question. Programs run in a sandbox of `@cambium/sandbox`.
 *
 * @module
 */
export type { Asking } from "./agent/ask.ts";
export type { AgentBudget } from "./agent/budget.ts";
export type { Conversation } from "./agent/conversation.ts";
export {
  type Environment,
  type EnvironmentSource,
  type RealOptions,
  real,
  type VirtualOptions,
  virtual,
} from "./agent/environment.ts";
export type { AgentEnd, AgentEvent, AgentTrajectory, Claim, Conflict, Intent } from "./agent/events.ts";
export type { AgentOptions, AgentRetrieval, AgentTask, Compaction } from "./agent/options.ts";
export { type Perceiver, type PerceiverOptions, perceiver, type Seen, type Shown } from "./agent/perceiver.ts";
export { type DfsdtOptions, dfsdt } from "./agent/planners/dfsdt.ts";
export { type PlanFirstOptions, planFirst } from "./agent/planners/plan-first.ts";
export type { Mark, Planner, Session } from "./agent/planners/planner.ts";
export { type ProgramOptions, program } from "./agent/planners/program.ts";
export { type ReactOptions, react } from "./agent/planners/react.ts";
export type { Approve, Ask, Decision, GatedCall, Policy, Verdict } from "./agent/policy.ts";
export type { Finish } from "./agent/run.ts";
export { replayAgent, runAgent } from "./agent/run-agent.ts";
export { agent } from "./agent/solver.ts";
export type { AgentFailure } from "./agent/stop.ts";
export type { Turn, TurnOptions } from "./agent/turn.ts";
export type { AgentWords } from "./agent/words.ts";
export type {
  AiSdkCallOptions,
  AiSdkTool,
} from "./ai-sdk/ai-sdk-tool.ts";
export { type FromAiSdkOptions, fromAiSdkTools } from "./ai-sdk/from-ai-sdk-tools.ts";
export { type OurAiSdkTool, type ToAiSdkOptions, toAiSdkTools } from "./ai-sdk/to-ai-sdk-tools.ts";
export type { AnswerMethodOptions } from "./baselines/answer-method.ts";
export {
  type Calculator,
  type CalculatorReply,
  calculator,
  type WolframAlphaOptions,
  wolframAlpha,
} from "./baselines/calculator.ts";
export { entangled } from "./baselines/entangled.ts";
export type { ProgramMethodOptions } from "./baselines/program-method.ts";
export { programOfThought } from "./baselines/program-of-thought.ts";
export { type ToolUseOptions, toolUse } from "./baselines/tool-use.ts";
export { vanilla } from "./baselines/vanilla.ts";
export { type CreationLevel, type ToolShape, toolShape } from "./code/tool-shape.ts";
export { createTools } from "./creator/create-tools.ts";
export { creationDemonstrations } from "./creator/demonstrations/creation.ts";
export {
  type Demonstration,
  type DemonstrationSet,
  noDemonstrations,
  type RepairDemonstration,
} from "./creator/demonstrations/demonstration.ts";
export { mathDemonstrations } from "./creator/demonstrations/math.ts";
export { pythonDemonstrations } from "./creator/demonstrations/python.ts";
export { tableDemonstrations } from "./creator/demonstrations/table.ts";
export type { CreatedTool, CreatorEnd, CreatorEvent, LibraryEvent, TransitionEvent } from "./creator/events.ts";
export type { CreatorStateName } from "./creator/machine.ts";
export type { CreatorOptions } from "./creator/options.ts";
export {
  type CreationInput,
  type CreatorPrompts,
  type DecisionInput,
  defaultPrompts,
  type KnownTool,
  type PromptInput,
  type RectificationInput,
} from "./creator/prompts/prompts.ts";
export { creator } from "./creator/solver.ts";
export type { TrainingTool } from "./export/row-setup.ts";
export {
  type PreferenceRow,
  preferenceRows,
  type TrainingMessage,
  type TrainingOptions,
  type TrainingRow,
  trainingRow,
} from "./export/training-rows.ts";
export { jsonSchema } from "./json-schema/json-schema.ts";
export { openLibrary } from "./library/library.ts";
export type { Added, CheckReport, OpenLibraryOptions, ToolFilter, ToolLibrary } from "./library/tool-library.ts";
export type { LibraryTool, ToolCandidate, ToolOrigin, ToolStatus } from "./library/tool-record.ts";
export { describeTest, type TestResult, type ToolTest } from "./library/tool-test.ts";
export { byHints, type HintLevel, type Hints, hintLevel, type Problem, type Task, withHints } from "./problem.ts";
export { parseCreationChallenge } from "./readers/creation-challenge.ts";
export { type ParseMathOptions, parseMath } from "./readers/math.ts";
export { type ParseTabMwpOptions, parseTabMwp } from "./readers/tab-mwp.ts";
export { parseTransferSets, type TransferSet } from "./readers/transfer.ts";
export {
  type AiSdkEmbeddingModel,
  type DenseRetrieverOptions,
  denseRetriever,
  type EmbedTexts,
} from "./retrieval/dense-retriever.ts";
export { type FusedRetrieverOptions, fitWeight, fusedRetriever } from "./retrieval/fused-retriever.ts";
export {
  type LexicalRetriever,
  type LexicalRetrieverOptions,
  lexicalRetriever,
} from "./retrieval/lexical-retriever.ts";
export { measureRetrieval, type RetrievalMeasures, type RetrievalRow } from "./retrieval/measure-retrieval.ts";
export type { ScoringRetriever } from "./retrieval/ranking.ts";
export type { FoundTool, Retriever, SearchOptions } from "./retrieval/retriever.ts";
export type { ToolDocument } from "./retrieval/tool-document.ts";
export type { Prompt } from "./solving/prompt.ts";
export type { Setup } from "./solving/setup.ts";
export type { Stage } from "./solving/stage.ts";
export { type CallToolOptions, callTool } from "./tools/call-tool.ts";
export { defineTool } from "./tools/define-tool.ts";
export {
  type AgentFailureCode,
  type ThrownToolCode,
  ToolError,
  type ToolErrorDetails,
  type ToolFailure,
  type ToolFailureCode,
} from "./tools/failure.ts";
export type { Schema, SchemaIssue, SchemaResult } from "./tools/schema.ts";
export type {
  AnyTool,
  Effects,
  Tool,
  ToolContext,
  ToolDefinition,
  ToolExample,
  ToolLimits,
  ToolOutcome,
} from "./tools/tool.ts";
export { type ToolSet, toolSet } from "./tools/tool-set.ts";
export { type WithBreakerOptions, withBreaker } from "./tools/with-breaker.ts";
export { type WithCacheOptions, withCache } from "./tools/with-cache.ts";
export { type TraceRunOptions, traceRun } from "./tracing/trace-run.ts";
export type { TransferRecord, TransferTool, TransferUse, Validation } from "./transfer/record.ts";
export { runTransfer, type TransferEvent, type TransferOptions } from "./transfer/run-transfer.ts";
export { summariseTransfer, type TransferSummary } from "./transfer/summary.ts";
export { transferReport, transferText } from "./transfer/transfer-report.ts";
