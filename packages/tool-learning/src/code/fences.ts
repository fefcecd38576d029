import { parseScript, plainScript } from "./plain-script.ts";

/** Names by which fenced blocks call a language; a block without a name counts as code. */
const NAMES: Readonly<Record<"javascript" | "python", readonly string[]>> = {
  javascript: ["", "javascript", "js", "mjs", "node", "typescript", "ts"],
  python: ["", "python", "py", "python3"],
};

/** A fenced block of a reply. */
export interface FencedBlock {
  /** What stands behind the fence, in lower case, up to the first space. */
  readonly name: string;
  readonly content: string;
}

/**
 * The fenced blocks of a Markdown text, in order. A fence is three or more backticks or tildes at the start of a line; a
 * block without a closing fence, as in a reply that was cut off, lasts to the end.
 */
export function fencedBlocks(text: string): readonly FencedBlock[] {
  const blocks: FencedBlock[] = [];
  let open: { fence: string; name: string; lines: string[] } | undefined;
  const close = ({ name, lines }: { name: string; lines: string[] }): void => {
    blocks.push({ name, content: lines.join("\n") });
  };
  for (const line of text.split(/\r?\n/)) {
    const [, fence, rest] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (open === undefined) {
      if (fence === undefined || (fence[0] === "`" && rest!.includes("`"))) continue;
      open = { fence, name: rest!.trim().split(/\s/)[0]!.toLowerCase(), lines: [] };
    } else if (fence?.startsWith(open.fence) && rest!.trim() === "") {
      close(open);
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  if (open !== undefined) close(open);
  return blocks;
}

/** Names of the element in which some models write what they think before they reply. */
const THOUGHT = "(?:think|thinking|thought|reasoning)";
const OPENING = new RegExp(`^\\s*<${THOUGHT}>`, "i");
const CLOSING = new RegExp(`</${THOUGHT}>`, "i");
/** Some servers leave the opening mark out; then the closing one begins a line. */
const CLOSING_LINE = new RegExp(`^[ \\t]*</${THOUGHT}>`, "im");

/** A reply without the thoughts before it; empty when it is all thought. */
function withoutThoughts(reply: string): string {
  const opened = OPENING.test(reply);
  const end = (opened ? CLOSING : CLOSING_LINE).exec(reply);
  if (end !== null) return reply.slice(end.index + end[0].length);
  return opened ? "" : reply;
}

/** Of several versions of one program the last that can be parsed; one that is much shorter than another is no version of it. */
function lastVersion(blocks: readonly string[]): string | undefined {
  const parsed = blocks.filter((block) => parseScript(block) !== undefined);
  const longest = Math.max(...parsed.map(({ length }) => length));
  return parsed.findLast(({ length }) => 2 * length >= longest);
}

/**
 * The code of a reply: its fenced blocks in the language, joined. Thoughts before the reply are none of it. Blocks without a
 * name count where the whole can be parsed with them, for some hold what a program prints; in Python, where there are no
 * others. In JavaScript the program is made a script that stands by itself.
 *
 * @returns `undefined` when there is none, or nothing but spaces in it.
 * @see Qian et al. 2023, CREATOR, arXiv:2305.14318: all fenced blocks of a reply are one program.
 */
export function codeOf(reply: string, language: "javascript" | "python"): string | undefined {
  const blocks = fencedBlocks(withoutThoughts(reply))
    .filter(({ name }) => NAMES[language].includes(name))
    .map(({ name, content }) => ({ name, content: content.trim() }))
    .filter(({ content }) => content !== "");
  const contents = blocks.map(({ content }) => content);
  const named = blocks.filter(({ name }) => name !== "").map(({ content }) => content);
  if (contents.length === 0) return undefined;
  if (language === "python") return (named.length > 0 ? named : contents).join("\n\n");
  const wholes = [contents, named].map((each) => each.join("\n\n")).filter((whole) => whole !== "");
  const whole = wholes.find((each) => parseScript(each) !== undefined) ?? lastVersion(contents) ?? wholes[0]!;
  return plainScript(whole);
}
