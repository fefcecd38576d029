import type { Solver } from "@cambium/evaluation";
import type { Task } from "../problem.ts";
import { createTools } from "./create-tools.ts";
import { type CreatorOptions, planCreation } from "./options.ts";
import { creatorSettings } from "./settings.ts";

/**
 * CREATOR as a method for evaluations: `createTools` with fixed options.
 *
 * @throws {ConfigError} When the options cannot be meant.
 * @example
 * for await (const event of runEvaluation(creator({ model: chat, sandbox }), rows, { grader: strictGrader, results: "runs/creator" })) …
 */
export function creator(options: CreatorOptions): Solver<Task> {
  const settings = creatorSettings(planCreation("creator", options));
  return {
    name: "creator",
    settings,
    async *solve(task, solving) {
      for await (const event of createTools(options, task, solving)) if (event.type !== "library") yield event;
    },
  };
}
