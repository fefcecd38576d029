import { parseConfig } from "@cambium/base";
import type { Solver } from "@cambium/evaluation";
import * as z from "zod";
import { WORDS } from "../creator/prompts/words.ts";
import type { Task } from "../problem.ts";
import { fenced, section, taskSections } from "../solving/prompt.ts";
import { setupFields } from "../solving/setup.ts";
import { type ProgramMethodOptions, programSolver } from "./program-method.ts";

const schema = z.strictObject({
  ...setupFields,
  rounds: z.int().min(0).max(100).optional(),
  demonstrations: z.looseObject({ name: z.string(), examples: z.array(z.looseObject({})) }).optional(),
  thought: z.boolean().optional(),
});

/** Checks the options of a method that writes programs. */
export function checkProgramOptions(caller: string, options: ProgramMethodOptions): void {
  parseConfig(caller, schema, options);
}

/**
 * Baseline: one call writes a program that answers the question, which is run; with `rounds` above 0 it is also repaired.
 *
 * @see Chen et al. 2022, Program of Thoughts Prompting, arXiv:2211.12588; as a baseline in CREATOR, arXiv:2305.14318, §4.2.
 * @throws {ConfigError} When the options cannot be meant.
 */
export function programOfThought(options: ProgramMethodOptions): Solver<Task> {
  checkProgramOptions("programOfThought", options);
  return programSolver(
    {
      name: (options.rounds ?? 0) > 0 ? "pot-rectified" : "pot",
      rounds: 0,
      prompt({ task, language, demonstrations, thought }) {
        const words = WORDS[language];
        const rules = [
          `Write a ${words.name} program that computes the answer to the question.`,
          words.libraries,
          `End by printing the final value, and only the value: ${words.print}.`,
          thought
            ? "First think aloud in a few sentences, then give the code in exactly one fenced block."
            : "Reply with exactly one fenced block of code and nothing else.",
        ];
        const examples = demonstrations.examples.map(({ program, worked, ...example }, i) =>
          [
            `# Example ${i + 1}`,
            ...taskSections(
              { question: example.question, ...(example.context === undefined ? {} : { context: example.context }) },
              { hints: false },
            ),
            section("Reply", `${thought ? `${worked}\n\n` : ""}${fenced(words.fence, program)}`),
          ].join("\n\n"),
        );
        return {
          system: `You are a careful ${words.name} programmer who answers questions by programs.`,
          instructions: [
            section("Task: write a program", rules.map((rule) => `- ${rule}`).join("\n")),
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
