import type { Json, JsonObject } from "@cambium/base";
import { callTool, toolSet } from "@cambium/tool-learning";
import type { Outcome, Task } from "./card.ts";
import type { Toolkit } from "./toolkit.ts";

/** One call of an expert, and what came of it. */
export interface ExpertStep {
  readonly tool: string;
  readonly input: JsonObject;
  /** What the tool returned; a failure's message under `error`, as an expert may try and be refused. */
  readonly output: Json;
}

/** How the scripted expert solved a task: the outcome, and the calls that led there. */
export interface ExpertRun extends Outcome {
  readonly task: string;
  readonly instruction: string;
  readonly steps: readonly ExpertStep[];
}

/**
 * Lets the scripted expert of a task solve it, on the kit's own state.
 *
 * @param kit - Of the task's set, with the card's setup, freshly made.
 * @throws {Error} When a call fails: experts make none that does.
 */
export async function runExpert(task: Task, kit: Toolkit): Promise<ExpertRun> {
  const tools = toolSet(kit);
  const steps: ExpertStep[] = [];
  const answer = await task.expert(async (name, input) => {
    const tool = tools.get(name);
    if (tool === undefined)
      throw new Error(`internal: the expert of ${task.id} calls "${name}", which ${kit.id} does not have`);
    const outcome = await callTool(tool, input, { callId: `${task.id}/${steps.length + 1}` });
    if (!outcome.ok) throw new Error(`internal: the expert of ${task.id} failed: ${outcome.failure.message}`);
    const output = (outcome.value ?? null) as Json;
    steps.push({ tool: name, input: input as JsonObject, output });
    return output as never;
  });
  return { task: task.id, instruction: task.instruction, steps, answer, state: kit.snapshot() };
}
