/**
 * The statements of a Python program, found by their indentation. No parser: strings and comments are blanked, names are
 * words. Enough to tell a tool from the code that calls it and to draw the graph of calls.
 */
import type { ProgramShape, Statement } from "./shape.ts";

/** What stands where a string was. */
const FILL = "¤";

const STRINGS = /(?<!\w)([rRbBuUfF]{0,2})("""|'''|"(?!"")|'(?!''))((?:\\[\s\S]|(?!\2)[\s\S])*?)\2|#[^\n]*/g;

/** The same text, lines and places kept, with `FILL` for strings and spaces for comments; what f-strings compute stays. */
function blankStrings(source: string): string {
  return source.replace(STRINGS, (found: string, prefix?: string, quote?: string, inside?: string) => {
    if (quote === undefined) return " ".repeat(found.length);
    const fill = (text: string): string => text.replace(/[^\n]/g, FILL);
    if (quote.length === 1 && inside!.includes("\n")) return found; // not closed
    const parts = /f/i.test(prefix!) ? inside!.split(/(\{\{|\{[^{}]*\})/) : [inside!];
    const kept = parts.map((part) =>
      /^\{[^{]/.test(part) ? ` ${part.slice(1, -1).replace(/["']/g, " ")} ` : fill(part),
    );
    return `${fill(prefix! + quote)}${kept.join("")}${fill(quote)}`;
  });
}

/** Lines of the program, grouped into statements: a new one starts at a line that is not indented and closes nothing. */
function groupLines(source: string, blank: string): readonly { from: number; to: number }[] {
  const groups: { from: number; to: number }[] = [];
  const original = source.split("\n");
  let depth = 0;
  let pending: number | undefined;
  blank.split("\n").forEach((line, i) => {
    const isComment = line.startsWith("@") || (line.trim() === "" && original[i]!.startsWith("#"));
    const starts = depth === 0 && /^[^\s¤]/.test(line) && !/^(else|elif|except|finally)\b|^[)\]}]/.test(line);
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

/** A statement's text, and the same with the insides of strings and comments blanked: places in one are places in the other. */
interface Lines {
  readonly text: string;
  readonly blank: string;
}

/** A parameter as written, without comments on separate lines before or after it. */
const withoutComments = (item: string): string => item.replace(/^[ \t]*#[^\n]*$/gm, "").trim();

/** The items of a list in brackets that opens at `from`, as written. */
function itemsAt({ text, blank }: Lines, from: number): readonly string[] {
  const items: string[] = [];
  let depth = 0;
  let start = from + 1;
  for (let i = from; i < blank.length; i++) {
    const sign = blank[i]!;
    if ("([{".includes(sign)) depth++;
    else if (")]}".includes(sign)) depth--;
    if (depth === 0 || (depth === 1 && sign === ",")) {
      items.push(withoutComments(text.slice(start, i)));
      start = i + 1;
    }
    if (depth === 0) break;
  }
  return items.filter((item) => item !== "");
}

/** Parameters as written, without the marks `/` and `*`. */
const parametersAt = (lines: Lines, from: number): readonly string[] =>
  itemsAt(lines, from).filter((item) => item !== "/" && item !== "*");

/** Parameters of a class: those of its constructor, without `self`. */
function constructorParameters(lines: Lines): readonly string[] {
  const found = /^[ \t]+def\s+__init__\s*\(/m.exec(lines.blank);
  return found === null ? [] : parametersAt(lines, found.index + found[0].length - 1).slice(1);
}

/**
 * Where a name is bound inside of a function; the first group holds the names. A model writes what these read, so each takes
 * time in proportion to its text: what repeats is bounded, or cannot match in two ways.
 */
const BINDINGS = [
  /^[ \t]+([\w*][\w*, ]*)(?::[^=\n]*)?=(?!=)/gm,
  /\bfor\s+([\w*(][\w*, ()]{0,200}?)\s+in\b/g,
  /\bas\s+(\w+)/g,
  /\b(\w+)\s*:=/g,
  /\blambda\s+([^:]{0,200}):/g,
  /^[ \t]+(?:async\s+)?(?:def|class)\s+(\w+)/gm,
];

/** Names that a function binds itself: its parameters, what it assigns, and the variables of its loops. */
function boundNames(code: string, parameters: readonly string[]): ReadonlySet<string> {
  const lists = BINDINGS.flatMap((binding) => [...code.matchAll(binding)].map(([, list]) => list!));
  const names = [...parameters, ...lists.flatMap((list) => list.split(/[,()]/))];
  return new Set(names.flatMap((name) => /[A-Za-z_]\w*/.exec(name)?.[0] ?? []));
}

/** Every name in the code; members of names as `name.member` too. */
function namesIn(code: string): readonly string[] {
  const found = code.match(/(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?/g) ?? [];
  return found.flatMap((name) => [name, name.split(".")[0]!]);
}

/** The docstring of a function or class whose parameters, if any, begin at `from`. */
function docstringOf({ text, blank }: Lines, from: number): string {
  let depth = 0;
  let end = from;
  for (; end < blank.length && (depth > 0 || blank[end] !== ":"); end++) {
    if ("([{".includes(blank[end]!)) depth++;
    else if (")]}".includes(blank[end]!)) depth--;
  }
  const [, , found = ""] = /^(?:[^\S\n]*#[^\n]*)?\s*[rR]?("""|'''|"|')([\s\S]*?)\1/.exec(text.slice(end + 1)) ?? [];
  return found.replace(/^[^\S\n]+/gm, "").trim();
}

/** @returns `undefined` when a string or a bracket is not closed. */
export function pythonShape(program: string): ProgramShape | undefined {
  const source = program.replace(/\r\n?|\u2028|\u2029/g, "\n");
  const blankSource = blankStrings(source);
  const count = (signs: RegExp): number => blankSource.match(signs)?.length ?? 0;
  if (/["']/.test(blankSource) || count(/[([{]/g) !== count(/[)\]}]/g)) return undefined;
  const sourceLines = source.split("\n");
  const blankLines = blankSource.split("\n");
  return groupLines(source, blankSource).map(({ from, to }): Statement => {
    const text = sourceLines.slice(from, to).join("\n");
    const blank = blankLines.slice(from, to).join("\n");
    const head = /^(?:async\s+)?(def|class)\s+(\w+)\s*/m.exec(blank);
    if (head !== null) {
      const [whole, kind, name] = head;
      const after = head.index + whole.length;
      const lines = { text, blank };
      const parameters =
        kind === "class" ? constructorParameters(lines) : blank[after] === "(" ? parametersAt(lines, after) : [];
      const bound = boundNames(blank, parameters);
      return {
        source: text.trim(),
        declares: [name!],
        uses: new Set(namesIn(blank).filter((found) => !bound.has(found.split(".")[0]!))),
        isDeclaration: true,
        callable: { parameters, documentation: docstringOf(lines, after) },
      };
    }
    const code = blank.trim();
    const [, targets] = /^([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)\s*(?::[^=\n]+)?=(?!=)/.exec(code) ?? [];
    const declares = targets?.split(",").map((target) => target.trim()) ?? [];
    return {
      source: text.trim(),
      declares,
      uses: new Set(namesIn(code)),
      isDeclaration: declares.length > 0 || /^(import|from)\b/.test(code),
    };
  });
}
