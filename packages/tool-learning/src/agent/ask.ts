import type { ModelStep } from "@cambium/evaluation";
import type { CallError, CallOutcome, CallResult, Message, ModelRequest, ToolDeclaration } from "@cambium/llm";
import { requestHash } from "./conversation.ts";
import { callsInText, toText } from "./dialect.ts";
import type { AgentEvent } from "./events.ts";
import { fieldsOf } from "./model-step.ts";
import type { Run } from "./run.ts";
import { type AgentFailure, Stop, stopOf } from "./stop.ts";

/** Repeats of one request within a run, and runs of one task, must never share a number. */
const SAMPLES_PER_RUN = 1000;

/** What is asked of the model, besides the messages. */
export interface Asking {
  /** The part of the method that asks. */
  readonly stage: string;
  /** @default none */
  readonly tools?: readonly ToolDeclaration[];
  readonly toolChoice?: "auto" | "none";
  readonly format?: ModelRequest["format"];
  /** The step on whose result this one works. */
  readonly parent: number | undefined;
}

/** What of the prompt is kept in the trajectory: its last message, unless that is a result which has its own step. */
function promptOf(messages: readonly Message[]): string {
  const last = messages.at(-1);
  if (last === undefined || last.role === "tool") return "";
  return typeof last.content === "string"
    ? last.content
    : last.content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

function failureOf({ code, message, details }: CallError): AgentFailure {
  return { code, message, ...(typeof details["status"] === "number" ? { status: details["status"] } : {}) };
}

/** A reply that was paid for and not stored is a reply all the same: the journal keeps it. */
function paidFor(outcome: CallOutcome): CallResult | undefined {
  if (outcome.ok) return outcome.result;
  return outcome.error.code === "STORE" ? (outcome.error.details["result"] as CallResult | undefined) : undefined;
}

function stopped(run: Run): Stop {
  if (run.isLate()) {
    const message = `the time of the budget is up: ${run.plan.budget.wallMs} ms`;
    return new Stop("budget_exceeded", { code: "BUDGET_EXCEEDED", message });
  }
  return new Stop("cancelled", { code: "CANCELLED", message: "the signal was aborted" });
}

/** Ends the run when it has been stopped. @throws {Stop} */
export function checkStopped(run: Run): void {
  if (run.signal.aborted) throw stopped(run);
}

/** Whom an outcome without a reply stops. */
function stopFor(run: Run, failure: AgentFailure): Stop {
  return failure.code === "CANCELLED" && run.signal.aborted ? stopped(run) : stopOf(failure);
}

/**
 * Asks the model. The same request in an earlier process is not made again.
 *
 * @returns The step with the reply.
 * @throws {Stop} When there is no reply: no room in the budget, a failure of the provider, a signal that is aborted.
 */
export async function* ask(
  run: Run,
  given: readonly Message[],
  { stage, tools = [], toolChoice = "auto", format, parent }: Asking,
): AsyncGenerator<AgentEvent, ModelStep, undefined> {
  const { plan, recorder, ledger, signal } = run;
  checkStopped(run);
  const isText = plan.calling === "text";
  const messages = isText ? toText(given, toolChoice === "none" ? [] : tools, plan.words) : given;
  const request: ModelRequest = {
    ...plan.sampling,
    messages,
    ...(isText || tools.length === 0 ? {} : { tools, toolChoice }),
    ...(format === undefined ? {} : { format }),
  };
  const promptHash = requestHash(request);
  const attempt = run.asked.get(promptHash) ?? 0;
  run.asked.set(promptHash, attempt + 1);
  const index = recorder.reserve();
  const before = recorder.recorded(index, "model", stage, promptHash);
  if (before !== undefined && before.failure === undefined) {
    ledger.count(before);
    yield { type: "step", step: before, resumed: true };
    return before;
  }
  const release = ledger.reserve(request);
  const number = run.sample * SAMPLES_PER_RUN + attempt;
  const { seed } = plan.sampling;
  const outcome = await plan.model.outcome({
    ...request,
    ...(seed === undefined ? {} : { seed: seed * SAMPLES_PER_RUN + number }),
    sample: number,
    stage,
    signal,
  });
  release();
  const asked = {
    index,
    ...(parent === undefined ? {} : { parent }),
    stage,
    attempt,
    kind: "model",
    promptHash,
    prompt: promptOf(given),
  } as const;
  const result = paidFor(outcome);
  if (result === undefined) {
    const failure = failureOf((outcome as Extract<CallOutcome, { ok: false }>).error);
    const step: ModelStep = { ...asked, reply: "", cached: false, durationMs: 0, failure };
    ledger.count(step);
    recorder.note(step);
    yield { type: "step", step, resumed: false };
    throw stopFor(run, failure);
  }
  let step: ModelStep = {
    ...asked,
    ...fieldsOf(result),
    ...(result.finish === "stop" || result.finish === "tool-calls" ? {} : { finish: result.finish }),
  };
  if (isText && tools.length > 0 && toolChoice !== "none") {
    const toolCalls = callsInText(step.reply, `text-${index}`);
    if (toolCalls.length > 0) step = { ...step, toolCalls };
  }
  ledger.count(step);
  await recorder.keep(step);
  yield { type: "step", step, resumed: false };
  return step;
}
