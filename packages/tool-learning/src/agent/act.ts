/**
 * Makes the calls of a reply. Calls without effects that follow each other run side by side; a call that changes something
 * runs alone. Each call, whatever becomes of it, is a step.
 */
import { type Json, sha256 } from "@cambium/base";
import type { RequestedCall, ToolStep } from "@cambium/evaluation";
import type { FilePart, ToolResultPart } from "@cambium/llm";
import { callTool } from "../tools/call-tool.ts";
import type { ToolFailure, ToolFailureCode } from "../tools/failure.ts";
import { messageOf } from "../tools/hostile.ts";
import { seededRandom } from "../tools/seeded-random.ts";
import type { AnyTool, ToolOutcome } from "../tools/tool.ts";
import { ask, checkStopped } from "./ask.ts";
import type { Conversation } from "./conversation.ts";
import type { AgentEvent } from "./events.ts";
import { describeConflict, noteFacts } from "./facts.ts";
import { callKey, type Gated, gate } from "./gate.ts";
import { isChange, isUndone, type Run } from "./run.ts";
import { type CommandEnd, runCommand } from "./run-command.ts";
import { stopOf } from "./stop.ts";

/** What came of the calls of a reply. */
export interface Acted {
  readonly steps: readonly ToolStep[];
  /** For the next request, in the order of the calls. */
  readonly parts: readonly ToolResultPart[];
  /** How each call and its result stand in the list of recent ones. */
  readonly recent: readonly string[];
  /** Whether a command ended the path. */
  readonly end?: CommandEnd;
}

/** Failures after which the same call may go better. */
const PASSING: ReadonlySet<ToolFailureCode> = new Set<ToolFailureCode>(["RATE_LIMITED", "UNAVAILABLE", "TOOL_TIMEOUT"]);

/** The wait before the first repetition; doubled for each further one. Ms. */
const FIRST_WAIT_MS = 500;

/** The longest wait that a service may ask for. Ms. */
const LONGEST_WAIT_MS = 30_000;

interface Placed extends Gated {
  readonly index: number;
  readonly parent: number | undefined;
  /** Whether the model is shown the result; a program takes the value. */
  readonly isShown: boolean;
}

/** A call's step. */
interface Made {
  readonly step: ToolStep;
  readonly resumed: boolean;
}

const encodeFile = ({ mediaType, data, name }: FilePart) => ({
  mediaType,
  data: data instanceof URL ? data.href : Buffer.from(data).toString("base64"),
  ...(name === undefined ? {} : { name }),
});

function decodeFile({ mediaType, data, name }: NonNullable<ToolStep["files"]>[number]): FilePart {
  const isUrl = /^[a-z]+:\/\//.test(data);
  return {
    type: "file",
    mediaType,
    data: isUrl ? new URL(data) : new Uint8Array(Buffer.from(data, "base64")),
    ...(name === undefined ? {} : { name }),
  };
}

/** Consecutive calls that may run side by side, at most `parallel`; others alone. */
function groupsOf(placed: readonly Placed[], parallel: number): readonly (readonly Placed[])[] {
  const groups: Placed[][] = [];
  let isOpen = false;
  for (const each of placed) {
    const isHarmless = each.tool !== undefined && !isChange(each.tool);
    const last = groups.at(-1);
    if (isOpen && isHarmless && last!.length < parallel) last!.push(each);
    else groups.push([each]);
    isOpen = isHarmless;
  }
  return groups;
}

/** What the environment does not manage to do ends the run: nobody knows any more what its state is. */
async function inEnvironment<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw stopOf({ code: "STATE", message: `the environment could not ${what}: ${messageOf(thrown)}` });
  }
}

/** A call's outcome with the state afterwards: kept where the call went well, taken back where it did not. */
async function settleState(
  run: Run,
  tool: AnyTool,
  outcome: ToolOutcome,
): Promise<{ outcome: ToolOutcome; state?: Json }> {
  const { environment } = run;
  if (!isChange(tool)) return { outcome };
  if (!isUndone(run, tool)) {
    run.changes += 1;
    const state = await inEnvironment("note its state", () => environment?.snapshot());
    run.state = state;
    return { outcome, ...(state === undefined ? {} : { state }) };
  }
  const undo = (): Promise<void> => inEnvironment("be undone", () => environment!.restore(run.state!));
  if (!outcome.ok) {
    await undo();
    return { outcome };
  }
  try {
    const state = await environment!.snapshot();
    run.state = state;
    return { outcome, ...(state === undefined ? {} : { state }) };
  } catch (thrown) {
    await undo();
    const message = `${tool.name}: it left a state that cannot be kept, and was undone: ${messageOf(thrown)}`;
    return { outcome: { ok: false, failure: { code: "OUTPUT_INVALID", message } } };
  }
}

/** Tries a call until it goes well, may not be made again, or has been tried enough. */
async function tryCall(run: Run, { tool, input, index }: Placed): Promise<{ outcome: ToolOutcome; tries: number }> {
  const { plan, signal, environment, ledger } = run;
  const callId = `${run.id.slice(0, 16)}-${index}`;
  const jitter = seededRandom(`${plan.seed} wait ${callId}`);
  for (let tries = 1; ; tries++) {
    const outcome = await callTool(tool!, input!, {
      signal,
      clock: plan.clock,
      state: environment?.state,
      callId,
      random: seededRandom(`${plan.seed} ${callId}`),
    });
    if (outcome.ok || tries > plan.retries || !PASSING.has(outcome.failure.code)) return { outcome, tries };
    const mayRepeat = tool!.idempotent || isUndone(run, tool!);
    if (!mayRepeat || !ledger.takeToolCall()) return { outcome, tries };
    if (isChange(tool!) && isUndone(run, tool!)) {
      await inEnvironment("be undone", () => environment!.restore(run.state!));
    }
    const wait = Math.max(outcome.failure.retryAfterMs ?? 0, FIRST_WAIT_MS * 2 ** (tries - 1) * (0.5 + jitter()));
    if (wait > LONGEST_WAIT_MS) return { outcome, tries };
    try {
      await plan.clock.wait(wait, signal);
    } catch {
      return {
        outcome: { ok: false, failure: { code: "CANCELLED", message: `${tool!.name}: the run was stopped` } },
        tries,
      };
    }
  }
}

/** Whether a call must not be made again when it may have been made already. */
const isDelicate = (run: Run, tool: AnyTool): boolean => !tool.idempotent && !isUndone(run, tool);

const failureText = ({ code, message, retryAfterMs }: ToolFailure): string =>
  `${code}: ${message}${retryAfterMs === undefined ? "" : ` (after ${retryAfterMs} ms)`}`;

function baseOf(placed: Placed) {
  const { call, index, parent } = placed;
  return { index, ...(parent === undefined ? {} : { parent }), stage: "tool", attempt: 0, kind: "tool", call } as const;
}

function failedStep(run: Run, placed: Placed, failure: ToolFailure): ToolStep {
  return { ...baseOf(placed), text: failureText(failure), failure, at: run.plan.clock.now(), durationMs: 0 };
}

async function make(run: Run, placed: Placed, wasBegun: boolean): Promise<Made> {
  const { plan, recorder } = run;
  const { tool, index, isShown } = placed;
  if (placed.failure !== undefined) return { step: failedStep(run, placed, placed.failure), resumed: false };
  if (wasBegun && isDelicate(run, tool!)) {
    run.changes += 1;
    const message = `${tool!.name}: the run was stopped while this call was under way, and it is not known whether it took effect; look before you make it again`;
    return { step: { ...failedStep(run, placed, { code: "INTERRUPTED", message }), tries: 1 }, resumed: false };
  }
  if (isDelicate(run, tool!)) await recorder.begin(index);
  const start = plan.clock.elapsed();
  const { outcome: came, tries } = await tryCall(run, placed);
  const durationMs = Math.max(0, plan.clock.elapsed() - start);
  const { outcome, ...settled } = await settleState(run, tool!, came);
  const timed = { at: plan.clock.now(), durationMs, tries, ...settled };
  if (!outcome.ok) {
    const { failure } = outcome;
    return { step: { ...baseOf(placed), text: failureText(failure), failure, ...timed }, resumed: false };
  }
  const { value, text, isTold, files, facts } = outcome;
  const shown = plan.perceiver.perceive({ tool: tool!, value, text, isTold, handle: index });
  const step: ToolStep = {
    ...baseOf(placed),
    ...(value === undefined ? {} : { value }),
    text: shown.text,
    ...(shown.summarise === true && isShown ? { isSummed: true as const } : {}),
    ...(files.length === 0 ? {} : { files: files.map(encodeFile) }),
    ...(Object.keys(facts).length === 0 ? {} : { facts }),
    ...timed,
  };
  return { step, resumed: false };
}

/** Takes over what a call of an earlier process did: tries, the state of the environment, changes for good. */
export async function absorb(run: Run, step: ToolStep, tool: AnyTool | undefined): Promise<void> {
  const { environment, ledger } = run;
  for (let i = 1; i < (step.tries ?? 1); i++) ledger.takeToolCall();
  const wasMade = step.tries !== undefined;
  if (tool !== undefined && isChange(tool) && wasMade && !isUndone(run, tool)) run.changes += 1;
  if (step.state === undefined || environment === undefined) return;
  run.state = step.state;
  const { state } = step;
  await inEnvironment("be brought back", () => environment.restore(state));
}

/** Makes a call, or takes its step from an earlier process. The step is kept as soon as it is there. */
async function settle(run: Run, placed: Placed): Promise<Made> {
  const { recorder } = run;
  const { call, tool, index } = placed;
  const before = recorder.recorded(index, "tool", "tool", `${call.name} ${call.arguments}`);
  const isUnsettled = before?.failure?.code === "CANCELLED";
  if (before !== undefined && !isUnsettled) {
    await absorb(run, before, tool);
    return { step: before, resumed: true };
  }
  const made = await make(run, placed, before !== undefined || recorder.wasBegun(index));
  // A call that ended because the run did has no end that could be kept.
  if (made.step.failure?.code === "CANCELLED") recorder.note(made.step);
  else await recorder.keep(made.step);
  return made;
}

/** Counts what a tool's service does, so that one that is down is left alone. */
function noteHealth(run: Run, { call, failure }: ToolStep): void {
  const isDown = failure?.code === "UNAVAILABLE" || failure?.code === "TOOL_TIMEOUT";
  run.down.set(call.name, isDown ? (run.down.get(call.name) ?? 0) + 1 : 0);
}

/** A long result in the model's own words. */
async function* summarise(run: Run, step: ToolStep): AsyncGenerator<AgentEvent, string, undefined> {
  const { plan, task } = run;
  const whole = typeof step.value === "string" ? step.value : JSON.stringify(step.value);
  const content = `${plan.words.summary}\n\nTask: ${task.instruction}\n\nResult of ${step.call.name}:\n${whole}`;
  const asked = yield* ask(run, [{ role: "user", content }], { stage: "perception", parent: step.index });
  if (asked.reply.trim() === "") return step.text;
  return `${asked.reply.trim()}\n[A summary; read_result({"result":${step.index}}) shows the result itself.]`;
}

async function* finish(
  run: Run,
  { step, resumed }: Made,
  id: string,
): AsyncGenerator<AgentEvent, ToolResultPart, undefined> {
  yield { type: "step", step, resumed };
  run.stepOfCall.set(id, step.index);
  noteHealth(run, step);
  let text = step.isSummed === true ? yield* summarise(run, step) : step.text;
  const claims = noteFacts(run, step.facts ?? {}, { origin: step.call.name, at: step.at, index: step.index });
  for (const conflict of claims) {
    yield { type: "conflict", conflict };
    text += `\n${describeConflict(conflict)}`;
  }
  const files = (step.files ?? []).map(decodeFile);
  return {
    type: "tool-result",
    id,
    name: step.call.name,
    output: files.length === 0 ? text : { parts: [{ type: "text", text }, ...files] },
    ...(step.failure === undefined ? {} : { isError: true }),
  };
}

/**
 * Makes calls and gives their results.
 *
 * @param ids - Under which each call stands in the conversation.
 * @param parent - The step that asked for them.
 * @param options - `isShown`: whether a model is shown the results; a program takes the values.
 * @throws {Stop} When the run has to end.
 */
export async function* act(
  run: Run,
  conversation: Conversation,
  calls: readonly RequestedCall[],
  ids: readonly string[],
  parent: number | undefined,
  { isShown = true }: { readonly isShown?: boolean } = {},
): AsyncGenerator<AgentEvent, Acted, undefined> {
  const gated = yield* gate(run, conversation, calls, parent);
  const placed = gated.map((each): Placed => ({ ...each, index: run.recorder.reserve(), parent, isShown }));
  const idOf = new Map(placed.map(({ index }, i) => [index, ids[i]!]));
  const steps: ToolStep[] = [];
  const parts: ToolResultPart[] = [];
  let end: CommandEnd | undefined;
  for (const group of groupsOf(placed, run.plan.parallel)) {
    checkStopped(run);
    const [first] = group;
    const isCommand = first!.tool === undefined && first!.failure === undefined;
    if (!isCommand) {
      for (const { index, call } of group) {
        yield { type: "call", index, id: call.id, name: call.name, arguments: call.arguments };
      }
    }
    const made: Made[] = [];
    if (isCommand) {
      const ran = yield* runCommand(run, first!);
      made.push(ran);
      end ??= ran.end;
    } else {
      made.push(...(await allSettled(group.map((each) => settle(run, each)))));
    }
    for (const each of made) {
      steps.push(each.step);
      parts.push(yield* finish(run, each, idOf.get(each.step.index)!));
    }
    checkStopped(run);
  }
  const recent = steps.map(({ call, text }, i) => `${callKey(call, gated[i]!.input, call.arguments)}\n${sha256(text)}`);
  return { steps, parts, recent, ...(end === undefined ? {} : { end }) };
}

/** Waits for all, then fails with the first failure: nothing runs on behind the back of a run that ended. */
async function allSettled<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  const settled = await Promise.allSettled(work);
  return settled.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  });
}
