import { checkOptions } from "@cambium/base";
import { type Policy, textOf } from "@cambium/llm";
import { type ExpertRun, runExpert } from "./run-expert.ts";
import { type ToolCardsOptions, toolbox, toolCards } from "./toolbox.ts";

/** What the scripted experts of some cards do, by instruction. */
async function solveAll(options: ToolCardsOptions): Promise<ReadonlyMap<string, ExpertRun>> {
  const { each: _, ...setup } = options;
  const box = toolbox(setup);
  const start = box.snapshot();
  const runs = new Map<string, ExpertRun>();
  try {
    for (const { set, tasks } of await toolCards(options)) {
      const kit = box.kits.find(({ id }) => id === set)!;
      for (const task of tasks) {
        box.restore(start);
        runs.set(task.instruction, await runExpert(task, kit));
      }
    }
    return runs;
  } finally {
    await box.close();
  }
}

/**
 * The scripted experts of cards as a program that answers in a model's place, for `scripted` and `startServer`: told an instruction of the cards,
 * it makes the calls of its expert one after the other, then gives the answer. Without tools it knows nothing.
 *
 * @throws {ConfigError} For a kit that does not exist.
 * @example
 * const model = llm.model(scripted(await expertPolicy({ seed: 7, kits: ["mail"] })));
 */
export async function expertPolicy(options: ToolCardsOptions = {}): Promise<Policy> {
  checkOptions("expertPolicy", options, ["seed", "clock", "kits", "each"]);
  const runs = await solveAll(options);
  return ({ messages, tools = [] }) => {
    const asked = messages.find(({ role }) => role === "user");
    const run = asked === undefined ? undefined : runs.get(textOf(asked.content));
    if (run === undefined || tools.length === 0) return "I cannot tell that without tools.";
    const step = run.steps[messages.filter(({ role }) => role === "assistant").length];
    return step === undefined ? run.answer : { toolCalls: [{ name: step.tool, arguments: step.input }] };
  };
}
