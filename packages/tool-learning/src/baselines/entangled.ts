import type { Solver } from "@cambium/evaluation";
import { WORDS } from "../creator/prompts/words.ts";
import type { Task } from "../problem.ts";
import { fenced, section, taskSections } from "../solving/prompt.ts";
import { type ProgramMethodOptions, programSolver } from "./program-method.ts";
import { checkProgramOptions } from "./program-of-thought.ts";

/**
 * Baseline: CREATOR with its two kinds of reasoning in one. One call writes the tool and the code that calls it; running and
 * repairing are as usual. Hints are shown as to CREATOR.
 *
 * @see Qian et al. 2023, CREATOR, arXiv:2305.14318, §4.2, "CREATOR-entangled".
 * @throws {ConfigError} When the options cannot be meant.
 */
export function entangled(options: ProgramMethodOptions): Solver<Task> {
  checkProgramOptions("entangled", options);
  return programSolver(
    {
      name: "creator-entangled",
      rounds: 3,
      prompt({ task, language, demonstrations, thought }) {
        const words = WORDS[language];
        const rules = [
          `Write a ${words.name} program of two parts. First a reusable function that solves every question of the same kind, with whatever may differ as an argument, documented in ${words.documentation}.`,
          "Then the code that calls it with the values of this question and does whatever remains to be done.",
          words.libraries,
          `End by printing the final value, and only the value: ${words.print}.`,
          thought
            ? "First think aloud in a few sentences, then give all the code in exactly one fenced block."
            : "Reply with exactly one fenced block of code and nothing else.",
        ];
        const examples = demonstrations.examples.map(({ tool, toolThought, call, callThought, ...example }, i) =>
          [
            `# Example ${i + 1}`,
            ...taskSections(
              { question: example.question, ...(example.context === undefined ? {} : { context: example.context }) },
              { hints: false },
            ),
            section(
              "Reply",
              `${thought ? `${toolThought} ${callThought}\n\n` : ""}${fenced(words.fence, `${tool}\n\n${call}`)}`,
            ),
          ].join("\n\n"),
        );
        return {
          system: `You are a careful ${words.name} programmer who answers questions with reusable functions.`,
          instructions: [
            section("Task: create a tool and use it", rules.map((rule) => `- ${rule}`).join("\n")),
            ...examples,
            ...(examples.length === 0 ? [] : ["# Your turn"]),
          ].join("\n\n"),
          question: [...taskSections(task, { hints: true }), section("Reply", "")].join("\n\n"),
        };
      },
    },
    options,
  );
}
