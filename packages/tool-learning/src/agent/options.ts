import { ConfigError, type Json, parseConfig, sha256 } from "@cambium/base";
import type { Results } from "@cambium/evaluation";
import { type ChatModel, type Clock, type Message, type Sampling, systemClock } from "@cambium/llm";
import * as z from "zod";
import type { Retriever } from "../retrieval/retriever.ts";
import { isSchema, jsonSchemaOf, type Schema } from "../tools/schema.ts";
import type { AnyTool } from "../tools/tool.ts";
import { type ToolSet, toolSet } from "../tools/tool-set.ts";
import { type AnswerForm, answerForm } from "./answer.ts";
import type { AgentBudget } from "./budget.ts";
import { COMMANDS } from "./commands.ts";
import type { EnvironmentSource } from "./environment.ts";
import { type Perceiver, perceiver } from "./perceiver.ts";
import type { Planner } from "./planners/planner.ts";
import { react } from "./planners/react.ts";
import { type Approve, type Ask, defaultPolicy, type Policy } from "./policy.ts";
import { type AgentWords, defaultWords } from "./words.ts";

/** What is to be done. */
export interface AgentTask {
  readonly instruction: string;
  /** What has to be read with it: a table, a document. */
  readonly context?: string;
  /** What was said before, the oldest first. */
  readonly messages?: readonly Message[];
}

/** How the tools that are offered are chosen from many. */
export interface AgentRetrieval {
  readonly retriever: Retriever;
  /** Tools that are offered at the start, and added by each search. @default 5 */
  readonly count?: number;
}

/** How long histories are shortened. */
export interface Compaction {
  /** Length from which on a history is shortened; four characters are about a token. @default 200000 */
  readonly characters?: number;
  /** Messages at the end that are kept as they are. @default 8 */
  readonly keep?: number;
}

/** Settings of `runAgent`. */
export interface AgentOptions<Answer = string> {
  readonly model: ChatModel;
  readonly tools: Iterable<AnyTool>;
  /** @default react() */
  readonly planner?: Planner;
  /** What tools work on; its state is undone where a search goes back. @default none */
  readonly environment?: EnvironmentSource;
  /** What the answer must be. @default any text */
  readonly answer?: Schema<unknown, Answer>;
  /** JSON Schema of the answer, for the model. @default what `answer` says of itself */
  readonly answerSchema?: Json;
  /** @default perceiver() */
  readonly perceiver?: Perceiver;
  /** Offers the tools that fit the task instead of all, and lets the model search for more. @default all are offered */
  readonly retrieval?: AgentRetrieval;
  /** Rules that every call passes. @default what destroys asks first, everything else is allowed */
  readonly policy?: Policy;
  /** Asks a person about a call. @default the run is suspended where somebody has to be asked */
  readonly approve?: Approve;
  /** Asks the user, for what the model lacks: it may then ask back at any time. @default the model cannot ask */
  readonly ask?: Ask;
  /** Reads the task first: goal, constraints, and what is missing, which is asked for before anything is done. One request. @default false */
  readonly intent?: boolean;
  /** Asks the model first what it believes, and reports where its answer differs in the end. One request. @default false */
  readonly beliefs?: boolean;
  /** Shows the worked examples of the tools: the few-shot setting. @default false */
  readonly examples?: boolean;
  /** How the model calls tools: by its provider, or by JSON in its text. @default "native" */
  readonly calling?: "native" | "text";
  readonly compaction?: Compaction;
  readonly budget?: AgentBudget;
  /** How replies are drawn. With a `seed`, repeats of a request get their own. @default temperature 0, at most 2048 tokens */
  readonly sampling?: Sampling;
  /** Instructions beside those of the planner. */
  readonly system?: string;
  /** @default in English */
  readonly words?: Partial<AgentWords>;
  /** Calls without effects of one reply that run side by side. @default 4 */
  readonly parallel?: number;
  /** How often a call that may be made again is, after a time-out or when its service is busy. @default 2 */
  readonly retries?: number;
  /** Folder of this run, or where else its steps are kept: with it a run that was killed is resumed by the same call. @default not kept */
  readonly journal?: string | Results;
  /** @default the machine's */
  readonly clock?: Clock;
  /** Seed of the numbers that tools draw. @default "0" */
  readonly seed?: string;
}

/** Options with their defaults filled in. */
export interface AgentPlan {
  readonly model: ChatModel;
  readonly all: ToolSet;
  readonly planner: Planner;
  readonly environment: EnvironmentSource | undefined;
  readonly answer: AnswerForm | undefined;
  readonly perceiver: Perceiver;
  readonly retrieval: { readonly retriever: Retriever; readonly count: number } | undefined;
  readonly policy: Policy;
  readonly approve: Approve | undefined;
  readonly ask: Ask | undefined;
  readonly intent: boolean;
  readonly beliefs: boolean;
  readonly examples: boolean;
  readonly calling: "native" | "text";
  readonly compaction: { readonly characters: number; readonly keep: number };
  readonly budget: AgentBudget;
  readonly sampling: Sampling;
  readonly system: string | undefined;
  readonly words: AgentWords;
  readonly parallel: number;
  readonly retries: number;
  readonly journal: string | Results | undefined;
  readonly clock: Clock;
  readonly seed: string;
  /** Everything that the steps depend on, as JSON. */
  readonly settings: Json;
}

const DEFAULT_SAMPLING: Sampling = { temperature: 0, maxTokens: 2048 };

const has = <T>(key: keyof T, message: string) =>
  z.custom<T>((value) => typeof (value as T | undefined)?.[key] === "function", message);
const isFunction = z.custom<() => unknown>((value) => typeof value === "function", "must be a function");
const count = z.int().positive();

const schema = z.strictObject({
  model: has<ChatModel>("outcome", "must be a ChatModel, such as models.model(openai(…))"),
  tools: z.custom<Iterable<AnyTool>>(
    (value) => typeof (value as Iterable<AnyTool>)?.[Symbol.iterator] === "function",
    "must be tools, made by defineTool",
  ),
  planner: has<Planner>("run", "must be a planner, such as react()").optional(),
  environment: has<EnvironmentSource>("open", "must be an environment, such as virtual({ state })").optional(),
  answer: z.custom<Schema>(isSchema, "must be a Standard Schema, such as one of zod").optional(),
  answerSchema: z.looseObject({}).optional(),
  perceiver: has<Perceiver>("perceive", "must be a perceiver, such as perceiver()").optional(),
  retrieval: z
    .strictObject({
      retriever: has<Retriever>("search", "must be a retriever, such as lexicalRetriever(tools)"),
      count: count.optional(),
    })
    .optional(),
  policy: isFunction.optional(),
  approve: isFunction.optional(),
  ask: isFunction.optional(),
  intent: z.boolean().optional(),
  beliefs: z.boolean().optional(),
  examples: z.boolean().optional(),
  calling: z.enum(["native", "text"]).optional(),
  compaction: z.strictObject({ characters: z.int().min(1000).optional(), keep: z.int().min(2).optional() }).optional(),
  budget: z
    .strictObject({
      modelCalls: count.optional(),
      toolCalls: z.int().min(0).optional(),
      tokens: count.optional(),
      wallMs: z.number().positive().optional(),
    })
    .optional(),
  sampling: z.looseObject({}).optional(),
  system: z.string().min(1).optional(),
  words: z
    .strictObject(
      Object.fromEntries(Object.keys(defaultWords).map((key) => [key, z.string().min(1).optional()])) as Record<
        keyof AgentWords,
        z.ZodOptional<z.ZodString>
      >,
    )
    .optional(),
  parallel: count.optional(),
  retries: z.int().min(0).optional(),
  journal: z.union([z.string().min(1), has<Results>("append", "must be a path, or Results")]).optional(),
  clock: has<Clock>("elapsed", "must be a clock").optional(),
  seed: z.string().optional(),
});

const described = ({ name, description, inputSchema, effects, idempotent, polled }: AnyTool): Json => [
  name,
  sha256(JSON.stringify([description, inputSchema])),
  effects,
  idempotent,
  ...(polled === true ? [true] : []),
];

/**
 * Checks options and fills in defaults.
 *
 * @throws {ConfigError} When they cannot be meant.
 */
export function planAgent(caller: string, options: AgentOptions<unknown>): AgentPlan {
  parseConfig(caller, schema, options);
  const all = toolSet(options.tools);
  const reserved = all.names.find((name) => COMMANDS.has(name));
  if (reserved !== undefined) {
    throw new ConfigError({
      message: `${caller}: "${reserved}" is a command of the run itself; give the tool another name`,
      name: reserved,
    });
  }
  const { planner = react(), model, sampling = DEFAULT_SAMPLING, answer, budget = {}, seed = "0" } = options;
  const form =
    answer === undefined
      ? undefined
      : answerForm(
          answer,
          (options.answerSchema as never) ?? jsonSchemaOf(`${caller}: answer`, answer, "answerSchema"),
        );
  const plan = {
    model,
    all,
    planner,
    environment: options.environment,
    answer: form,
    perceiver: options.perceiver ?? perceiver(),
    retrieval:
      options.retrieval === undefined
        ? undefined
        : { retriever: options.retrieval.retriever, count: options.retrieval.count ?? 5 },
    policy: options.policy ?? defaultPolicy,
    approve: options.approve,
    ask: options.ask,
    intent: options.intent ?? false,
    beliefs: options.beliefs ?? false,
    examples: options.examples ?? false,
    calling: options.calling ?? "native",
    compaction: { characters: options.compaction?.characters ?? 200_000, keep: options.compaction?.keep ?? 8 },
    budget,
    sampling,
    system: options.system,
    words: { ...defaultWords, ...options.words },
    parallel: options.parallel ?? 4,
    retries: options.retries ?? 2,
    journal: options.journal,
    clock: options.clock ?? systemClock,
    seed,
  };
  const settings = {
    model: `${model.provider}/${model.model}`,
    planner: [planner.name, planner.settings],
    tools: [...all].map(described),
    environment: options.environment?.kind ?? null,
    answer: form?.parameters ?? null,
    perceiver: plan.perceiver.settings,
    retrieval: plan.retrieval === undefined ? null : [plan.retrieval.retriever.name, plan.retrieval.count],
    intent: plan.intent,
    beliefs: plan.beliefs,
    examples: plan.examples,
    calling: plan.calling,
    compaction: plan.compaction,
    sampling: sampling as Json,
    system: plan.system ?? null,
    words: sha256(JSON.stringify(plan.words)),
    seed,
  };
  return { ...plan, settings };
}

const taskSchema = z.strictObject({
  instruction: z.string().trim().min(1, "must say what is to be done"),
  context: z.string().optional(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown() })).optional(),
});

/** Checks a task. */
export function checkAgentTask(caller: string, task: AgentTask): void {
  parseConfig(caller, taskSchema, task);
}
