/**
 * A run of tools in a folder, for `agent-kill.test.ts`: `use-tools <folder> <baseURL>`. Mails are sent by adding a line to a file,
 * which nobody can take back; a house is simulated. Prints `step` for every step, and the end as JSON.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { openai, openModels } from "@cambium/llm";
import { defineTool, runAgent, type ToolContext, ToolError, virtual } from "@cambium/tool-learning";
import * as z from "zod";

const [folder, baseURL] = process.argv.slice(2) as [string, string];
console.log("start");

/** A while, in which the process may be killed. */
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const send = defineTool({
  name: "send",
  description: "Sends a mail.",
  input: z.strictObject({ to: z.string() }),
  effects: "writes",
  run: async ({ to }) => {
    await pause(3);
    appendFileSync(join(folder, "sent.txt"), `${to}\n`);
    await pause(3);
    return `sent to ${to}`;
  },
});

const look = defineTool({
  name: "look",
  description: "Looks something up.",
  input: z.strictObject({ what: z.string() }),
  effects: "reads",
  run: async ({ what }) => {
    await pause(5);
    if (what.endsWith("3")) throw new ToolError({ message: `nothing about ${what}` });
    return { what, length: what.length };
  },
});

const put = defineTool({
  name: "put",
  description: "Puts a thing on the table.",
  input: z.strictObject({ thing: z.string() }),
  effects: "writes",
  run: async ({ thing }, { state }: ToolContext<{ table: string[] }>) => {
    await pause(3);
    state.table.push(thing);
    return state.table;
  },
});

const llm = await openModels({ store: join(folder, "calls.db") });
const environment = virtual({ state: () => ({ table: [] as string[] }), tools: ["put"] });
const tools = [send, look, put];
const options = {
  model: llm.model(openai("clerk", { baseURL })),
  tools,
  environment,
  journal: join(folder, "journal"),
};
for await (const event of runAgent(options, { instruction: "Work through the list." })) {
  if (event.type === "step" || event.type === "call") console.log(event.type);
  if (event.type === "end") {
    const { status, answer, state, trajectory } = event;
    const steps = trajectory.steps.map(({ stage, failure, ...step }) => [
      stage,
      failure?.code ?? "",
      step.kind === "tool" ? step.call.arguments : "",
    ]);
    console.log(`end ${JSON.stringify({ status, answer, state, steps })}`);
  }
}
await llm.close();
