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

/**
 * The code of a reply: its fenced blocks in the language, joined.
 *
 * @returns `undefined` when there is none, or nothing but spaces in it.
 * @see Qian et al. 2023, CREATOR, arXiv:2305.14318: all fenced blocks of a reply are one program.
 */
export function codeOf(reply: string, language: "javascript" | "python"): string | undefined {
  const code = fencedBlocks(reply)
    .filter(({ name }) => NAMES[language].includes(name))
    .map(({ content }) => content.trim())
    .filter((content) => content !== "")
    .join("\n\n");
  return code === "" ? undefined : code;
}
