/**
 * A model that is none: rules that recognise the synthetic questions by their words and reply as a model would, in every
 * stage. They see what a model sees, the text of the request, and nothing else. They take the place of a model in tests and
 * demonstrations, so that everything around a model can be tried without one; what they get right says nothing about models.
 */

import { sha256 } from "@cambium/base";
import { type ModelRequest, type Policy, textOf } from "@cambium/llm";
import type { Family } from "./family.ts";
import { creationFamilies, mathFamilies } from "./problems.ts";

/** Settings of `rulePolicy`. */
export interface RulePolicyOptions {
  /** Decides which first tries are broken, and how. @default 0 */
  readonly seed?: number;
  /** Share of first tries that are broken, from 0 to 1. @default 0.25 */
  readonly brokenShare?: number;
}

const families: readonly Family[] = [...creationFamilies, ...mathFamilies];

/** The text under the last heading of that name. */
function lastSection(text: string, title: string): string | undefined {
  const found = [...text.matchAll(new RegExp(`^## ${title}\\n([\\s\\S]*?)(?=\\n## |\\n# |$(?![\\s\\S]))`, "gm"))];
  return found.at(-1)?.[1]?.trim();
}

/** What kind of reply the request asks for, by the heading of its instructions. */
function taskOfPrompt(text: string): string {
  return /^## Task: (.*)$/m.exec(text)?.[1] ?? "answer";
}

/** How a first try is broken. */
const BREAKS = ["tool that does not load", "misspelt call", "no code", "no marker"] as const;

function breakOf(
  question: string,
  { seed = 0, brokenShare = 0.25 }: RulePolicyOptions,
): (typeof BREAKS)[number] | undefined {
  const hash = sha256(`${seed}/${question}`);
  if (Number.parseInt(hash.slice(0, 8), 16) / 2 ** 32 >= brokenShare) return undefined;
  return BREAKS[Number.parseInt(hash.slice(8, 16), 16) % BREAKS.length];
}

/** Seeds of repeats differ in these digits; see `Setup.sampling`. */
const isFirstTry = ({ seed = 0 }: ModelRequest): boolean => seed % 1000 === 0;

const DONT_KNOW = "I do not recognise this kind of question, so I cannot write a program for it.";

/** Solves the question, or says that it is of no known kind. */
function solve(question: string): { readonly family: Family; readonly call: string } | undefined {
  for (const family of families) {
    for (const { read } of family.scenarios) {
      const call = read(question);
      if (call !== undefined) return { family, call };
    }
  }
  return undefined;
}

/**
 * The policy, for `scripted` and for the local server. It solves the questions that this package makes, and others in the
 * same words; it breaks a seeded share of first tries, so that load checks and repairs have something to do. Over a
 * connection, repeats of a request are told apart by their `seed`: set one in `sampling`.
 *
 * @example
 * const chat = models.model(scripted(rulePolicy({ seed: 1 })));
 */
export function rulePolicy(options: RulePolicyOptions = {}): Policy {
  return (request) => {
    const text = textOf(request.messages.at(-1)?.content ?? "");
    const question = lastSection(text, "Question") ?? text;
    const solved = solve(question);
    if (solved === undefined) return DONT_KNOW;
    const { family, call } = solved;
    const { name, tool } = family;
    const broken = isFirstTry(request) ? breakOf(question, options) : undefined;
    const js = (code: string): string => `\`\`\`js\n${code.trim()}\n\`\`\``;
    const misspelt = call.replaceAll(`${name}(`, `${name}s(`);
    const unmarked = call.replace('"Final Answer:", ', "");
    switch (taskOfPrompt(text)) {
      case "create a tool":
        return js(broken === "tool that does not load" ? `${tool.slice(0, -1)}` : tool);
      case "use the tool":
        if (broken === "no code") return `I would call ${name} with the numbers of the question.`;
        return js(broken === "misspelt call" ? misspelt : broken === "no marker" ? unmarked : call);
      case "repair the program":
        return `The program did not answer the question as it should; here is one that does.\n\n${js(`${tool}\n\n${call}`)}`;
      case "create a tool and use it":
      case "write a program":
        if (broken === "no code") return `I would call ${name} with the numbers of the question.`;
        return js(`${tool}\n\n${broken === "misspelt call" ? misspelt : broken === "no marker" ? unmarked : call}`);
      default:
        return "Rules cannot calculate in their heads.\nFinal Answer: unknown";
    }
  };
}
