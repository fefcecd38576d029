import { parseConfig } from "@cambium/base";
import type { Solver } from "@cambium/evaluation";
import * as z from "zod";
import { creationDemonstrations } from "../creator/demonstrations/creation.ts";
import type { Task } from "../problem.ts";
import { ANSWER_MARKER, extractAnswer } from "../solving/answer.ts";
import { type Prompt, section, taskSections } from "../solving/prompt.ts";
import { createRecorder } from "../solving/recorder.ts";
import { checkTask } from "../solving/task.ts";
import { type AnswerMethodOptions, answerFields, answerSettings } from "./answer-method.ts";
import { finish } from "./finish.ts";

function promptFor(
  task: Task,
  { thought = false, demonstrations = creationDemonstrations }: AnswerMethodOptions,
): Prompt {
  const rules = [
    "Answer the question.",
    thought ? "Think step by step, in words, before you answer." : "Give the answer at once, without any explanation.",
    `Put it on the last line, after "${ANSWER_MARKER}": the value only.`,
  ];
  const examples = demonstrations.examples.map(({ question, context, worked, answer }, i) =>
    [
      `# Example ${i + 1}`,
      ...taskSections({ question, ...(context === undefined ? {} : { context }) }, { hints: false }),
      section("Reply", `${thought ? `${worked}\n` : ""}${ANSWER_MARKER} ${answer}`),
    ].join("\n\n"),
  );
  return {
    system: "You are good at quantitative problems and answer briefly.",
    instructions: [
      section("Task: answer", rules.map((rule) => `- ${rule}`).join("\n")),
      ...examples,
      ...(examples.length === 0 ? [] : ["# Your turn"]),
    ].join("\n\n"),
    question: [...taskSections(task, { hints: true }), section("Reply", "")].join("\n\n"),
  };
}

/**
 * Baseline: one call, the answer only; with `thought`, after reasoning in words (chain of thought). Nothing is run.
 *
 * @see Wei et al. 2022, Chain-of-Thought Prompting, arXiv:2201.11903; as a baseline in CREATOR, arXiv:2305.14318, §4.2.
 * @throws {ConfigError} When the options cannot be meant.
 */
export function vanilla(options: AnswerMethodOptions): Solver<Task> {
  parseConfig("vanilla", z.strictObject(answerFields), options);
  const name = options.thought ? "vanilla-cot" : "vanilla";
  const settings = answerSettings(options);
  return {
    name,
    settings,
    async *solve(task, solving = {}) {
      checkTask("vanilla", task, solving);
      const recorder = createRecorder(options, solving);
      const step = await recorder.ask({ stage: "answer", attempt: 0 }, promptFor(task, options), { wantsCode: false });
      yield { type: "step", step };
      const answer = extractAnswer(step.reply);
      yield finish({
        name,
        settings,
        task,
        sample: solving.sample ?? 0,
        recorder,
        stdout: step.reply,
        answer,
        failure: step.failure,
        firstTry: true,
      });
    },
  };
}
