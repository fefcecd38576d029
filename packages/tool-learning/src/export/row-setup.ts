/** What stands in front of a row: the system message and the tools, as a run would have them. */
import { ConfigError, type JsonObject } from "@cambium/base";
import type { Trajectory } from "@cambium/evaluation";
import type { ToolDeclaration } from "@cambium/llm";
import { commandsOf } from "../agent/commands.ts";
import { type AgentOptions, type AgentPlan, planAgent } from "../agent/options.ts";
import { systemText } from "../agent/system-text.ts";
import type { AnyTool } from "../tools/tool.ts";
import { toolSet } from "../tools/tool-set.ts";

/** A tool, as chat templates read it. */
export interface TrainingTool {
  readonly type: "function";
  readonly function: { readonly name: string; readonly description: string; readonly parameters: JsonObject };
}

/** What says it. */
export interface RowSetupOptions {
  readonly tools?: Iterable<AnyTool> | undefined;
  readonly system?: string | undefined;
  readonly agent?: AgentOptions<unknown> | undefined;
}

const toolOf = ({ name, description = "", parameters }: ToolDeclaration): TrainingTool => ({
  type: "function",
  function: { name, description, parameters },
});

/** Names of tools that a run was offered: what its retriever found, and what the model searched for. */
function foundIn({ steps }: Trajectory): ReadonlySet<string> {
  const names = steps.flatMap((step): readonly string[] => {
    if (step.kind === "query" && step.stage === "retrieval") return JSON.parse(step.reply) as readonly string[];
    const isSearch = step.kind === "tool" && step.call.name === "search_tools" && step.failure === undefined;
    return isSearch ? ((step.value ?? []) as readonly string[]) : [];
  });
  return new Set(names);
}

function checkPlan(caller: string, { planner, calling }: AgentPlan): void {
  const wrong = (problem: string): never => {
    throw new ConfigError({ message: `${caller}: agent: ${problem}` });
  };
  if (planner.name !== "react")
    wrong(`rows are conversations as react has them, and the planner is "${planner.name}"; pass react()`);
  if (calling === "text")
    wrong('rows have calls of their own form, and "text" writes them into replies; leave out calling');
}

/**
 * What stands in front of a row.
 *
 * @throws {ConfigError} When `agent` comes with what it brings itself, or is of runs that rows do not show.
 */
export function rowSetup(
  caller: string,
  trajectory: Trajectory,
  { tools, system, agent }: RowSetupOptions,
): { readonly tools: readonly TrainingTool[]; readonly system: string | undefined } {
  if (agent === undefined) {
    const declared = [...(tools ?? [])].map(({ name, description, inputSchema: parameters }) => ({
      name,
      description,
      parameters,
    }));
    return { tools: declared.map(toolOf), system };
  }
  const own = tools !== undefined ? "tools" : system !== undefined ? "system" : undefined;
  if (own !== undefined)
    throw new ConfigError({ message: `${caller}: agent says which ${own} there are; leave out ${own}`, key: own });
  const plan = planAgent(`${caller}: agent`, agent);
  checkPlan(caller, plan);
  const found = plan.retrieval === undefined ? undefined : foundIn(trajectory);
  const active = found === undefined ? plan.all : toolSet([...plan.all].filter(({ name }) => found.has(name)));
  return {
    tools: [...commandsOf(plan, false), ...active.declarations()].map(toolOf),
    system: systemText(plan, active),
  };
}
