import type { Json, JsonObject } from "@cambium/base";
import type { ToolStep } from "@cambium/evaluation";
import type { ToolFailure } from "../tools/failure.ts";
import { messageOf } from "../tools/hostile.ts";
import { checkStopped } from "./ask.ts";
import type { AgentEvent } from "./events.ts";
import type { Gated } from "./gate.ts";
import type { Run } from "./run.ts";
import { Stop, stopOf } from "./stop.ts";

/** How a command ends a path. */
export type CommandEnd =
  | { readonly type: "answer"; readonly value: unknown; readonly text: string }
  | { readonly type: "gave-up"; readonly reason: string };

/** What came of a command. */
export interface RanCommand {
  readonly step: ToolStep;
  readonly resumed: boolean;
  readonly end?: CommandEnd;
}

/** What a command gives back. */
type Given = { readonly value?: Json; readonly text: string } | { readonly failure: ToolFailure };

const LONGEST_READ = 4000;

const invalid = (message: string): Given => ({ failure: { code: "INVALID_ARGS", message } });

function readResult(run: Run, { result, from = 0, length = LONGEST_READ }: JsonObject): Given {
  const step = typeof result === "number" ? run.recorder.steps[result] : undefined;
  if (step?.kind !== "tool" || step.value === undefined) {
    return invalid(
      `read_result: there is no result ${JSON.stringify(result ?? null)}; use a number that a shortened result gave`,
    );
  }
  if (!Number.isInteger(from) || Number(from) < 0) return invalid("read_result: from must be an integer from 0");
  if (!Number.isInteger(length) || Number(length) < 1) return invalid("read_result: length must be an integer from 1");
  const whole = typeof step.value === "string" ? step.value : JSON.stringify(step.value);
  const to = Math.min(whole.length, Number(from) + Math.min(Number(length), LONGEST_READ));
  const part = whole.slice(Number(from), to);
  return { text: `[characters ${from} to ${to} of ${whole.length}]\n${part}` };
}

async function askUser(run: Run, { question }: JsonObject): Promise<Given> {
  if (typeof question !== "string" || question.trim() === "") return invalid("ask_user: question must be a text");
  const { ask } = run.plan;
  if (ask === undefined) {
    throw new Stop("suspended", { code: "INPUT_REQUIRED", message: question }, [question]);
  }
  try {
    const answer = String(await ask(question, { signal: run.signal }));
    return { value: answer, text: answer };
  } catch (thrown) {
    checkStopped(run);
    throw stopOf({ code: "INPUT_REQUIRED", message: `ask failed: ${messageOf(thrown)}` });
  }
}

async function searchTools(run: Run, { query }: JsonObject): Promise<Given> {
  if (typeof query !== "string" || query.trim() === "") return invalid("search_tools: query must be a text");
  const { retriever, count } = run.plan.retrieval!;
  try {
    const known = new Set(run.plan.all.names);
    const found = await retriever.search(query, { count, filter: (name) => known.has(name) });
    const names = found.map(({ name }) => name).filter((name) => known.has(name));
    const lines = names.map((name) => `${name}: ${run.plan.all.get(name)!.description}`);
    return { value: names, text: lines.length === 0 ? "nothing was found; use other words" : lines.join("\n") };
  } catch (thrown) {
    return { failure: { code: "TOOL_ERROR", message: `search_tools: ${messageOf(thrown)}` } };
  }
}

/** Offers tools that were found: behind those that are offered, so that a provider's prompt cache holds. */
function activate(run: Run, names: readonly string[]): void {
  const more = names.filter((name) => run.active.get(name) === undefined).map((name) => run.plan.all.get(name)!);
  if (more.length > 0) run.active = run.active.with(more);
}

async function endOf(run: Run, name: string, input: JsonObject): Promise<CommandEnd | ToolFailure> {
  if (name === "give_up") return { type: "gave-up", reason: String(input["reason"] ?? "no reason given") };
  const checked = await run.plan.answer!.check(input);
  if (checked.ok) return { type: "answer", value: checked.value, text: checked.text };
  return { code: "INVALID_ARGS", message: `final_answer: ${checked.problem}` };
}

async function give(run: Run, name: string, input: JsonObject): Promise<Given & { readonly end?: CommandEnd }> {
  switch (name) {
    case "read_result":
      return readResult(run, input);
    case "ask_user":
      return askUser(run, input);
    case "search_tools":
      return run.plan.retrieval === undefined ? invalid("search_tools is not offered") : searchTools(run, input);
    default: {
      if (name === "final_answer" && run.plan.answer === undefined)
        return invalid("final_answer is not offered: answer in plain words");
      const end = await endOf(run, name, input);
      return "code" in end ? { failure: end } : { text: "ended", end };
    }
  }
}

/** Carries out a command. Its step says what it gave, so that it is not asked for twice. */
// biome-ignore lint/correctness/useYield: a generator like all that is done within a run
export async function* runCommand(
  run: Run,
  { call, input, index, parent }: Gated & { readonly index: number; readonly parent: number | undefined },
): AsyncGenerator<AgentEvent, RanCommand, undefined> {
  const { plan, recorder } = run;
  const before = recorder.recorded(index, "tool", "command", `${call.name} ${call.arguments}`);
  if (before !== undefined) {
    if (call.name === "search_tools" && before.failure === undefined) activate(run, before.value as readonly string[]);
    const isEnd = before.failure === undefined && (call.name === "final_answer" || call.name === "give_up");
    const end = isEnd ? await endOf(run, call.name, input as JsonObject) : undefined;
    return { step: before, resumed: true, ...(end === undefined || "code" in end ? {} : { end }) };
  }
  const start = plan.clock.elapsed();
  const given = await give(run, call.name, input as JsonObject);
  const base = {
    index,
    ...(parent === undefined ? {} : { parent }),
    stage: "command",
    attempt: 0,
    kind: "tool",
    call,
  } as const;
  const timed = { at: plan.clock.now(), durationMs: Math.max(0, plan.clock.elapsed() - start) };
  const step: ToolStep =
    "failure" in given
      ? { ...base, text: `${given.failure.code}: ${given.failure.message}`, failure: given.failure, ...timed }
      : { ...base, ...(given.value === undefined ? {} : { value: given.value }), text: given.text, ...timed };
  if (call.name === "search_tools" && step.failure === undefined) activate(run, step.value as readonly string[]);
  await recorder.keep(step);
  return { step, resumed: false, ...(given.end === undefined ? {} : { end: given.end }) };
}
