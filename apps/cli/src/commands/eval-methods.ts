import type { Solver } from "@cambium/evaluation";
import type { ChatModel } from "@cambium/llm";
import type { Sandbox } from "@cambium/sandbox";
import {
  creator,
  type DemonstrationSet,
  entangled,
  programOfThought,
  type Task,
  toolUse,
  vanilla,
} from "@cambium/tool-learning";

/** What methods are made of. */
export interface MethodSetup {
  readonly model: ChatModel;
  readonly sandbox: Sandbox;
  readonly sampling: object;
  readonly demonstrations: DemonstrationSet;
  readonly thought: boolean;
  readonly rounds: number;
  readonly faithful: boolean;
}

/** The methods by name. */
export const METHODS: Readonly<Record<string, (setup: MethodSetup) => Solver<Task>>> = {
  creator: ({ faithful, ...setup }) => creator({ ...setup, mode: faithful ? "faithful" : "extended" }),
  entangled: ({ faithful: _, ...setup }) => entangled(setup),
  pot: ({ faithful: _, ...setup }) => programOfThought({ ...setup, rounds: 0 }),
  "pot-rectified": ({ faithful: _, ...setup }) => programOfThought(setup),
  vanilla: ({ model, sampling, demonstrations, thought }) => vanilla({ model, sampling, demonstrations, thought }),
  "tool-use": ({ model, sampling, thought }) => toolUse({ model, sampling, thought }),
};
