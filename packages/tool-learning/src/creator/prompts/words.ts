import { mathsKitGuide, pythonModules } from "@cambium/sandbox";
import { ANSWER_MARKER } from "../../solving/answer.ts";

/** What prompts say of a language. */
export interface LanguageWords {
  readonly name: string;
  /** Name behind a fence. */
  readonly fence: string;
  /** How documentation is written. */
  readonly documentation: string;
  /** How the answer is printed. */
  readonly print: string;
  /** What a program may use. */
  readonly libraries: string;
  /** Start of a comment. */
  readonly comment: string;
}

/** The words for each language. */
export const WORDS: Readonly<Record<"javascript" | "python", LanguageWords>> = {
  javascript: {
    name: "JavaScript",
    fence: "js",
    documentation: "a comment block (/** … */) right above it",
    print: `console.log("${ANSWER_MARKER}", value)`,
    libraries: `The code runs by itself in an interpreter of modern JavaScript without files, network, modules and timers: import and require do not work. ${mathsKitGuide.replaceAll("\n", "\n  ")}`,
    comment: "//",
  },
  python: {
    name: "Python",
    fence: "python",
    documentation: "a docstring",
    print: `print("${ANSWER_MARKER}", value)`,
    libraries: `The code runs by itself in Python 3 without files and network. Of modules only these can be imported, no others and none that has to be installed: ${pythonModules.join(", ")}.`,
    comment: "#",
  },
};
