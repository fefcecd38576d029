/**
 * The statements of a Python program, found by their indentation. No parser: strings and comments are blanked, names are
 * words. Enough to tell a tool from the code that calls it and to draw the graph of calls.
 */
import type { ProgramShape, Statement } from "./shape.ts";

/** The same text with the insides of strings and comments as spaces, lines kept. */
function blankStrings(source: string): string {
  return source.replace(/("""|''')[\s\S]*?\1|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|#[^\n]*/g, (found) =>
    found.replace(/[^\n]/g, " "),
  );
}

/** Lines of the program, grouped into statements: a new one starts at a line that is not indented and closes nothing. */
function groupLines(source: string, blank: string): readonly { from: number; to: number }[] {
  const groups: { from: number; to: number }[] = [];
  const original = source.split("\n");
  let depth = 0;
  let pending: number | undefined;
  blank.split("\n").forEach((line, i) => {
    const isComment = original[i]!.startsWith("#") || original[i]!.startsWith("@");
    const starts = depth === 0 && /^\S/.test(line) && !/^(else|elif|except|finally)\b|^[)\]}]/.test(line);
    if (starts && !isComment) {
      groups.push({ from: pending ?? i, to: i + 1 });
      pending = undefined;
    } else if (isComment && depth === 0) {
      pending ??= i;
    } else if (groups.length > 0 && line.trim() !== "") {
      groups.at(-1)!.to = i + 1;
      pending = undefined;
    }
    for (const sign of line) {
      if ("([{".includes(sign)) depth++;
      else if (")]}".includes(sign)) depth = Math.max(0, depth - 1);
    }
  });
  return groups;
}

/** @returns `undefined` when a string or a bracket is not closed. */
export function pythonShape(program: string): ProgramShape | undefined {
  const source = program.replace(/\r\n/g, "\n");
  const blank = blankStrings(source);
  const count = (signs: RegExp): number => blank.match(signs)?.length ?? 0;
  if (/["']/.test(blank) || count(/[([{]/g) !== count(/[)\]}]/g)) return undefined;
  const lines = source.split("\n");
  const blankLines = blank.split("\n");
  return groupLines(source, blank).map(({ from, to }): Statement => {
    const text = lines.slice(from, to).join("\n");
    const code = blankLines.slice(from, to).join("\n").trim();
    const [, kind, name, list] =
      /^(?:@[^\n]*\n)*(def|class)\s+(\w+)\s*(?:\(([\s\S]*?)\)\s*(?:->[^\n:]*)?)?:/.exec(code) ?? [];
    const parameters = (list ?? "").split(",").flatMap((one) => (one.trim() === "" ? [] : [one.trim()]));
    const bound = new Set([
      ...parameters.map((parameter) => /\w+/.exec(parameter)?.[0] ?? ""),
      ...[...code.matchAll(/^[^\S\n]+([A-Za-z_]\w*)\s*=(?!=)/gm)].map(([, local]) => local!),
    ]);
    const uses = new Set(
      code
        .match(/\b[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?/g)
        ?.flatMap((found) => [found, found.split(".")[0]!])
        .filter((found) => kind === undefined || !bound.has(found.split(".")[0]!)),
    );
    if (kind !== undefined) {
      const documentation = /:\s*\n\s*(?:"""([\s\S]*?)"""|'''([\s\S]*?)''')/.exec(text);
      return {
        source: text.trim(),
        declares: [name!],
        uses,
        isDeclaration: true,
        callable: {
          parameters,
          documentation: (documentation?.[1] ?? documentation?.[2] ?? "").replace(/^\s+/gm, "").trim(),
        },
      };
    }
    const isImport = /^(import|from)\b/.test(code);
    const assigned = /^([A-Za-z_]\w*)\s*(?::[^=]+)?=(?!=)/.exec(code)?.[1];
    return {
      source: text.trim(),
      declares: assigned === undefined ? [] : [assigned],
      uses,
      isDeclaration: isImport || assigned !== undefined,
    };
  });
}
