/** Trajectories as rows for training chat models that call tools. */
import { ConfigError, parseConfig } from "@cambium/base";
import type { ModelStep, Trajectory } from "@cambium/evaluation";
import * as z from "zod";
import type { AgentTrajectory } from "../agent/events.ts";
import type { AgentOptions } from "../agent/options.ts";
import type { AnyTool } from "../tools/tool.ts";
import { type PathTurn, pathTo, waysFrom } from "./path.ts";
import { rowSetup, type TrainingTool } from "./row-setup.ts";

/** A message of a row, in the form that chat templates read. */
export interface TrainingMessage {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: string;
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly type: "function";
    readonly function: { readonly name: string; readonly arguments: string };
  }[];
  readonly tool_call_id?: string;
  readonly name?: string;
  /** Whether its tokens count in the loss. */
  readonly train: boolean;
}

/** A conversation to be learnt. */
export interface TrainingRow {
  /** Id of the trajectory. */
  readonly id: string;
  readonly tools: readonly TrainingTool[];
  readonly messages: readonly TrainingMessage[];
}

/** Two replies to one conversation, of which one is better. */
export interface PreferenceRow {
  readonly id: string;
  readonly tools: readonly TrainingTool[];
  /** What both reply to. */
  readonly prompt: readonly TrainingMessage[];
  /** The reply that led to the answer. */
  readonly chosen: TrainingMessage;
  /** A reply from the same place that was left again. */
  readonly rejected: TrainingMessage;
}

/** Settings of `trainingRow` and `preferenceRows`. */
export interface TrainingOptions {
  /** The tools that were offered, for the template. @default none are written */
  readonly tools?: Iterable<AnyTool>;
  /** Stands in front, and is not learnt. @default none */
  readonly system?: string;
  /**
   * Settings of the runs that the model is trained for, in place of `tools` and `system`: rows have their system message, commands and tools.
   * They need not be those of the run that made the trajectory. With a retriever the tools are those that this run found.
   *
   * @default what `tools` and `system` say
   */
  readonly agent?: AgentOptions<unknown>;
  /** Whether turns are learnt whose every call failed. @default false */
  readonly failures?: boolean;
  /** Changes every text, to take out what must not be learnt. @default as it is */
  redact?(text: string): string;
}

const isFunction = z.custom<() => unknown>((value) => typeof value === "function", "must be a function");

const schema = z.strictObject({
  tools: z
    .custom<Iterable<AnyTool>>((value) => typeof Object(value)[Symbol.iterator] === "function", "must be tools")
    .optional(),
  system: z.string().optional(),
  agent: z.looseObject({}).optional(),
  failures: z.boolean().optional(),
  redact: isFunction.optional(),
});

type Redact = (text: string) => string;

const asIs: Redact = (text) => text;

/** The id of the n-th call of a step: whatever ids a provider gave, these are unique in the row. */
const callId = ({ index }: ModelStep, n: number): string => `call_${index}_${n}`;

function replyOf(step: ModelStep, train: boolean, redact: Redact): TrainingMessage {
  const calls = (step.toolCalls ?? []).map(({ name, arguments: given }, n) => ({
    id: callId(step, n),
    type: "function" as const,
    function: { name, arguments: redact(given) },
  }));
  return {
    role: "assistant",
    content: redact(step.reply),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    train,
  };
}

function messagesOf(
  { step, prompt, results }: PathTurn,
  failures: boolean,
  redact: Redact,
): readonly TrainingMessage[] {
  const isFailed = results.length > 0 && results.every(({ failure }) => failure !== undefined);
  const asked: TrainingMessage[] = prompt === "" ? [] : [{ role: "user", content: redact(prompt), train: false }];
  const told = results.map(
    ({ call, text }, n): TrainingMessage => ({
      role: "tool",
      content: redact(text),
      tool_call_id: callId(step, n),
      name: call.name,
      train: false,
    }),
  );
  return [...asked, replyOf(step, failures || !isFailed, redact), ...told];
}

const systemOf = (system: string | undefined): readonly TrainingMessage[] =>
  system === undefined ? [] : [{ role: "system", content: system, train: false }];

/** The last step on the path that ended the run. */
function leafOf({ steps, leaf }: Trajectory & Pick<AgentTrajectory, "leaf">): number | undefined {
  return leaf ?? steps.findLast(({ kind }) => kind === "model")?.index;
}

/**
 * The path to the answer as a conversation: what the model said is learnt, what it was told is not. Branches that a search left
 * are not in it, nor what it was told about them. Undefined for a run without an answer.
 *
 * @throws {ConfigError} When the options cannot be meant.
 * @see Qin et al. 2024, Tool Learning with Foundation Models, arXiv:2304.08354, §3.3 (learning from demonstrations).
 */
export function trainingRow(trajectory: AgentTrajectory, options: TrainingOptions = {}): TrainingRow | undefined {
  parseConfig("trainingRow", schema, options);
  const { failures = false, redact = asIs } = options;
  const leaf = leafOf(trajectory);
  if (trajectory.status !== "done" || leaf === undefined) return undefined;
  const messages = pathTo(trajectory, leaf).flatMap((turn) => messagesOf(turn, failures, redact));
  if (messages.length === 0) {
    throw new ConfigError({
      message: "trainingRow: the trajectory has no request to a model on the path to its answer",
    });
  }
  const { tools, system } = rowSetup("trainingRow", trajectory, options);
  return { id: trajectory.id, tools, messages: [...systemOf(system), ...messages] };
}

/**
 * Pairs of replies from a search: at each place on the path to the answer, the reply that led on against each that was left.
 * Empty for a run without an answer, or one that never went back.
 *
 * @throws {ConfigError} When the options cannot be meant.
 */
export function preferenceRows(trajectory: AgentTrajectory, options: TrainingOptions = {}): readonly PreferenceRow[] {
  parseConfig("preferenceRows", schema, options);
  const { redact = asIs } = options;
  const leaf = leafOf(trajectory);
  if (trajectory.status !== "done" || leaf === undefined) return [];
  const { tools, system } = rowSetup("preferenceRows", trajectory, options);
  const path = pathTo(trajectory, leaf);
  const told: TrainingMessage[] = [...systemOf(system)];
  return path.flatMap((turn) => {
    const { step, prompt } = turn;
    const before: TrainingMessage[] = [
      ...told,
      ...(prompt === "" ? [] : [{ role: "user" as const, content: redact(prompt), train: false }]),
    ];
    told.push(...messagesOf(turn, true, redact));
    return waysFrom(trajectory.steps, step.parent, step.stage)
      .filter((other) => other.index !== step.index && other.failure === undefined)
      .map((other) => ({
        id: `${trajectory.id}-${other.index}`,
        tools,
        prompt: before,
        chosen: replyOf(step, true, redact),
        rejected: replyOf(other, true, redact),
      }));
  });
}
