/**
 * Regular expressions of JSON Schema as expressions of strings. They are JavaScript's, and match anywhere in a string unless they are
 * anchored. What has no expression (lookarounds, references back, boundaries of words) is an error that names it.
 */
import { characterOf, complement, type Range } from "./characters.ts";
import type { Expression } from "./expression.ts";
import { character } from "./json.ts";
import { anyOf, inRow, one, type Part, several } from "./lengths.ts";

const DIGITS: readonly Range[] = [[0x30, 0x39]];
const WORD: readonly Range[] = [...DIGITS, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const SPACES: readonly Range[] = [
  ...([
    [9, 13],
    [0x20, 0x20],
    [0xa0, 0xa0],
    [0x1680, 0x1680],
    [0x2000, 0x200a],
  ] as const),
  ...([
    [0x2028, 0x2029],
    [0x202f, 0x202f],
    [0x205f, 0x205f],
    [0x3000, 0x3000],
    [0xfeff, 0xfeff],
  ] as const),
];
const LINE_ENDS: readonly Range[] = [
  [10, 10],
  [13, 13],
  [0x2028, 0x2029],
];

const CLASSES: Readonly<Record<string, readonly Range[]>> = {
  d: DIGITS,
  D: complement(DIGITS),
  w: WORD,
  W: complement(WORD),
  s: SPACES,
  S: complement(SPACES),
};
const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, 0: 0 };

/** Counts that are followed. */
const MOST = 2 ** 16;

/** Reads a pattern from left to right. */
class Reader {
  private readonly characters: readonly string[];
  private at = 0;
  private depth = 0;
  private readonly fail: (problem: string) => Error;

  constructor(source: string, fail: (problem: string) => Error) {
    this.characters = [...source];
    this.fail = fail;
  }

  private get next(): string | undefined {
    return this.characters[this.at];
  }

  private take(text: string): boolean {
    if (this.characters.slice(this.at, this.at + text.length).join("") !== text) return false;
    this.at += text.length;
    return true;
  }

  /** The whole: alternatives, each anchored or not. */
  whole(): Part {
    const any = several(one(character), 0, Number.POSITIVE_INFINITY);
    const options: Part[] = [];
    do {
      const isFromStart = this.take("^");
      const found = this.row();
      const isToEnd = this.take("$");
      if (this.next !== undefined && this.next !== "|") throw this.unexpected();
      options.push(inRow([...(isFromStart ? [] : [any]), found, ...(isToEnd ? [] : [any])]));
    } while (this.take("|"));
    return anyOf(options);
  }

  private unexpected(): Error {
    const found = this.next;
    if (found === "^" || found === "$") return this.fail(`"${found}" in the middle of it`);
    return this.fail(`an unexpected ${JSON.stringify(found ?? "end")}`);
  }

  private alternatives(): Part {
    const parts = [this.row()];
    while (this.take("|")) parts.push(this.row());
    return anyOf(parts);
  }

  private row(): Part {
    const parts: Part[] = [];
    while (this.next !== undefined && !"|)$".includes(this.next)) parts.push(this.repeated());
    return inRow(parts);
  }

  private repeated(): Part {
    const part = this.atom();
    const counts = this.counts();
    if (counts === undefined) return part;
    const [min, max] = counts;
    this.take("?"); // as few as possible: the same strings
    if (max === 0) return inRow([]);
    if (part.least > 0) return several(part, min, max);
    if (max > 1) throw this.fail("a repetition of what may be empty");
    return part;
  }

  private counts(): readonly [min: number, max: number] | undefined {
    if (this.take("*")) return [0, Number.POSITIVE_INFINITY];
    if (this.take("+")) return [1, Number.POSITIVE_INFINITY];
    if (this.take("?")) return [0, 1];
    const text = /^\{(\d+)(?:(,)(\d*))?\}/.exec(this.characters.slice(this.at, this.at + 16).join(""));
    if (text === null) return undefined;
    this.at += text[0].length;
    const min = Number(text[1]);
    const max = text[2] === undefined ? min : text[3] === "" ? Number.POSITIVE_INFINITY : Number(text[3]);
    if (min > MOST || (max > MOST && max !== Number.POSITIVE_INFINITY)) throw this.fail(`counts above ${MOST}`);
    if (min > max) throw this.fail(`the counts ${text[0]}, which are the wrong way round`);
    return [min, max];
  }

  private set(ranges: readonly Range[]): Part {
    const expression = characterOf(ranges);
    if (expression === undefined) throw this.fail("a class without characters");
    return one(expression);
  }

  private atom(): Part {
    if (this.take("(")) return this.group();
    if (this.take("[")) return this.set(this.charClass());
    if (this.take(".")) return this.set(complement(LINE_ENDS));
    const found = this.next;
    if (found === undefined || "^*+?{}]".includes(found)) throw this.unexpected();
    return this.set(this.one(false));
  }

  private group(): Part {
    if (["?=", "?!", "?<=", "?<!"].some((mark) => this.take(mark))) throw this.fail("a lookaround");
    if (!this.take("?:") && this.take("?<")) {
      while (this.next !== undefined && this.next !== ">") this.at++;
      this.take(">");
    } else if (this.next === "?") throw this.fail("a group of an unknown kind");
    if (++this.depth > 50) throw this.fail("more than 50 groups inside of each other");
    const inner = this.alternatives();
    this.depth--;
    if (!this.take(")")) throw this.unexpected();
    return inner;
  }

  /** One character, or the class of an escape. */
  private one(isInClass: boolean): readonly Range[] {
    const found = this.characters[this.at++]!;
    if (found !== "\\") {
      const code = found.codePointAt(0)!;
      return [[code, code]];
    }
    const letter = this.characters[this.at++];
    if (letter === undefined) throw this.fail("a backslash at its end");
    const ranges = CLASSES[letter];
    if (ranges !== undefined) return ranges;
    if (/[1-9k]/.test(letter)) throw this.fail("a reference back");
    if (/[pP]/.test(letter)) throw this.fail("a class by properties");
    if (letter === "b" && isInClass) return [[8, 8]];
    if (/[bB]/.test(letter)) throw this.fail("a boundary of words");
    const code = CONTROLS[letter] ?? this.hex(letter) ?? letter.codePointAt(0)!;
    if (/[a-zA-Z]/.test(letter) && !(letter in CONTROLS) && !"xu".includes(letter)) {
      throw this.fail(`the unknown escape \\${letter}`);
    }
    return [[code, code]];
  }

  private hex(letter: string): number | undefined {
    if (letter !== "x" && letter !== "u") return undefined;
    const rest = this.characters.slice(this.at, this.at + 8).join("");
    const digits = (letter === "x" ? /^([\da-f]{2})/i : /^(?:([\da-f]{4})|\{([\da-f]{1,6})\})/i).exec(rest);
    const code = Number.parseInt(digits?.[1] ?? digits?.[2] ?? "", 16);
    if (digits === null || code > 0x10ffff) throw this.fail(`the unknown escape \\${letter}`);
    if (code >= 0xd800 && code <= 0xdfff) throw this.fail("half of a character");
    this.at += digits[0].length;
    return code;
  }

  private charClass(): readonly Range[] {
    const isNegated = this.take("^");
    const ranges: Range[] = [];
    while (this.next !== undefined && this.next !== "]") {
      const from = this.one(true);
      const isRange =
        this.next === "-" && this.characters[this.at + 1] !== "]" && this.characters[this.at + 1] !== undefined;
      if (!isRange) {
        ranges.push(...from);
        continue;
      }
      this.at++;
      const to = this.one(true);
      if (from.length !== 1 || to.length !== 1 || from[0]![0] !== from[0]![1] || to[0]![0] !== to[0]![1]) {
        throw this.fail("a range between classes");
      }
      if (from[0]![0] > to[0]![0]) throw this.fail("a range that is the wrong way round");
      ranges.push([from[0]![0], to[0]![0]]);
    }
    if (!this.take("]")) throw this.unexpected();
    return isNegated ? complement(ranges) : ranges;
  }
}

/**
 * Strings that a pattern matches, of some lengths, as they stand between quotes. Negated classes and the point stand for characters up to
 * U+FFFF, which count as one for everybody.
 *
 * @param lengths - Fewest and most characters.
 * @param fail - Makes the error of what has no expression.
 */
export function stringLike(
  pattern: string,
  [min, max]: readonly [min: number, max: number],
  fail: (problem: string) => Error,
): Expression {
  const inner = new Reader(pattern, fail).whole().within(min, max);
  if (inner === undefined) throw fail(`strings of ${min} to ${max} characters that could not be made of its parts`);
  return inner;
}

const HOUR = "(?:[01]\\d|2[0-3])";
const TIME = `${HOUR}:[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?Z`;
const LEAP_YEAR = "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
const LONG_MONTH = "(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])";
const SHORT_MONTH = "(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)";
const DATE = `(?:\\d{4}-(?:${LONG_MONTH}|${SHORT_MONTH}|02-(?:0[1-9]|1\\d|2[0-8]))|${LEAP_YEAR}-02-29)`;
const LABEL = "[a-z0-9](?:[a-z0-9]{0,20}|[a-z0-9]{0,9}-[a-z0-9]{1,9})";
const HOST = `(?:${LABEL}\\.){1,4}[a-z]{2,10}`;
const BYTE = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const PATH = "(?:/[A-Za-z0-9._~-]{1,40}){0,12}";

/**
 * Patterns of formats: of strings that all have the format, though not of all that have it. Times are in UTC, addresses are http or
 * https and have names, version 6 of IP is written out.
 *
 * @see RFC 3339 (dates and times), RFC 5321 (mail), RFC 1123 (hosts), RFC 3986 (URIs), RFC 9562 (UUIDs).
 */
export const FORMATS: Readonly<Record<string, string>> = {
  "date-time": `^${DATE}T${TIME}$`,
  date: `^${DATE}$`,
  time: `^${TIME}$`,
  duration: "^P(?:\\d{1,3}W|\\d{1,3}D|T(?:\\d{1,3}H|\\d{1,3}M|\\d{1,3}S|\\d{1,3}H\\d{1,2}M))$",
  email: `^[A-Za-z0-9]{1,20}(?:[._+-][A-Za-z0-9]{1,10}){0,3}@${HOST}$`,
  hostname: `^${HOST}$`,
  ipv4: `^(?:${BYTE}\\.){3}${BYTE}$`,
  ipv6: "^(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}$",
  uri: `^https?://${HOST}(?::[1-9]\\d{1,3})?${PATH}/?(?:\\?[a-z]{1,20}=[A-Za-z0-9._~-]{1,40})?$`,
  uuid: "^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
};
