/** Agents over the toolbox: what the scripted expert does is played by a scripted model, through planner, gates and environment. */
import { result } from "@cambium/base";
import { openModels, scripted } from "@cambium/llm";
import { type AgentOptions, callTool, react, runAgent, virtual } from "@cambium/tool-learning";
import { openSetting, type Task, toolCards } from "@cambium/toolbox";
import { expect, test } from "vitest";

/** The calls that the expert makes, and what it says at the end, on a state of its own. */
async function played(task: Task, { tools, state }: Awaited<ReturnType<typeof openSetting>>) {
  const calls: { name: string; arguments: never }[] = [];
  const own = state();
  const answer = await task.expert(async (name, input) => {
    calls.push({ name, arguments: input as never });
    const outcome = await callTool(tools.find((tool) => tool.name === name)!, input, { state: own });
    if (!outcome.ok) throw new Error(outcome.failure.message);
    return outcome.value as never;
  });
  return { calls, answer };
}

test.each([["mail"], ["shop"], ["house"], ["weather"], ["draw"]])(
  "a run of an agent over %s is judged by its answer and its environment",
  async (kit) => {
    const [card] = await toolCards({ kits: [kit], each: 1 });
    const opened = await openSetting(kit, "few-shot");
    const llm = await openModels({ store: ":memory:" });
    try {
      for (const task of card!.tasks) {
        const { calls, answer } = await played(task, opened);
        const model = llm.model(
          scripted([...calls.map((call) => ({ reply: { toolCalls: [call] } })), { reply: answer }]),
        );
        const options: AgentOptions = {
          model,
          tools: opened.tools,
          planner: react(),
          environment: virtual({ state: opened.state }),
          examples: true,
          approve: () => true,
        };
        const end = await result(runAgent(options, { instruction: task.instruction }));
        expect(end.failure, task.id).toBeUndefined();
        expect(
          opened.succeeds(task, { answer: end.answer ?? "", state: end.state }),
          `${task.id}: ${task.instruction}`,
        ).toBe(true);
        expect(opened.succeeds(task, { answer: "" }), task.id).toBe(false);
      }
    } finally {
      await opened.close();
      await llm.close();
    }
  },
);
