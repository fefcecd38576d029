/** What stands between a reply and its calls: names, arguments, ids, limits, loops, the policy and a person's decision. */
import { canonicalJson, type Json } from "@cambium/base";
import type { QueryStep, RequestedCall } from "@cambium/evaluation";
import { parseArguments } from "@cambium/llm";
import type { ToolFailure, ToolFailureCode } from "../tools/failure.ts";
import { messageOf } from "../tools/hostile.ts";
import { describeIssues } from "../tools/schema.ts";
import type { AnyTool } from "../tools/tool.ts";
import { checkStopped } from "./ask.ts";
import { COMMANDS } from "./commands.ts";
import type { Conversation } from "./conversation.ts";
import type { AgentEvent } from "./events.ts";
import type { Decision } from "./policy.ts";
import type { Run } from "./run.ts";
import { inventedIn } from "./sources.ts";
import { Stop, stopOf } from "./stop.ts";

/** A call after the gate. */
export interface Gated {
  readonly call: RequestedCall;
  /** Absent for commands and for tools that do not exist. */
  readonly tool?: AnyTool;
  /** The arguments, where they are JSON. */
  readonly input?: Json;
  /** Why it is not made. */
  readonly failure?: ToolFailure;
}

/** The same call with the same result so often is a loop, unless something new was learnt in between. */
const LOOP = 3;

/** Services that fail so often in a row are left alone. */
const DOWN = 3;

const failed = (code: ToolFailureCode, message: string): { readonly failure: ToolFailure } => ({
  failure: { code, message },
});

/** How a call stands in the list of recent ones. */
export function callKey({ name }: RequestedCall, input: Json | undefined, given: string): string {
  return `${name} ${input === undefined ? given : canonicalJson(input)}`;
}

/** How often a call gave the same result since any call last gave one that it had not given before: who walks through the hall explores. */
function repeats({ recent }: Conversation, key: string): number {
  const lastNew = recent.findLastIndex((entry, i) => recent.indexOf(entry) === i);
  const same = recent.slice(Math.max(0, lastNew)).filter((entry) => entry.startsWith(`${key}\n`));
  const last = same.at(-1);
  let count = 0;
  for (let i = same.length - 1; i >= 0 && same[i] === last; i--) count += 1;
  return count;
}

function unknownTool(run: Run, name: string): { readonly failure: ToolFailure } {
  const offered = run.active.nearest(name);
  const elsewhere = run.plan.all.get(name);
  if (elsewhere !== undefined) {
    return failed("UNKNOWN_TOOL", `"${name}" is not offered now; search_tools finds tools and makes them available`);
  }
  const hint =
    offered.length > 0
      ? `the nearest are ${offered.map((each) => `"${each}"`).join(", ")}`
      : run.active.size <= 20
        ? `there are ${run.active.names.join(", ")}`
        : "use one of those that are offered";
  return failed("UNKNOWN_TOOL", `there is no tool "${name}"; ${hint}`);
}

/** Looks a call up and reads its arguments. */
async function look(run: Run, conversation: Conversation, call: RequestedCall): Promise<Gated> {
  const isCommand = COMMANDS.has(call.name);
  const tool = isCommand ? undefined : run.active.get(call.name);
  const found = { call, ...(tool === undefined ? {} : { tool }) };
  const parsed = parseArguments({ type: "tool-call", ...call });
  const harm = parsed.ok ? harmIn(parsed.value) : undefined;
  if (harm !== undefined) return { ...found, ...failed("INVALID_ARGS", `${call.name}: ${harm}`) };
  const input = parsed.ok ? parsed.value : undefined;
  const read = { ...found, ...(input === undefined ? {} : { input }) };
  if (tool?.polled !== true && repeats(conversation, callKey(call, input, call.arguments)) >= LOOP) {
    return {
      ...read,
      ...failed("LOOP_DETECTED", `this call gave the same result ${LOOP} times; it is not made again`),
    };
  }
  if (!isCommand && tool === undefined) return { ...read, ...unknownTool(run, call.name) };
  if (!parsed.ok) return { ...read, ...failed("INVALID_ARGS", `${parsed.problem}; write one JSON object`) };
  if (tool === undefined) return read;
  try {
    const checked = await tool.input["~standard"].validate(parsed.value);
    if (checked.issues !== undefined) {
      const problem = describeIssues(checked.issues, parsed.value, tool.inputSchema);
      return { ...read, ...failed("INVALID_ARGS", `${tool.name}: ${problem}`) };
    }
  } catch (thrown) {
    return { ...read, ...failed("INVALID_ARGS", `${tool.name}: the schema failed: ${messageOf(thrown)}`) };
  }
  return read;
}

/** Levels of arguments: walkers of the host recurse. */
const DEEPEST = 100;

/** What of arguments would harm the host later: nesting that overflows its stack, a key that sets a prototype. */
function harmIn(value: Json, depth = 0): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (depth === DEEPEST) return `the arguments nest deeper than ${DEEPEST} levels`;
  if (Object.hasOwn(value, "__proto__")) return 'the arguments have a key "__proto__"';
  for (const inner of Object.values(value)) {
    const harm = harmIn(inner as Json, depth + 1);
    if (harm !== undefined) return harm;
  }
  return undefined;
}

const readDecision = (decision: Decision) => (typeof decision === "boolean" ? { approved: decision } : decision);

/** Asks a person, once: the decision is a step. */
async function* decide(
  run: Run,
  tool: AnyTool,
  input: Json,
  parent: number | undefined,
): AsyncGenerator<AgentEvent, ToolFailure | undefined, undefined> {
  const { plan, recorder, signal, ledger } = run;
  const query = `May ${tool.name} (${tool.effects}) be called with ${canonicalJson(input)}?`;
  const index = recorder.reserve();
  let step = recorder.recorded(index, "query", "approval", query);
  const resumed = step !== undefined;
  if (step === undefined) {
    if (plan.approve === undefined) {
      throw new Stop("suspended", { code: "APPROVAL_REQUIRED", message: query }, [query]);
    }
    const start = plan.clock.elapsed();
    let reply: string;
    try {
      const { approved, reason } = readDecision(await plan.approve({ tool, input }, { signal })) as {
        approved: boolean;
        reason?: string;
      };
      reply = `${approved === true ? "approved" : "rejected"}${reason === undefined ? "" : `: ${reason}`}`;
    } catch (thrown) {
      checkStopped(run);
      throw stopOf({ code: "APPROVAL_REQUIRED", message: `approve failed: ${messageOf(thrown)}` });
    }
    const base = { index, ...(parent === undefined ? {} : { parent }), stage: "approval", attempt: 0 };
    const asked: QueryStep = { ...base, kind: "query", query, reply, durationMs: plan.clock.elapsed() - start };
    step = asked;
    await recorder.keep(asked);
  }
  ledger.count(step);
  yield { type: "step", step, resumed };
  if (step.reply.startsWith("approved")) return undefined;
  const reason = step.reply.slice("rejected: ".length);
  return {
    code: "REJECTED",
    message: `${tool.name}: this call was decided against${reason === "" ? "" : `: ${reason}`}; do not make it again, find another way or say that it was not done`,
  };
}

/**
 * Passes the calls of a reply through the gate, in order, before any of them is made.
 *
 * @throws {Stop} When somebody has to decide and nobody is there.
 */
export async function* gate(
  run: Run,
  conversation: Conversation,
  calls: readonly RequestedCall[],
  parent: number | undefined,
): AsyncGenerator<AgentEvent, readonly Gated[], undefined> {
  const gated: Gated[] = [];
  const ids = new Set<string>();
  for (const call of calls) {
    let passed = await look(run, conversation, call);
    if (ids.has(call.id)) {
      passed = {
        ...passed,
        ...failed("DUPLICATE_ID", `another call of this reply has the id "${call.id}"; it was not made`),
      };
    }
    ids.add(call.id);
    const { tool, input, failure } = passed;
    if (failure === undefined && tool !== undefined) {
      const made = run.called.get(tool.name) ?? 0;
      if (made >= tool.limits.calls) {
        passed = {
          ...passed,
          ...failed("CALL_LIMIT", `${tool.name}: it may be called ${tool.limits.calls} times in a run, and was`),
        };
      } else if ((run.down.get(tool.name) ?? 0) >= DOWN) {
        passed = {
          ...passed,
          ...failed("UNAVAILABLE", `${tool.name}: its service failed ${DOWN} times in a row and is left alone`),
        };
      } else {
        passed = { ...passed, ...invented(run, tool, input!) };
        if (passed.failure === undefined) passed = { ...passed, ...(yield* permit(run, tool, input!, parent)) };
      }
    }
    if (passed.failure === undefined && tool !== undefined) {
      if (run.ledger.takeToolCall()) run.called.set(tool.name, (run.called.get(tool.name) ?? 0) + 1);
      else passed = { ...passed, ...failed("BUDGET_EXCEEDED", "the budget has no room for another call") };
    }
    gated.push(passed);
  }
  return gated;
}

/** What to do about arguments that nobody gave. */
function invented(run: Run, tool: AnyTool, input: Json): { readonly failure?: ToolFailure } {
  const lost = inventedIn(run, tool, input);
  if (lost.length === 0) return {};
  const ask = run.plan.ask === undefined ? "answer by asking the user" : "ask the user by ask_user";
  return failed(
    "INVENTED_ARGS",
    `${tool.name}: neither the user nor a result says ${lost.join(", ")}; look it up with a tool, or ${ask}`,
  );
}

/** What the policy, and whoever it asks, says of a call. */
async function* permit(
  run: Run,
  tool: AnyTool,
  input: Json,
  parent: number | undefined,
): AsyncGenerator<AgentEvent, { readonly failure?: ToolFailure }, undefined> {
  let verdict: Awaited<ReturnType<typeof run.plan.policy>>;
  try {
    verdict = await run.plan.policy({ tool, input });
  } catch (thrown) {
    // A policy that fails has allowed nothing.
    return failed("FORBIDDEN", `${tool.name}: the policy could not be asked: ${messageOf(thrown)}`);
  }
  if (verdict === "allow") return {};
  if (verdict === "ask") {
    const failure = yield* decide(run, tool, input, parent);
    return failure === undefined ? {} : { failure };
  }
  const reason = typeof verdict === "object" ? verdict?.deny : "the policy gave no verdict";
  return failed("FORBIDDEN", `${tool.name}: not allowed: ${reason}`);
}
