import { type Json, parseConfig, sha256 } from "@cambium/base";
import type { Failure, Grader, ModelStep, Solver } from "@cambium/evaluation";
import {
  type CallError,
  type ChatModel,
  type Message,
  parseArguments,
  type Sampling,
  type ToolCallPart,
} from "@cambium/llm";
import * as z from "zod";
import { callsInText, toText } from "../../agent/dialect.ts";
import { fieldsOf } from "../../agent/model-step.ts";
import { defaultWords } from "../../agent/words.ts";
import { checkCalls, type MadeCall } from "./check-calls.ts";
import { declarationsOf } from "./function-tools.ts";
import type { BfclExpected, BfclTask } from "./row.ts";

/** Settings of `bfcl`. */
export interface BfclOptions {
  readonly model: ChatModel;
  /** How the model calls: by its provider, or by JSON in its text. @default "native" */
  readonly calling?: "native" | "text";
  /** @default temperature 0, 1024 tokens */
  readonly sampling?: Sampling;
  /** Stands before each request. @default what tells when to call, and when not to */
  readonly system?: string;
}

const SYSTEM =
  "Call the functions that fulfil the request, with what it says. When none of them fits, or a value that is needed is missing, call none and say so.";

const schema = z.strictObject({
  model: z.custom<ChatModel>(
    (value) => typeof (value as ChatModel | undefined)?.outcome === "function",
    "must be a ChatModel",
  ),
  calling: z.enum(["native", "text"]).optional(),
  sampling: z.looseObject({}).optional(),
  system: z.string().min(1).optional(),
});

const failureOf = ({ code, message, details }: CallError): Failure => ({
  code,
  message,
  ...(typeof details["status"] === "number" ? { status: details["status"] } : {}),
});

/** A call as it is judged: with the document's name, and whatever stands for its arguments. */
function madeOf(call: Pick<ToolCallPart, "name" | "arguments">, nameOf: ReadonlyMap<string, string>): MadeCall {
  const parsed = parseArguments({ type: "tool-call", id: "", ...call });
  return { name: nameOf.get(call.name) ?? call.name, arguments: parsed.ok ? (parsed.value as Json) : call.arguments };
}

/**
 * One request for each row, with its functions: the model's calls are the answer, as JSON. For `runEvaluation` with `bfclGrader`.
 *
 * @throws {ConfigError} When the options cannot be meant.
 * @example
 * for await (const event of runEvaluation(bfcl({ model: chat }), parseBfcl(text, "multiple"), { grader: bfclGrader, results: "runs/bfcl" })) …
 */
export function bfcl(options: BfclOptions): Solver<BfclTask> {
  parseConfig("bfcl", schema, options);
  const { model, calling = "native", sampling = { temperature: 0, maxTokens: 1024 }, system = SYSTEM } = options;
  const settings = {
    model: `${model.provider}/${model.model}`,
    calling,
    sampling: sampling as Json,
    system: sha256(system),
  };
  return {
    name: "bfcl",
    settings,
    async *solve(task, { sample = 0, signal, resume = [] } = {}) {
      const { declarations, nameOf } = declarationsOf(task.functions);
      const messages: readonly Message[] = [{ role: "system", content: system }, ...task.messages];
      const request =
        calling === "text"
          ? { messages: toText(messages, declarations, defaultWords) }
          : { messages, tools: declarations };
      const promptHash = sha256(JSON.stringify([request, sampling]));
      const base = { index: 0, stage: "call", attempt: 0, kind: "model", promptHash, prompt: task.question } as const;
      const before = resume.find(
        (step): step is ModelStep =>
          step.kind === "model" && step.promptHash === promptHash && step.failure === undefined,
      );
      let step = before;
      if (step === undefined) {
        const outcome = await model.outcome({
          ...sampling,
          ...request,
          sample,
          stage: "call",
          ...(signal === undefined ? {} : { signal }),
        });
        if (outcome.ok) {
          const fields = fieldsOf(outcome.result);
          const inText = calling === "text" ? callsInText(fields.reply, "text") : [];
          step = { ...base, ...fields, ...(inText.length === 0 ? {} : { toolCalls: inText }) };
        } else step = { ...base, reply: "", cached: false, durationMs: 0, failure: failureOf(outcome.error) };
      }
      yield { type: "step", step };
      const { failure } = step;
      const answer = JSON.stringify((step.toolCalls ?? []).map((call) => madeOf(call, nameOf)));
      const id = sha256(JSON.stringify(["bfcl", settings, promptHash, sample]));
      const status = failure === undefined ? "done" : failure.code === "CANCELLED" ? "cancelled" : "failed";
      const told = failure === undefined ? { answer } : { failure };
      const trajectory = {
        id,
        method: "bfcl",
        task: { question: task.question },
        sample,
        steps: [step],
        status,
        ...told,
      } as const;
      yield { type: "end", status, ...told, stdout: step.reply, firstTry: failure === undefined, trajectory };
    },
  };
}

/** Judges the calls of `bfcl` by their structure: `checkCalls`. What is no list of calls is wrong. */
export const bfclGrader: Grader = {
  name: "bfcl",
  grade({ answer }, gold) {
    if (answer === undefined) return { right: false, found: "nowhere" };
    try {
      const right =
        checkCalls(JSON.parse(gold) as BfclExpected, JSON.parse(answer) as readonly MadeCall[]) === undefined;
      return { right, found: "marker" };
    } catch {
      return { right: false, found: "marker" };
    }
  },
};
