/**
 * Regular expressions of `tokenizer.json`. They are written for Oniguruma in Ruby's dialect; here they become JavaScript's, with
 * the same matches. What has no equal is refused, not guessed.
 */
import { PartError } from "./parts.ts";

/** Classes by their letter. */
const CLASSES: Readonly<Record<string, string>> = {
  s: String.raw`\p{White_Space}`,
  S: String.raw`\P{White_Space}`,
  d: String.raw`\p{Nd}`,
  D: String.raw`\P{Nd}`,
  w: String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]`,
  W: String.raw`[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]`,
  h: "[0-9a-fA-F]",
  H: "[^0-9a-fA-F]",
};

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", f: "\f", v: "\v", a: "\x07", e: "\x1b" };

/** Letters that others count as when case is ignored, beside their own two. */
const FOLDED: Readonly<Record<string, string>> = { s: "\u017f", k: "\u212a", "\u00e5": "\u212b" };

const hex = (character: string): string => `\\u{${character.codePointAt(0)!.toString(16)}}`;

/** A character that stands for itself. */
const literal = (character: string): string => (/[\p{L}\p{N} _]/u.test(character) ? character : hex(character));

function bothCases(character: string): string {
  const lower = character.toLowerCase();
  const all = new Set([character, lower, character.toUpperCase(), ...(FOLDED[lower] ?? "")]);
  const single = [...all].filter((each) => [...each].length === 1);
  return single.length === 1 ? literal(character) : `[${single.map(literal).join("")}]`;
}

class Translation {
  readonly source: string;
  private readonly characters: readonly string[];
  private index = 0;
  private atoms = 0;

  constructor(source: string) {
    this.source = source;
    this.characters = [...source];
  }

  private refuse(what: string): PartError {
    return new PartError(`the regular expression ${JSON.stringify(this.source)} has ${what}, which nothing here does`);
  }

  private get rest(): string {
    return this.characters.slice(this.index, this.index + 12).join("");
  }

  private take(text: string): boolean {
    if (!this.rest.startsWith(text)) return false;
    this.index += [...text].length;
    return true;
  }

  whole(): string {
    const result = this.alternatives(false);
    if (this.index < this.characters.length) throw this.refuse("a bracket too many");
    return result;
  }

  private alternatives(ignoresCase: boolean): string {
    const branches: string[] = [];
    do branches.push(this.sequence(ignoresCase));
    while (this.take("|"));
    return branches.join("|");
  }

  private sequence(ignoresCase: boolean): string {
    let result = "";
    while (this.index < this.characters.length && !/^[|)]/.test(this.rest)) {
      result += this.quantified(this.atom(ignoresCase));
    }
    return result;
  }

  /** An atom with what says how often. */
  private quantified(atom: string): string {
    let result = atom;
    for (;;) {
      const [mark] = /^(?:[*+?]|\{\d*,?\d*\})/.exec(this.rest) ?? [];
      if (mark === undefined || mark === "{}" || mark === "{,}") return result;
      this.take(mark);
      const times = mark.startsWith("{,") ? mark.replace("{,", "{0,") : mark;
      const isBraced = mark.startsWith("{");
      if (!isBraced && this.take("+")) result = this.atomic(`(?:${result})${times}`);
      else result = `${this.group(result)}${times}${this.take("?") ? "?" : ""}`;
    }
  }

  /** In brackets, so that a second quantifier repeats the whole. */
  private group(atom: string): string {
    return /^(?:\[[^\]]*\]|\\[pP]\{[^}]*\}|\\u\{[^}]*\}|.)$/su.test(atom) ? atom : `(?:${atom})`;
  }

  /** What matches once and is not tried again. */
  private atomic(inner: string): string {
    const name = `a${this.atoms++}`;
    return `(?=(?<${name}>${inner}))\\k<${name}>`;
  }

  private atom(ignoresCase: boolean): string {
    if (this.take("(")) return this.bracket(ignoresCase);
    if (this.take("[")) return this.characterClass(ignoresCase);
    if (this.take("\\")) return this.escape(ignoresCase);
    if (this.take(".")) return "[^\\n]";
    if (this.take("^")) return "(?<![^\\n])";
    if (this.take("$")) return "(?![^\\n])";
    const character = this.characters[this.index++]!;
    if (/[*+?]/.test(character)) throw this.refuse(`a ${character} after nothing`);
    return ignoresCase ? bothCases(character) : literal(character);
  }

  private bracket(ignoresCase: boolean): string {
    const opening = /^\?(?:-?i[:)]|[>:=!]|<[=!])/.exec(this.rest)?.[0] ?? "";
    if (opening === "" && this.rest.startsWith("?")) throw this.refuse(`the bracket "(${this.rest.slice(0, 3)}"`);
    this.take(opening);
    if (opening === "?i)" || opening === "?-i)") return `(?:${this.alternatives(opening === "?i)")})`; // to the end of the bracket around it
    const inner = this.alternatives(opening === "?i:" || (ignoresCase && opening !== "?-i:"));
    if (!this.take(")")) throw this.refuse("a bracket that does not close");
    if (opening === "?>") return this.atomic(inner);
    const plain = opening === "" || opening.endsWith("i:"); // nothing here asks what a bracket held
    return `(${plain ? "?:" : opening}${inner})`;
  }

  /** What stands behind a backslash, outside of a class. */
  private escape(ignoresCase: boolean): string {
    if (this.take("A")) return "(?<![\\s\\S])";
    if (this.take("z")) return "(?![\\s\\S])";
    if (/^[bBZGKRXkg1-9]/.test(this.rest)) throw this.refuse(`"\\${this.rest[0]}"`);
    const { character, set } = this.escaped();
    if (set !== undefined) return set;
    return ignoresCase ? bothCases(character) : literal(character);
  }

  /** A class or a character behind a backslash. */
  private escaped(): { readonly character: string; readonly set?: string } {
    const [letter = ""] = this.rest;
    const classOf = CLASSES[letter];
    if (classOf !== undefined) {
      this.index++;
      return { character: letter, set: classOf };
    }
    const property = /^[pP]\{(\^?)(\w+)\}/.exec(this.characters.slice(this.index, this.index + 40).join(""));
    if (property !== null) {
      this.index += property[0].length;
      const isNot = (letter === "P") !== (property[1] === "^");
      return { character: letter, set: this.property(property[2]!, isNot) };
    }
    const code = /^(?:u([0-9a-fA-F]{4})|x\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{1,2}))/.exec(this.rest);
    if (code !== null) {
      this.index += code[0].length;
      return { character: String.fromCodePoint(Number.parseInt(code[1] ?? code[2] ?? code[3]!, 16)) };
    }
    if (letter === "0") {
      this.index++;
      return { character: "\0" };
    }
    const named = ESCAPES[letter];
    if (named === undefined && /[A-Za-z0-9]/.test(letter)) throw this.refuse(`"\\${letter}"`);
    this.index++;
    return { character: named ?? letter };
  }

  private property(name: string, isNot: boolean): string {
    for (const candidate of [name, `Script=${name}`]) {
      const written = `\\${isNot ? "P" : "p"}{${candidate}}`;
      try {
        new RegExp(written, "u");
        return written;
      } catch {
        // not a property by this name
      }
    }
    throw this.refuse(`the property "${name}"`);
  }

  /** Behind a `[`. */
  private characterClass(ignoresCase: boolean): string {
    const isNot = this.take("^");
    let result = "";
    let isFirst = true;
    for (;;) {
      if (this.index >= this.characters.length) throw this.refuse("a class that does not close");
      if (!isFirst && this.take("]")) return `[${isNot ? "^" : ""}${result}]`;
      isFirst = false;
      if (this.rest.startsWith("[:")) throw this.refuse("a class in [: :]");
      if (this.rest.startsWith("&&")) throw this.refuse("an intersection of classes");
      if (this.take("[")) {
        result += this.characterClass(ignoresCase);
        continue;
      }
      const { character, set } = this.member();
      if (set !== undefined) {
        result += set;
        continue;
      }
      if (/^-[^\]]/s.test(this.rest)) {
        this.take("-");
        const { character: last, set: wrong } = this.member();
        if (wrong !== undefined) throw this.refuse("a range that ends in a class");
        result += `${hex(character)}-${hex(last)}`;
        if (ignoresCase) throw this.refuse("a range where case is ignored");
      } else result += ignoresCase ? bothCases(character) : hex(character);
    }
  }

  private member(): { readonly character: string; readonly set?: string } {
    if (this.take("\\")) return this.escaped();
    return { character: this.characters[this.index++]! };
  }
}

const escapeText = (text: string): string => Array.from(text, hex).join("");

/** A pattern of `tokenizer.json`, `{ String }` or `{ Regex }`, for searching from place to place. */
export function toRegExp(pattern: unknown): RegExp {
  const { String: text, Regex: source } = (pattern ?? {}) as { readonly String?: unknown; readonly Regex?: unknown };
  if (typeof text === "string") return new RegExp(escapeText(text), "gv");
  if (typeof source === "string") return new RegExp(new Translation(source).whole(), "gv");
  throw new PartError(`a pattern must be { "String": … } or { "Regex": … }, got ${JSON.stringify(pattern)}`);
}

/** A stretch of a text, and whether the pattern matched it. */
export interface Match {
  readonly start: number;
  readonly end: number;
  readonly isMatch: boolean;
}

/** The text cut at each match, from its begin to its end. */
export function matchesOf(text: string, pattern: RegExp): Match[] {
  const found: Match[] = [];
  let before = 0;
  pattern.lastIndex = 0;
  for (;;) {
    const match = pattern.exec(text);
    if (match === null) break;
    const start = match.index;
    const end = start + match[0].length;
    if (start === end) {
      pattern.lastIndex = end + (text.codePointAt(end)! > 0xffff ? 2 : 1);
      if (start === before && found.length > 0) continue; // nothing right behind a match is none
    }
    if (start > before) found.push({ start: before, end: start, isMatch: false });
    found.push({ start, end, isMatch: true });
    before = end;
  }
  if (before < text.length) found.push({ start: before, end: text.length, isMatch: false });
  return found;
}
