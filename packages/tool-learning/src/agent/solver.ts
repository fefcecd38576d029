import { ConfigError } from "@cambium/base";
import type { Solver } from "@cambium/evaluation";
import { type AgentOptions, planAgent } from "./options.ts";
import { runAgent } from "./run-agent.ts";
import { failureOfTask } from "./stop.ts";

/**
 * Runs of tools as a method for evaluations: `runAgent` with fixed options, the question as its instruction. A run that uses up its own
 * budget or turns without an answer has failed its row (`NO_ANSWER`); only the budget of the model's store ends an evaluation.
 *
 * @throws {ConfigError} When the options cannot be meant, or have a journal: the evaluation keeps what was done.
 * @example
 * for await (const event of runEvaluation(agent({ model: chat, tools }), rows, { grader: strictGrader, results: "runs/agent" })) …
 */
export function agent(options: AgentOptions<unknown>): Solver {
  const { planner, settings, journal } = planAgent("agent", options);
  if (journal !== undefined) {
    throw new ConfigError({ message: "agent: a journal is of one run, and an evaluation has many; leave it out" });
  }
  return {
    name: planner.name,
    settings,
    async *solve({ question, context }, solving) {
      const task = { instruction: question, ...(context === undefined ? {} : { context }) };
      for await (const event of runAgent(options, task, solving)) {
        if (event.type === "step") yield { type: "step", step: event.step };
        if (event.type !== "end") continue;
        const failure = failureOfTask(event);
        yield failure === undefined ? event : { ...event, failure };
      }
    },
  };
}
