import type { SourcePart } from "@cambium/sandbox";
import { fenced, type Prompt, section, taskSections } from "../../solving/prompt.ts";
import type { RectificationInput } from "./prompts.ts";
import { type LanguageWords, WORDS } from "./words.ts";

/** A program with its parts named, where it has two. */
function showProgram(program: readonly SourcePart[], { comment, fence }: LanguageWords, named: boolean): string {
  const parts = program.map(({ name, source }) =>
    named && program.length > 1 ? `${comment} part: ${name}\n${source}` : source,
  );
  return fenced(fence, parts.join("\n\n"));
}

/** Asks for a diagnosis and a program that works. */
export function rectificationPrompt(input: RectificationInput): Prompt {
  const { task, language, demonstrations, program, error, earlier, allowPartial } = input;
  const words = WORDS[language];
  const rules = [
    "The program below was written to answer the question, and it failed. Find out why.",
    "First say in one or two sentences what went wrong, then give one complete program in exactly one fenced block: the function with its documentation, and the code that calls it.",
    "What counts is the right answer, not merely a program that runs. Check the method as well as the line that broke; you may start over with another approach.",
    ...(allowPartial
      ? [
          `Where just one part is at fault, you may return that part alone: begin the block with the line "${words.comment} part: tool" or "${words.comment} part: call".`,
        ]
      : []),
    words.libraries,
    `The program must print the final value, and only the value: ${words.print}.`,
  ];
  const { repair } = demonstrations;
  const example =
    repair === undefined
      ? []
      : [
          "# Example",
          section("Question", repair.question),
          section("Program", fenced(words.fence, repair.program)),
          section("Error", fenced("", repair.error)),
          section("Reply", `${repair.diagnosis}\n\n${fenced(words.fence, repair.repaired)}`),
          "# Your turn",
        ];
  return {
    system: `You are a careful ${words.name} programmer who repairs programs that failed.`,
    instructions: [section("Task: repair the program", rules.map((rule) => `- ${rule}`).join("\n")), ...example].join(
      "\n\n",
    ),
    question: [
      ...taskSections(task, { hints: true }),
      ...(earlier.length === 0
        ? []
        : [section("Earlier attempts", earlier.map((text, i) => `${i + 1}. ${text.split("\n")[0]}`).join("\n"))]),
      section("Program", showProgram(program, words, allowPartial)),
      section("Error", fenced("", error)),
      section("Reply", ""),
    ].join("\n\n"),
  };
}
