import { fenced, type Prompt, section, taskSections } from "../../solving/prompt.ts";
import type { Demonstration } from "../demonstrations/demonstration.ts";
import type { DecisionInput } from "./prompts.ts";
import { type LanguageWords, WORDS } from "./words.ts";

function showExample(
  { tool, call, callThought, ...task }: Demonstration,
  thought: boolean,
  { fence }: LanguageWords,
): string {
  return [
    ...taskSections(task, { hints: false }),
    section("Tool", fenced(fence, tool)),
    section("Reply", `${thought ? `${callThought}\n\n` : ""}${fenced(fence, call)}`),
  ].join("\n\n");
}

/** Asks for the code that calls the tool for the question at hand and prints the answer. */
export function decisionPrompt({ task, language, demonstrations, thought, tool }: DecisionInput): Prompt {
  const words = WORDS[language];
  const rules = [
    "A tool for this kind of question has been written. Read its documentation, in particular the units and the form of its arguments.",
    "Write the code that sets the inputs from the question, calls the tool, and does whatever remains to be done with its result.",
    "The tool is already defined when your code runs: do not repeat it.",
    `End by printing the final value, and only the value: ${words.print}. Follow the question on rounding and form; otherwise do not round.`,
    thought
      ? "First think aloud in a few sentences about which inputs the question gives, then give the code in exactly one fenced block."
      : "Reply with exactly one fenced block of code and nothing else.",
  ];
  const examples = demonstrations.examples.map((example) => showExample(example, thought, words));
  return {
    system: `You are a careful ${words.name} programmer who answers questions by calling a given tool.`,
    instructions: [
      section("Task: use the tool", rules.map((rule) => `- ${rule}`).join("\n")),
      ...examples.map((example, i) => `# Example ${i + 1}\n\n${example}`),
      ...(examples.length === 0 ? [] : ["# Your turn"]),
    ].join("\n\n"),
    question: [
      ...taskSections(task, { hints: true }),
      section(
        "Tool",
        tool === "" ? "No tool could be made. Solve the question without one." : fenced(words.fence, tool),
      ),
      section("Reply", ""),
    ].join("\n\n"),
  };
}
