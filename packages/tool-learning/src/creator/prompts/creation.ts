import { fenced, type Prompt, section, taskSections } from "../../solving/prompt.ts";
import type { Demonstration } from "../demonstrations/demonstration.ts";
import type { CreationInput } from "./prompts.ts";
import { type LanguageWords, WORDS } from "./words.ts";

function showExample(
  { tool, toolThought, ...task }: Demonstration,
  thought: boolean,
  { fence }: LanguageWords,
): string {
  return [
    ...taskSections(task, { hints: false }),
    section("Reply", `${thought ? `${toolThought}\n\n` : ""}${fenced(fence, tool)}`),
  ].join("\n\n");
}

/** Asks for one documented function that would help with questions of this kind. */
export function creationPrompt({ task, language, demonstrations, thought, known }: CreationInput): Prompt {
  const words = WORDS[language];
  const rules = [
    `Write one ${words.name} function that solves every question of the same kind as the one below, not just this one.`,
    "Take whatever may differ between such questions as an argument. Numbers of this question do not belong into the function.",
    `Document it in ${words.documentation}: what it is for, each argument with its type and unit, and what it returns.`,
    "Helper functions are welcome where they make it clearer. Define only: do not call the function, and print nothing.",
    words.libraries,
    thought
      ? "First think aloud in a few sentences about the general method, then give the code in exactly one fenced block."
      : "Reply with exactly one fenced block of code and nothing else.",
  ];
  const examples = demonstrations.examples.map((example) => showExample(example, thought, words));
  const tools = known.map(({ name, parameters, documentation }) => {
    const text = documentation
      .split("\n")
      .map((line) => `  ${line}`)
      .join("\n");
    return `- ${name}(${parameters.join(", ")})\n${text}`;
  });
  return {
    system: `You are a careful ${words.name} programmer who builds small reusable tools for quantitative problems.`,
    instructions: [
      section("Task: create a tool", rules.map((rule) => `- ${rule}`).join("\n")),
      ...examples.map((example, i) => `# Example ${i + 1}\n\n${example}`),
      ...(examples.length === 0 ? [] : ["# Your turn"]),
    ].join("\n\n"),
    question: [
      ...(tools.length === 0 ? [] : [section("Tools that exist already and may be called", tools.join("\n"))]),
      ...taskSections(task, { hints: true }),
      section("Reply", ""),
    ].join("\n\n"),
  };
}
