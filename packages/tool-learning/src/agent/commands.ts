/** What a model may do in a run beside calling tools. Commands look like tools to it, and are steps of the trajectory. */
import type { ToolDeclaration } from "@cambium/llm";
import type { AgentPlan } from "./options.ts";

/** Names of commands; tools may not have them. */
export const COMMANDS: ReadonlySet<string> = new Set([
  "final_answer",
  "give_up",
  "ask_user",
  "search_tools",
  "read_result",
]);

const text = (description: string) => ({ type: "string", description });

/** The commands of a run, which stand before the tools. */
export function commandsOf(plan: AgentPlan, canGiveUp: boolean): readonly ToolDeclaration[] {
  const { answer, ask, retrieval, all } = plan;
  const commands: (ToolDeclaration | false)[] = [
    answer !== undefined && {
      name: "final_answer",
      description: "Gives the answer to the task and ends the work. Call it alone, when nothing is left to be done.",
      parameters: answer.parameters,
    },
    canGiveUp && {
      name: "give_up",
      description: "Says that this way leads nowhere, so that another is tried. Not for answers.",
      parameters: {
        type: "object",
        properties: { reason: text("Why it leads nowhere") },
        required: ["reason"],
        additionalProperties: false,
      },
    },
    ask !== undefined && {
      name: "ask_user",
      description: "Asks the user for what is needed, was not said, and no tool can tell. Returns the user's answer.",
      parameters: {
        type: "object",
        properties: { question: text("One question, in full") },
        required: ["question"],
        additionalProperties: false,
      },
    },
    retrieval !== undefined && {
      name: "search_tools",
      description: "Finds more tools by what they do. Those that are found can be called from the next step on.",
      parameters: {
        type: "object",
        properties: { query: text("What the tool should do") },
        required: ["query"],
        additionalProperties: false,
      },
    },
    all.size > 0 && {
      name: "read_result",
      description: "Reads a part of an earlier result that was shown in part.",
      parameters: {
        type: "object",
        properties: {
          result: { type: "integer", description: "The number that the shortened result gives" },
          from: { type: "integer", minimum: 0, description: "First character; 0 unless said otherwise" },
          length: { type: "integer", minimum: 1, description: "Characters; 4000 at most" },
        },
        required: ["result"],
        additionalProperties: false,
      },
    },
  ];
  return commands.filter((command) => command !== false);
}
