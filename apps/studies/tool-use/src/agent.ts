/** How the model works, the same in every run and in every row that it learns. */
import type { LocalOptions } from "@cambium/llm";
import { perceiver, react } from "@cambium/tool-learning";
import type { CardAgentOptions } from "@cambium/toolbox";
import { type Extent, FULL, RESULT_CHARACTERS } from "./plan.ts";

const WORDS = {
  role: "Solve the task. Where there are tools, call them. Then answer in one sentence.",
  conflicts: "Trust results more than memory.",
};

export const agentOf = ({ turns, replyTokens }: Extent): CardAgentOptions => ({
  planner: react({ turns }),
  perceiver: perceiver({ characters: RESULT_CHARACTERS }),
  sampling: { temperature: 0, maxTokens: replyTokens },
  budget: { modelCalls: turns, toolCalls: 3 * turns },
  words: WORDS,
});

/** The same for the experts, of whom some look into every cupboard: a row too long is left out later. */
export const EXPERT: CardAgentOptions = agentOf({ ...FULL, turns: 100 });

/** Declarations as signatures: a small part of the tokens of JSON Schemas. */
export const WRITING = { declarations: "signatures" } as const satisfies LocalOptions;
