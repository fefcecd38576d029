/** What a model is told of a failed program: the error, the frames inside of the program with their source lines. */
import type { Failure } from "@cambium/evaluation";
import type { SourcePart } from "@cambium/sandbox";

const LONGEST = 1500;
const LONGEST_LINE = 160;

const SYNTHETIC: Partial<Record<Failure["code"], string>> = {
  NO_CODE: "No code block was found in the reply.",
};

/** Paths of files and keys of providers have no business in a prompt. */
function scrub(text: string): string {
  return text
    .replace(/(?<![\w)\].])(?:file:\/\/)?(?:[A-Za-z]:)?[\\/](?:[\w.@+-]+[\\/])+([\w.@+-]+)/g, "$1")
    .replace(/\b(?:sk|pk|ghp|gho|xox[abp])[-_][\w-]{12,}/g, "[secret]");
}

/** The source line of a frame, quoted under it. */
function quoteLine(frame: string, program: readonly SourcePart[]): string {
  const [, name, line] = /\(?([\w-]+):(\d+)(?::\d+)?\)?$/.exec(frame) ?? [];
  const source = program
    .find((part) => part.name === name)
    ?.source.split("\n")
    [Number(line) - 1]?.trim();
  if (source === undefined || source === "") return frame;
  return `${frame}\n        ${source.length > LONGEST_LINE ? `${source.slice(0, LONGEST_LINE - 1)}…` : source}`;
}

/**
 * The error text that is fed back to the model, at most about 1,500 characters: for thrown errors the message and the
 * guest's own frames, each with its source line; for everything else a sentence.
 *
 * @see Qian et al. 2023, CREATOR, arXiv:2305.14318: tracebacks are cut to the frames of the generated program.
 */
export function describeFailure({ code, message, stack }: Failure, program: readonly SourcePart[]): string {
  const fixed = SYNTHETIC[code];
  if (fixed !== undefined) return fixed;
  if (stack === undefined || stack === "") {
    return scrub(message === "" ? "The program failed for an unknown reason." : message).slice(0, LONGEST);
  }
  const [head = message, ...frames] = stack.split(/\n(?=\s+at )/);
  let text = scrub(head).slice(0, LONGEST);
  for (const line of frames.map((frame) => quoteLine(frame, program))) {
    if (text.length + line.length > LONGEST) break;
    text += `\n${line}`;
  }
  return text;
}
