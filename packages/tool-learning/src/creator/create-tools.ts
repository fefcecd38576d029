/**
 * The driver of CREATOR: does the work of each state of `machine.ts`, reports each transition, and keeps the tool at the end.
 */

import { sha256 } from "@cambium/base";
import type { ModelStep, SolveOptions, Status, Step, Trajectory } from "@cambium/evaluation";
import { CREATION_LEVELS, type ToolShape, toolShape } from "../code/tool-shape.ts";
import { recordCalls } from "../library/guest-programs.ts";
import { openLibrary } from "../library/library.ts";
import type { ToolLibrary } from "../library/tool-library.ts";
import { type Task, taskOf } from "../problem.ts";
import { checkAnswer, extractAnswer } from "../solving/answer.ts";
import { describeFailure } from "../solving/error-text.ts";
import { createRecorder, type Recorder } from "../solving/recorder.ts";
import { silentFailure } from "../solving/stage.ts";
import { checkTask } from "../solving/task.ts";
import { applyRepair, type Draft, partsOf, splitDraft } from "./draft.ts";
import type { CreatedTool, CreatorEnd, CreatorEvent, LibraryEvent } from "./events.ts";
import { type ForeignTools, findForeignTools } from "./foreign-tools.ts";
import { type CreatorState, isFinal, next, type Outcome } from "./machine.ts";
import { type CreatorOptions, type CreatorPlan, planCreation } from "./options.ts";
import { creatorSettings } from "./settings.ts";

/** The tool by itself must load within this time when faithful. Ms. @see Qian et al. 2023, released code */
const FAITHFUL_WALL_MS = 1000;

const STATUSES: Readonly<Partial<Record<CreatorState["name"], Status>>> = {
  Done: "done",
  Cancelled: "cancelled",
  BudgetExceeded: "budget_exceeded",
};

/** What the work of a state needs. */
interface Work {
  readonly plan: CreatorPlan;
  readonly task: Task;
  readonly recorder: Recorder;
  readonly foreign: ForeignTools;
}

const outcomeOf = (step: ModelStep): Outcome =>
  step.failure === undefined ? { code: step.code! } : { failure: step.failure };

async function run(
  { plan, recorder, foreign }: Work,
  stage: "load-check" | "execution",
  attempt: number,
  draft: Draft,
): Promise<Outcome> {
  const parts = partsOf(draft);
  const before = await foreign.partsFor(parts.map(({ source }) => source).join("\n"));
  const limits =
    plan.mode === "faithful" && plan.setup.limits?.wallMs === undefined ? { wallMs: FAITHFUL_WALL_MS } : {};
  const { failure, stdout } = await recorder.run({ stage, attempt }, [...before, ...parts], limits);
  return failure === undefined ? { stdout } : { failure, stdout };
}

/** Does the work of a state. */
async function work(state: CreatorState, context: Work): Promise<Outcome> {
  const { plan, task, recorder, foreign } = context;
  const { language } = plan.setup.sandbox;
  const input = { task, language, demonstrations: plan.demonstrations, thought: plan.thought };
  switch (state.name) {
    case "Creating":
      return outcomeOf(
        await recorder.ask(
          { stage: "creation", attempt: state.attempt },
          plan.prompts.creation({ ...input, known: foreign.offered }),
        ),
      );
    case "Validating":
      return run(context, "load-check", state.attempt, { tool: state.tool, call: "" });
    case "Deciding":
      return outcomeOf(
        await recorder.ask({ stage: "decision", attempt: 0 }, plan.prompts.decision({ ...input, tool: state.tool })),
      );
    case "Executing":
      return run(context, "execution", state.round, state.draft);
    case "Extracting": {
      const failure = plan.repairAnswers ? checkAnswer(state.stdout, task) : undefined;
      return failure === undefined ? { answer: extractAnswer(state.stdout) } : { failure };
    }
    case "Rectifying": {
      const { draft, failure } = state.failed.at(-1)!;
      const describe = (attempt: (typeof state.failed)[number]): string =>
        describeFailure(attempt.failure, partsOf(attempt.draft));
      const prompt = plan.prompts.rectification({
        ...input,
        program: partsOf(draft),
        error: describeFailure(failure, partsOf(draft)),
        earlier: plan.showAttempts ? state.failed.slice(0, -1).map(describe) : [],
        allowPartial: plan.partialRepair,
      });
      const step = await recorder.ask({ stage: "rectification", attempt: state.round }, prompt);
      if (step.failure !== undefined) return { failure: step.failure };
      return { draft: applyRepair(draft, step.code!, language, plan.partialRepair) };
    }
    default:
      return { stdout: "" };
  }
}

/** Steps that belong to a state's work: none for Idle and Extracting. */
const HAS_STEP: ReadonlySet<CreatorState["name"]> = new Set([
  "Creating",
  "Validating",
  "Deciding",
  "Executing",
  "Rectifying",
]);

function describeTool(
  source: string,
  steps: readonly Step[],
  foreign: ForeignTools,
  language: "javascript" | "python",
): CreatedTool {
  const asked = steps.findLast((step) => step.kind === "model" && step.code?.includes(source) && source !== "");
  const shape: ToolShape | undefined = toolShape(source, language, foreign.names);
  const loaded = steps.some(
    (step) =>
      step.kind === "run" && step.failure === undefined && step.program.some((part) => part.source.includes(source)),
  );
  return {
    source,
    name: shape?.name ?? "",
    parameters: shape?.parameters ?? [],
    documentation: shape?.documentation ?? "",
    valid: source !== "" && loaded,
    level: shape?.level ?? 0,
    dependencies: foreign.usedIn(source).map(({ name }) => name),
    promptHash: asked?.kind === "model" ? asked.promptHash : "",
  };
}

function endOf(state: CreatorState, { plan, task, recorder, foreign }: Work, sample: number): CreatorEnd {
  const { steps } = recorder;
  const { language } = plan.setup.sandbox;
  const draft: Draft = "draft" in state && state.draft !== undefined ? state.draft : { tool: "", call: "" };
  const { tool, call } = splitDraft(draft, language);
  const status = STATUSES[state.name] ?? "failed";
  const answer = state.name === "Done" ? state.answer : undefined;
  const failure = "failure" in state ? state.failure : undefined;
  const told = { ...(answer === undefined ? {} : { answer }), ...(failure === undefined ? {} : { failure }) };
  const settings = creatorSettings(plan);
  const trajectory: Trajectory = {
    id: sha256(JSON.stringify(["creator", settings, task, sample])),
    method: "creator",
    task,
    sample,
    steps,
    status,
    ...told,
  };
  const repaired = steps.some(
    ({ stage, attempt }) => stage === "rectification" || (stage === "creation" && attempt > 0),
  );
  const made = describeTool(tool, steps, foreign, language);
  return {
    type: "end",
    status,
    ...told,
    stdout: "stdout" in state ? state.stdout : "",
    firstTry: status === "done" && !repaired,
    trajectory,
    ...silentFailure(steps),
    ...(made.name === "" ? {} : { labels: { "level of creation": CREATION_LEVELS[made.level] } }),
    tool: made,
    call,
  };
}

/** Counts the use of library tools, and keeps the new one when the question was answered. Never fails the run. */
async function keepTool(
  library: ToolLibrary,
  { tool, call, status, trajectory }: CreatorEnd,
  { plan, foreign }: Work,
): Promise<LibraryEvent | undefined> {
  const { question } = trajectory.task;
  try {
    for (const { id } of foreign.usedIn(`${tool.source}\n${call}`)) {
      await library.recordUse(id, { question, passed: status === "done" });
      await library.promote(id);
    }
    if (status !== "done" || tool.name === "") return undefined;
    const dependencies = foreign.usedIn(tool.source);
    const before = await Promise.all(dependencies.map((each) => library.sourcesOf(each)));
    const sources = [...new Set(before.flat()), tool.source];
    const { model, sandbox, limits } = plan.setup;
    const tests = await recordCalls({ name: tool.name, sources }, call, {
      sandbox,
      ...(limits === undefined ? {} : { limits }),
    });
    const origin = { question, model: model.model, promptHash: tool.promptHash, trajectoryId: trajectory.id };
    const added = await library.add({
      source: tool.source,
      origin,
      tests,
      dependencies: dependencies.map(({ id }) => id),
    });
    await library.recordUse(added.tool.id, { question, passed: true });
    await library.promote(added.tool.id);
    return { type: "library", outcome: added.outcome === "new" ? "kept" : "known", id: added.tool.id };
  } catch (error) {
    return { type: "library", outcome: "failed", message: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Answers a question with a tool that the model writes for it: creation, decision, execution, rectification. Yields a
 * `transition` event for every change of state, a `library` event when a library is given, and at last `end` with the
 * answer, the tool and the trajectory. A model's mistakes, failures of its provider, a budget that is used up and a signal
 * that is aborted all end the run in an event, never in an error.
 *
 * @throws {ConfigError} When options or task cannot be meant, before anything is asked.
 * @throws {StoreError} When the library cannot be opened, before anything is asked.
 * @see Qian et al. 2023, CREATOR: Tool Creation for Disentangling Abstract and Concrete Reasoning, arXiv:2305.14318.
 * @example
 * const made = await result(createTools({ model: chat, sandbox: quickjs(), library: "tools.db" }, { question }));
 * console.log(made.answer, made.tool.source);
 */
export async function* createTools(
  options: CreatorOptions,
  task: Task,
  solving: SolveOptions = {},
): AsyncGenerator<CreatorEvent, void, undefined> {
  const plan = planCreation("createTools", options);
  checkTask("createTools", task, solving);
  const { sandbox, limits } = plan.setup;
  const isOwn = typeof plan.library === "string";
  const library =
    typeof plan.library === "string"
      ? await openLibrary(plan.library, { sandbox, ...(limits === undefined ? {} : { limits }) })
      : plan.library;
  try {
    const foreign = await findForeignTools(library, task.question, sandbox.language);
    const context: Work = { plan, task: taskOf(task), recorder: createRecorder(plan.setup, solving), foreign };
    let state: CreatorState = { name: "Idle" };
    while (!isFinal(state)) {
      const outcome: Outcome = solving.signal?.aborted
        ? { failure: { code: "CANCELLED", message: "the signal was aborted" } }
        : await work(state, context);
      const after: CreatorState = next(state, outcome, plan.guards);
      const step = HAS_STEP.has(state.name) ? context.recorder.steps.at(-1) : undefined;
      yield { type: "transition", from: state.name, to: after.name, ...(step === undefined ? {} : { step }) };
      state = after;
    }
    const end = endOf(state, context, solving.sample ?? 0);
    const kept = library === undefined ? undefined : await keepTool(library, end, context);
    if (kept !== undefined) yield kept;
    yield end;
  } finally {
    if (isOwn) await library?.close();
  }
}
