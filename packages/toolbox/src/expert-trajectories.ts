/** What scripted experts do for cards, as trajectories of agents and as rows that a model learns from. */
import { checkOptions, result, StateError } from "@cambium/base";
import { type AgentTrajectory, runAgent, type TrainingRow, trainingRow } from "@cambium/tool-learning";
import type { Task } from "./card.ts";
import { type CardAgentOptions, cardAgent } from "./card-agent.ts";
import { expertModel } from "./expert-model.ts";
import { kitEntry } from "./kits.ts";
import { checkOffer, offer } from "./offer.ts";
import { runExpert } from "./run-expert.ts";
import { openSetting } from "./settings.ts";
import { fullSetup } from "./setup.ts";
import { type ToolCardsOptions, toolCards } from "./toolbox.ts";

/** Settings of `expertTrajectories`. */
export interface ExpertOptions extends ToolCardsOptions {
  /** Tools of its kit that a task is offered, as `cardEvaluation` has it; those that the expert calls are always among them. @default all */
  readonly offer?: number;
  /** Settings of the runs: those with which the trained model is to work later. @default those of `runAgent` */
  readonly agent?: CardAgentOptions;
}

/** How an expert solved a task. */
export interface ExpertTrajectory {
  readonly task: Task;
  readonly trajectory: AgentTrajectory;
  /** The same as a conversation to be learnt, with the system message and the tools of such runs. */
  readonly row: TrainingRow;
}

/**
 * Has the scripted experts of cards solve their tasks in runs of an agent, with real calls of the tools, one task after the other.
 *
 * @throws {ConfigError} For a kit that does not exist, or options that cannot be meant.
 * @see Qin et al. 2024, Tool Learning with Foundation Models, arXiv:2304.08354, §3.3 (learning from demonstrations).
 * @example
 * for await (const { row } of expertTrajectories({ seed: 7, kits: ["mail"], each: 8 })) rows.push(chatRow(tokenizer, row));
 */
export async function* expertTrajectories(
  options: ExpertOptions = {},
): AsyncGenerator<ExpertTrajectory, void, undefined> {
  checkOptions("expertTrajectories", options, ["seed", "clock", "kits", "each", "offer", "agent"]);
  const { agent, offer: count, ...given } = options;
  checkOffer("expertTrajectories", count);
  const { kits: _, each: __, ...setup } = given;
  for (const { set, tasks } of await toolCards(given)) {
    const opened = await openSetting(set, "zero-shot", setup);
    const kit = kitEntry("expertTrajectories", set).open(fullSetup("expertTrajectories", setup));
    const start = kit.snapshot();
    try {
      for (const task of tasks) {
        kit.restore(start);
        const expert = await runExpert(task, kit);
        const needed = new Set(expert.steps.map(({ tool }) => tool));
        const tools = count === undefined ? opened.tools : offer(opened.tools, task.instruction, count, needed);
        const settings = cardAgent("expertTrajectories", { ...opened, tools }, expertModel(expert), agent);
        const end = await result(runAgent(settings, { instruction: task.instruction }));
        const { trajectory, answer = "", state } = end;
        if (end.status !== "done" || !opened.succeeds(task, { answer, state }))
          throw new StateError({
            message: `expertTrajectories: the expert does not solve "${task.id}" under these settings: ${end.failure?.message ?? "its answer is not taken"}`,
            task: task.id,
          });
        yield { task, trajectory, row: trainingRow(trajectory, { agent: settings })! };
      }
    } finally {
      await opened.close();
      await kit.close();
    }
  }
}
