import { ConfigError, type Json, type JsonObject, StateError, sha256 } from "@cambium/base";
import type { Solver, Step } from "@cambium/evaluation";
import type { Message, ToolResultPart } from "@cambium/llm";
import { virtual } from "../../agent/environment.ts";
import type { AgentEnd, AgentTrajectory } from "../../agent/events.ts";
import { messageOf } from "../../agent/model-step.ts";
import { type AgentOptions, planAgent } from "../../agent/options.ts";
import { runAgent } from "../../agent/run-agent.ts";
import { type AgentFailure, failureOfTask } from "../../agent/stop.ts";
import { pathTo } from "../../export/path.ts";
import { schemaOfBundle } from "../../json-schema/json-schema.ts";
import { defineTool } from "../../tools/define-tool.ts";
import type { AnyTool, ToolContext } from "../../tools/tool.ts";
import { declarationsOf } from "../bfcl/function-tools.ts";
import type { MadeTurn } from "./judge-turns.ts";
import type { MultiTurnTask } from "./row.ts";
import { callWorld, type WorldState } from "./world.ts";

/** The functions of a row as tools. Failures are results, as the documents say. */
function toolsOf({ functions }: MultiTurnTask): readonly AnyTool[] {
  const { declarations, nameOf } = declarationsOf(functions);
  return declarations.map(({ name, description = "", parameters }) =>
    defineTool<JsonObject, Json, WorldState>({
      name,
      description,
      input: schemaOfBundle(parameters),
      inputSchema: parameters,
      effects: "writes",
      openWorld: false,
      run: (input, { state }: ToolContext<WorldState>) => callWorld(state, nameOf.get(name)!, input),
    }),
  );
}

/** What was said in a turn, for the next one: the path to its answer, with its calls and what they told. */
function messagesOf(instruction: string, trajectory: AgentTrajectory): readonly Message[] {
  const leaf = trajectory.leaf ?? trajectory.steps.findLast(({ kind }) => kind === "model")?.index;
  const said: Message[] = [{ role: "user", content: instruction }];
  for (const [i, { step, prompt, results }] of (leaf === undefined ? [] : pathTo(trajectory, leaf)).entries()) {
    if (i > 0 && prompt !== "") said.push({ role: "user", content: prompt });
    // Ids are unique within a turn only.
    const ids = (step.toolCalls ?? []).map((_, n) => `turn-${trajectory.id.slice(0, 8)}-${step.index}-${n}`);
    const calls = (step.toolCalls ?? []).map((call, n) => ({ ...call, id: ids[n]! }));
    said.push(messageOf({ ...step, ...(calls.length === 0 ? {} : { toolCalls: calls }) }));
    if (results.length === 0) continue;
    const content = results.map(
      ({ call, text, failure }, n): ToolResultPart => ({
        type: "tool-result",
        id: ids[n]!,
        name: call.name,
        output: text,
        ...(failure === undefined ? {} : { isError: true }),
      }),
    );
    said.push({ role: "tool", content });
  }
  return said;
}

/** Steps of an earlier process that are of the turn which begins at an index: up to the next step that works on no other. */
function stepsOfTurn(steps: readonly Step[], from: number): readonly Step[] {
  const inOrder = steps.filter(({ index }) => index >= from).toSorted((a, b) => a.index - b.index);
  const next = inOrder.find(({ index, parent }) => index > from && parent === undefined);
  return inOrder
    .filter(({ index }) => index < (next?.index ?? Number.POSITIVE_INFINITY))
    .map((step) => moved(step, -from));
}

/** A failure where there is one. */
const failed = (failure: AgentFailure | undefined) => (failure === undefined ? {} : { failure });

/** Steps after those of earlier turns. */
const moved = (step: Step, by: number): Step => ({
  ...step,
  index: step.index + by,
  ...(step.parent === undefined ? {} : { parent: step.parent + by }),
});

/** Settings of `multiTurn`: those of `runAgent`, without what a row brings. */
export type MultiTurnOptions = Omit<
  AgentOptions,
  "tools" | "environment" | "answer" | "answerSchema" | "journal" | "retrieval"
>;

/**
 * Works through the turns of a row, each as a run of an agent on the world that the turn before left. For `runEvaluation` with
 * `multiTurnGrader`. A turn that fails ends the row, which is wrong then; a provider that fails leaves it open. With `resume` the steps of an
 * earlier process are taken over, turn by turn, and nothing is asked or done twice.
 *
 * @throws {ConfigError} When the options cannot be meant, or bring what a row brings.
 * @example
 * for await (const event of runEvaluation(multiTurn({ model: chat }), parseMultiTurn(text, documents), { grader: multiTurnGrader })) …
 */
export function multiTurn(options: MultiTurnOptions): Solver<MultiTurnTask> {
  const own = (["tools", "environment", "answer", "answerSchema", "journal", "retrieval"] as const).find(
    (key) => key in options,
  );
  if (own !== undefined)
    throw new ConfigError({ message: `multiTurn: each row brings its own "${own}"; leave it out`, key: own });
  const { settings, planner } = planAgent("multiTurn", { ...options, tools: [] } as AgentOptions<unknown>);
  return {
    name: `multi-turn ${planner.name}`,
    settings,
    async *solve(task, { sample = 0, signal, resume = [] } = {}) {
      const tools = toolsOf(task);
      const made: MadeTurn[] = [];
      const steps: Step[] = [];
      let messages: readonly Message[] = [];
      let state: WorldState = task.state;
      let last: {
        readonly failure?: { readonly code: string; readonly message: string };
        readonly status: AgentTrajectory["status"];
      } = { status: "done" };
      for (const instruction of task.turns) {
        const start = state;
        const environment = virtual({ state: () => start });
        const by = steps.length;
        const run = runAgent(
          { ...options, tools, environment },
          { instruction, messages },
          { sample, resume: stepsOfTurn(resume, by), ...(signal === undefined ? {} : { signal }) },
        );
        let end: AgentEnd | undefined;
        for await (const event of run) {
          if (event.type === "step") yield { type: "step", step: moved(event.step, by) };
          if (event.type === "end") end = event;
        }
        if (end === undefined) throw new StateError({ message: "internal: the run of a turn ended without its end" });
        const own = end.trajectory.steps.map((step) => moved(step, by));
        steps.push(...own);
        state = (end.state ?? start) as WorldState;
        const results = own.flatMap((step) =>
          step.kind === "tool" && step.stage === "tool" && step.failure === undefined ? [step.value ?? null] : [],
        );
        made.push({ state, results });
        messages = [...messages, ...messagesOf(instruction, end.trajectory)];
        last = { status: end.status, ...failed(failureOfTask(end)) };
        // A turn without an answer is judged by what it did; one that could not be tried is not judged.
        if (
          end.status === "cancelled" ||
          end.status === "budget_exceeded" ||
          (end.failure !== undefined && end.answer === undefined)
        )
          break;
      }
      const isWhole = made.length === task.turns.length && (last.failure === undefined || last.status === "done");
      const told = isWhole || last.failure === undefined ? { answer: JSON.stringify(made) } : { failure: last.failure };
      const status = "answer" in told ? "done" : last.status;
      const id = sha256(JSON.stringify(["multi-turn", settings, task.turns, sample]));
      const trajectory = {
        id,
        method: `multi-turn ${planner.name}`,
        task: { question: task.question },
        sample,
        steps,
        status,
        ...told,
      } as const;
      yield {
        type: "end",
        status,
        ...told,
        stdout: "",
        firstTry: steps.every(({ failure }) => failure === undefined),
        trajectory,
      };
    },
  };
}
