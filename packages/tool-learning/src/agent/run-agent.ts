/**
 * The driver of a run: opens what it needs, lets the planner work, and ends it in one way whatever happened. The loop itself is
 * in `planners/`, what a planner may do in `session.ts`, the way of a call in `gate.ts` and `act.ts`.
 */
import { setMaxListeners } from "node:events";
import { type Json, parseConfig, StateError, sha256 } from "@cambium/base";
import { equalAnswers, type SolveOptions, type Step } from "@cambium/evaluation";
import type { CallError, CallOutcome, ChatModel } from "@cambium/llm";
import * as z from "zod";
import { messageOf } from "../tools/hostile.ts";
import type { AnyTool } from "../tools/tool.ts";
import { toolSet } from "../tools/tool-set.ts";
import { createLedger } from "./budget.ts";
import type { AgentEnd, AgentEvent, AgentTrajectory, Claim, Conflict } from "./events.ts";
import { type AgentOptions, type AgentPlan, type AgentTask, checkAgentTask, planAgent } from "./options.ts";
import { createRecorder } from "./recorder.ts";
import type { Finish, Run } from "./run.ts";
import { createSession } from "./session.ts";
import { Stop, stopOf } from "./stop.ts";
import { understand } from "./understand.ts";

const solveSchema = z.strictObject({
  signal: z.custom<AbortSignal>((value) => typeof (value as AbortSignal | undefined)?.aborted === "boolean").optional(),
  sample: z.int().min(0).optional(),
  resume: z.array(z.looseObject({ kind: z.string(), index: z.int() })).optional(),
});

/** The messages of a task as JSON, for the id of a run. */
const withoutBytes = (_: string, value: unknown): unknown => (value instanceof Uint8Array ? sha256(value) : value);

function idOf(plan: AgentPlan, { instruction, context, messages = [] }: AgentTask, sample: number): string {
  return sha256(JSON.stringify(["agent", plan.settings, instruction, context ?? null, messages, sample], withoutBytes));
}

/**
 * Chooses the tools that are offered at first, in the order of the whole set, so that equal choices are equal prompts. The
 * choice is a step: a resumed run offers the same.
 */
async function* chooseTools(run: Run): AsyncGenerator<AgentEvent, void, undefined> {
  const { plan, task, recorder, ledger } = run;
  const { retrieval, all, clock } = plan;
  if (retrieval === undefined) return;
  const index = recorder.reserve();
  const query = task.instruction;
  let step = recorder.recorded(index, "query", "retrieval", query);
  const resumed = step !== undefined;
  if (step === undefined) {
    const start = clock.elapsed();
    let names: readonly string[];
    try {
      const known = (name: string): boolean => all.get(name) !== undefined;
      const found = await retrieval.retriever.search(query, { count: retrieval.count, filter: known });
      names = found.map(({ name }) => name).filter(known);
    } catch (thrown) {
      throw stopOf({ code: "UNAVAILABLE", message: `the retriever failed: ${messageOf(thrown)}` });
    }
    const durationMs = Math.max(0, clock.elapsed() - start);
    step = { index, stage: "retrieval", attempt: 0, kind: "query", query, reply: JSON.stringify(names), durationMs };
    await recorder.keep(step);
  }
  ledger.count(step);
  yield { type: "step", step, resumed };
  const names = new Set(JSON.parse(step.reply) as readonly string[]);
  run.active = toolSet([...all].filter(({ name }) => names.has(name)));
}

/** A signal that is aborted by the caller, by the end of the run, or when its time is up. */
function createStop(plan: AgentPlan, signal: AbortSignal | undefined, msLeft: number) {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal, ...(signal === undefined ? [] : [signal])); // any number of calls and runs may share one
  let isLate = false;
  const relay = (): void => stop.abort(signal?.reason);
  if (signal?.aborted === true) relay();
  signal?.addEventListener("abort", relay, { once: true });
  const late = (): void => {
    isLate = true;
    stop.abort();
  };
  let forget = (): void => {};
  if (msLeft <= 0) late();
  else if (Number.isFinite(msLeft)) forget = plan.clock.after(msLeft, late);
  return {
    signal: stop.signal,
    isLate: () => isLate,
    end(): void {
      signal?.removeEventListener("abort", relay);
      forget();
      stop.abort();
    },
  };
}

/** What the model believed against what it answered, where they differ. */
function beliefConflict(
  { belief, plan, recorder }: Run,
  answer: string,
  leaf: number | undefined,
): Conflict | undefined {
  if (belief === undefined || equalAnswers(answer, belief.value) || answer.includes(belief.value)) return undefined;
  const tools = recorder.steps.filter(
    (step) => step.kind === "tool" && step.failure === undefined && step.stage === "tool",
  );
  if (tools.length === 0) return undefined;
  const at = plan.clock.now();
  const claims: Claim[] = [
    { origin: "model", value: belief.value, at, index: belief.index },
    { origin: "answer", value: answer, at, index: leaf ?? recorder.steps.length - 1 },
  ];
  return { name: "answer", claims };
}

function endOf(run: Run, finish: Finish, pending: readonly string[]): AgentEnd<unknown> {
  const { plan, task, sample, recorder } = run;
  const steps = recorder.steps.filter((step) => step !== undefined);
  const { answer, value, failure, leaf } = finish;
  const status = finish.status ?? (answer === undefined ? "failed" : "done");
  const told = { ...(answer === undefined ? {} : { answer }), ...(failure === undefined ? {} : { failure }) };
  const trajectory: AgentTrajectory = {
    id: run.id,
    method: plan.planner.name,
    task: { question: task.instruction, ...(task.context === undefined ? {} : { context: task.context }) },
    sample,
    steps,
    status,
    ...told,
    ...(leaf === undefined ? {} : { leaf }),
  };
  return {
    type: "end",
    status,
    ...told,
    ...(answer === undefined ? {} : { value }),
    stdout: answer ?? "",
    firstTry: status === "done" && steps.every((step) => step.failure === undefined),
    pending,
    conflicts: run.conflicts,
    ...(run.intent === undefined ? {} : { intent: run.intent }),
    ...(run.state === undefined ? {} : { state: run.state }),
    trajectory,
  };
}

/** The planner's work, with its end as a value. */
async function* work(run: Run): AsyncGenerator<AgentEvent, { finish: Finish; pending: readonly string[] }, undefined> {
  try {
    yield* chooseTools(run);
    const answers = yield* understand(run);
    const finish = yield* run.plan.planner.run(createSession(run, answers));
    return { finish, pending: [] };
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    const { status, failure, pending } = error;
    return { finish: { status, failure, leaf: run.recorder.steps.at(-1)?.index }, pending };
  }
}

/**
 * Has a model solve a task with tools. Yields events as it goes, at last `end` with the answer and the trajectory.
 *
 * Whatever the model, a tool, a provider or the store does wrong ends in an event, never in an error. With a `journal` every
 * step is kept before it is acted upon: the same call made again after the process was killed resumes where it stopped, and a
 * run that ended is played again without asking anything. Steps of a trajectory (`resume`) do the same without a journal.
 *
 * @throws {ConfigError} When options or task cannot be meant, or the journal is of another run; before anything is asked.
 * @throws {StateError} When `resume` holds steps of another run.
 * @throws {FileError} When the journal cannot be opened.
 * @see Qin et al. 2024, Tool Learning with Foundation Models, ACM Computing Surveys, arXiv:2304.08354, §3 (controller, tools,
 *      environment, perceiver).
 * @example
 * const { answer } = await result(runAgent({ model: chat, tools: [convert] }, { instruction: "How many feet are 3 m?" }));
 */
export async function* runAgent<Answer = string>(
  options: AgentOptions<Answer>,
  task: AgentTask,
  solving: SolveOptions = {},
): AsyncGenerator<AgentEvent<Answer>, void, undefined> {
  const plan = planAgent("runAgent", options as AgentOptions<unknown>);
  checkAgentTask("runAgent", task);
  parseConfig("runAgent", solveSchema, solving);
  const { sample = 0, resume = [], signal } = solving;
  const id = idOf(plan, task, sample);
  const environment = await plan.environment?.open();
  const state: Json | undefined = await environment?.snapshot();
  const recorder = await createRecorder(
    { id, method: plan.planner.name, settings: plan.settings },
    plan.journal,
    resume,
  );
  const stop = createStop(plan, signal, timeLeft(plan, recorder.resumedMs));
  const run: Run = {
    ...{ id, plan, task, sample, recorder, environment, state },
    ledger: createLedger(plan.budget),
    signal: stop.signal,
    isLate: stop.isLate,
    active: plan.all,
    ids: new Set(),
    stepOfCall: new Map(),
    asked: new Map(),
    called: new Map(),
    down: new Map(),
    claims: new Map(),
    conflicts: [],
    changes: 0,
    intent: undefined,
    belief: undefined,
  };
  try {
    yield { type: "start", id, resumed: recorder.resumed };
    const { finish, pending } = yield* work(run) as AsyncGenerator<
      AgentEvent<Answer>,
      { finish: Finish; pending: readonly string[] }
    >;
    const conflict = finish.answer === undefined ? undefined : beliefConflict(run, finish.answer, finish.leaf);
    if (conflict !== undefined) {
      run.conflicts.push(conflict);
      yield { type: "conflict", conflict };
    }
    yield endOf(run, finish, pending) as AgentEnd<Answer>;
  } finally {
    stop.end();
    await recorder.close();
  }
}

const timeLeft = ({ budget }: AgentPlan, spentMs: number): number =>
  budget.wallMs === undefined ? Number.POSITIVE_INFINITY : budget.wallMs - spentMs;

/** What is said to whoever would ask or do something that the trajectory does not have. */
const refuse = (): never => {
  throw new StateError({
    message:
      "replayAgent: the trajectory does not say what came next; was it made with other options, or was it stopped?",
  });
};

/** A model that says nothing new: the failure that ended the run, if one did. */
function silentModel({ provider, model }: ChatModel, steps: readonly Step[]): ChatModel {
  const failed = steps.findLast((step) => step.kind === "model" && step.failure !== undefined)?.failure;
  const outcome = async (): Promise<CallOutcome> => {
    if (failed === undefined) return refuse();
    const { code, message, status } = failed;
    const details = status === undefined ? {} : { status };
    return { ok: false, error: { code, message, details } as unknown as CallError };
  };
  return { provider, model, outcome, call: refuse, stream: refuse };
}

/**
 * Plays a run again from its trajectory: the same events and the same end, without asking a model or a person and without
 * calling a tool.
 *
 * @throws {StateError} When the trajectory is of another run, or of one that was stopped.
 */
export async function* replayAgent<Answer = string>(
  options: AgentOptions<Answer>,
  task: AgentTask,
  { steps, sample }: AgentTrajectory,
): AsyncGenerator<AgentEvent<Answer>, void, undefined> {
  const { journal: _journal, approve: _approve, ask: asks, ...rest } = options;
  const silent = {
    ...rest,
    model: silentModel(options.model, steps),
    tools: Array.from(options.tools, (tool): AnyTool => ({ ...tool, run: refuse })),
    ...(asks === undefined ? {} : { ask: refuse }),
  };
  yield* runAgent(silent, task, { sample, resume: steps });
}
