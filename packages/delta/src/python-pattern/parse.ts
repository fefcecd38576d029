/**
 * Python's regular expressions (the `re` module of 3.11 to 3.14), read into nodes.
 *
 * `parsePattern` reads from the left: `choice` reads alternatives, `sequence` what stands between bars, `atom` one thing, and
 * `repeated` what follows it. Groups are not remembered: PEFT only asks whether a path matches. What needs their texts
 * (backreferences, conditions) is refused, and so is what Python refuses.
 */
import { FormatError } from "@cambium/base";
import { type Accepts, classOf, ESCAPES, HEX_DIGITS, inEitherCase, isWordCharacter } from "./characters.ts";
import { type Flags, type Node, widthOf } from "./syntax.ts";

/** Repeats are written out in memory while matching; module paths are shorter than this. */
const MOST_REPEATS = 1000;

/** How deep groups may be nested. */
const MOST_GROUPS = 100;

const NO_FLAGS: Flags = { ignoreCase: false, multiline: false, dotAll: false, verbose: false, ascii: false };
const FLAG_NAMES: Readonly<Record<string, keyof Flags>> = {
  i: "ignoreCase",
  m: "multiline",
  s: "dotAll",
  x: "verbose",
  a: "ascii",
};

/**
 * The nodes of an expression.
 *
 * @throws {FormatError} For what Python refuses, and for what is not read; names the construct and where it stands.
 */
export function parsePattern(source: string): Node {
  const characters = [...source];
  const names = new Set<string>();
  let position = 0;
  let depth = 0;

  const fail = (what: string, at = position): FormatError =>
    new FormatError({ message: `the expression ${JSON.stringify(source)} has ${what} at ${at}`, source, position: at });
  const peek = (ahead = 0): string | undefined => characters[position + ahead];
  const take = (): string => characters[position++]!;
  function eat(text: string): boolean {
    if ([...text].some((character, i) => peek(i) !== character)) return false;
    position += [...text].length;
    return true;
  }

  function choice(flags: Flags): Node {
    const options = [sequence(flags)];
    while (eat("|")) options.push(sequence(flags));
    return options.length === 1 ? options[0]! : { kind: "choice", options };
  }

  function sequence(flags: Flags): Node {
    const items: Node[] = [];
    for (;;) {
      skipIgnored(flags);
      if (peek() === undefined || peek() === "|" || peek() === ")") break;
      items.push(repeated(atom(flags), flags));
    }
    return items.length === 1 ? items[0]! : { kind: "sequence", items };
  }

  /** Comments, and space where it means nothing: both may also stand before what says how often. */
  function skipIgnored({ verbose }: Flags): void {
    for (;;) {
      if (verbose) skipSpace();
      const at = position;
      if (!eat("(?#")) return;
      while (peek() !== undefined && peek() !== ")") position++;
      if (!eat(")")) throw fail('a "(" without its ")"', at);
    }
  }

  function skipSpace(): void {
    for (let next = peek(); next !== undefined && /[\s#]/.test(next); next = peek()) {
      if (take() !== "#") continue;
      while (peek() !== undefined && take() !== "\n");
    }
  }

  /** One thing. */
  function atom(flags: Flags): Node {
    const at = position;
    const character = take();
    switch (character) {
      case "(":
        return group(flags, at);
      case "[":
        return one(set(flags, at), flags);
      case "\\":
        return backslash(flags, at);
      case ".":
        return { kind: "one", accepts: flags.dotAll ? () => true : (other) => other !== "\n" };
      case "^":
        return place((text, i) => i === 0 || (flags.multiline && text[i - 1] === "\n"));
      case "$":
        return place(
          (text, i) => i === text.length || (text[i] === "\n" && (flags.multiline || i === text.length - 1)),
        );
      case "*":
      case "+":
      case "?":
        throw fail(`a "${character}" with nothing to repeat`, at);
      default:
        position = at;
        if (character === "{" && readCounts() !== undefined) throw fail('a "{" with nothing to repeat', at);
        position = at + 1;
        return one((other) => other === character, flags);
    }
  }

  const one = (accepts: Accepts, flags: Flags): Node => ({ kind: "one", accepts: inEitherCase(accepts, flags) });
  const place = (isAt: (text: readonly string[], position: number) => boolean): Node => ({ kind: "place", isAt });

  /** An atom with what says how often. */
  function repeated(item: Node, flags: Flags): Node {
    skipIgnored(flags);
    const at = position;
    const counts = readCounts();
    if (counts === undefined) return item;
    if (item.kind === "place") throw fail("a repeat of an anchor, which repeats nothing", at);
    const [min, max] = counts;
    if (min > max) throw fail("a repeat whose least count is above its greatest", at);
    if (min > MOST_REPEATS || (max > MOST_REPEATS && max !== Number.POSITIVE_INFINITY))
      throw fail(`a repeat of more than ${MOST_REPEATS}, which is not read`, at);
    const isLazy = eat("?");
    const isPossessive = !isLazy && eat("+");
    skipIgnored(flags);
    const again = position;
    if (readCounts() !== undefined) throw fail("a repeat of a repeat", again);
    const repeat: Node = { kind: "repeat", item, min, max, isLazy };
    return isPossessive ? { kind: "atomic", item: repeat } : repeat;
  }

  /** `*`, `+`, `?` or counts in braces; undefined, and nothing taken, for anything else. */
  function readCounts(): readonly [min: number, max: number] | undefined {
    if (eat("*")) return [0, Number.POSITIVE_INFINITY];
    if (eat("+")) return [1, Number.POSITIVE_INFINITY];
    if (eat("?")) return [0, 1];
    if (peek() !== "{" || peek(1) === "}") return undefined;
    const found = /^\{(\d*)(,?)(\d*)\}/.exec(characters.slice(position).join(""));
    if (found === null) return undefined;
    position += found[0].length;
    const [, low, comma, high] = found as unknown as [string, string, string, string];
    const min = low === "" ? 0 : Number(low);
    return [min, comma === "" ? min : high === "" ? Number.POSITIVE_INFINITY : Number(high)];
  }

  function closed(item: Node, at: number): Node {
    if (!eat(")")) throw fail('a "(" without its ")"', at);
    depth--;
    return item;
  }

  function group(flags: Flags, at: number): Node {
    if (++depth > MOST_GROUPS) throw fail(`groups in more than ${MOST_GROUPS} groups, which are not read`, at);
    if (!eat("?")) return closed(choice(flags), at);
    if (eat("P")) {
      if (eat("=")) throw fail("a backreference, which is not read", at);
      if (!eat("<")) throw fail(`the unknown group "(?P${peek() ?? ""}"`, at);
      nameGroup(at);
      return closed(choice(flags), at);
    }
    if (eat(":")) return closed(choice(flags), at);
    if (eat(">")) return { kind: "atomic", item: closed(choice(flags), at) };
    if (eat("=")) return { kind: "look", item: closed(choice(flags), at), isNegative: false };
    if (eat("!")) return { kind: "look", item: closed(choice(flags), at), isNegative: true };
    if (eat("<=")) return lookBehind(flags, false, at);
    if (eat("<!")) return lookBehind(flags, true, at);
    if (eat("(")) throw fail("a condition on a group, which is not read", at);
    return scoped(flags, at);
  }

  function nameGroup(at: number): void {
    const end = characters.indexOf(">", position);
    const name = characters.slice(position, Math.max(end, position)).join("");
    if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) throw fail(`a bad group name "${name}"`, at);
    if (names.has(name)) throw fail(`the group name "${name}" twice`, at);
    names.add(name);
    position = end + 1;
  }

  function lookBehind(flags: Flags, isNegative: boolean, at: number): Node {
    const item = closed(choice(flags), at);
    const [behind, most] = widthOf(item);
    if (behind !== most) throw fail("a look-behind of no fixed width", at);
    return { kind: "look", item, isNegative, behind };
  }

  /** Flags for a group: `(?i:…)`, `(?s-i:…)`. Flags for everything are read at the start only. */
  function scoped(flags: Flags, at: number): Node {
    const inside = { ...flags };
    const on = letters();
    const off = eat("-") ? letters() : "";
    if (on + off === "") throw fail(`the unknown group "(?${peek() ?? ""}"`, at);
    for (const letter of on) setFlag(inside, letter, true, at);
    for (const letter of off) {
      if (!"imsx".includes(letter)) throw fail(`the flag "${letter}" turned off`, at);
      if (on.includes(letter)) throw fail(`the flag "${letter}" turned on and off`, at);
      setFlag(inside, letter, false, at);
    }
    if (!eat(":")) {
      throw peek() === ")" && off === ""
        ? fail("flags for all of it elsewhere than at its start", at)
        : fail("flags without a group", at);
    }
    return closed(choice(inside), at);
  }

  function letters(): string {
    let found = "";
    while (/^[a-zA-Z]$/.test(peek() ?? "")) found += take();
    return found;
  }

  function setFlag(
    flags: { -readonly [Key in keyof Flags]: boolean },
    letter: string,
    isOn: boolean,
    at: number,
  ): void {
    if (letter === "u") flags.ascii = false;
    else if (letter === "L") throw fail('the flag "L", which is for bytes', at);
    else if (FLAG_NAMES[letter] === undefined) throw fail(`the unknown flag "${letter}"`, at);
    else flags[FLAG_NAMES[letter]] = isOn;
  }

  function backslash(flags: Flags, at: number): Node {
    const letter = peek();
    if (letter === undefined) throw fail("a backslash at its end", at);
    const isWord = isWordCharacter(flags);
    const isBoundary = (text: readonly string[], i: number): boolean =>
      (i > 0 && isWord(text[i - 1]!)) !== (i < text.length && isWord(text[i]!));
    const anchors: Readonly<Record<string, Node>> = {
      A: place((_, i) => i === 0),
      Z: place((text, i) => i === text.length),
      b: place(isBoundary),
      B: place((text, i) => !isBoundary(text, i)),
    };
    const anchor = anchors[letter];
    if (anchor !== undefined) {
      position++;
      return anchor;
    }
    if (/[1-9]/.test(letter)) {
      if (!isOctal()) throw fail("a backreference, which is not read", at);
    }
    const found = escaped(flags, at);
    return typeof found === "string" ? one((other) => other === found, flags) : one(found, flags);
  }

  const isOctal = (): boolean => /^[0-3][0-7][0-7]/.test(characters.slice(position, position + 3).join(""));

  /** What a backslash and more stand for, in sets too: a character, or a class of them. */
  function escaped(flags: Flags, at: number): string | Accepts {
    const letter = take();
    const accepts = classOf(letter, flags);
    if (accepts !== undefined) return accepts;
    if (ESCAPES[letter] !== undefined) return ESCAPES[letter];
    const digits = HEX_DIGITS[letter];
    if (digits !== undefined) {
      const text = characters.slice(position, position + digits).join("");
      const code = /^[0-9a-fA-F]+$/.test(text) && text.length === digits ? Number.parseInt(text, 16) : -1;
      if (code < 0 || code > 0x10ffff) throw fail(`the incomplete escape "\\${letter}${text}"`, at);
      position += digits;
      return String.fromCodePoint(code);
    }
    if (/[0-7]/.test(letter)) {
      const [text] = /^[0-7]{1,3}/.exec(characters.slice(position - 1, position + 2).join(""))!;
      position += text.length - 1;
      const code = Number.parseInt(text, 8);
      if (code > 0o377) throw fail(`the octal escape "\\${text}" above 377`, at);
      return String.fromCodePoint(code);
    }
    if (letter === "N") throw fail("a character by its name, which is not read", at);
    if (/[a-zA-Z0-9]/.test(letter)) throw fail(`the bad escape "\\${letter}"`, at);
    return letter;
  }

  /** The inside of brackets. */
  function set(flags: Flags, at: number): Accepts {
    const isNegative = eat("^");
    const members: Accepts[] = [];
    const member = (): string | Accepts => {
      const start = position;
      if (peek() === undefined) throw fail('a "[" without its "]"', at);
      if (!eat("\\")) return take();
      if (peek() === undefined) throw fail('a "[" without its "]"', at);
      return eat("b") ? "\b" : escaped(flags, start);
    };
    do {
      const start = position;
      const low = member();
      if (peek() !== "-" || peek(1) === "]" || peek(1) === undefined) {
        members.push(typeof low === "string" ? (other) => other === low : low);
        continue;
      }
      position++;
      const high = member();
      if (typeof low !== "string" || typeof high !== "string" || codeOf(low) > codeOf(high))
        throw fail("a bad range of characters", start);
      members.push((other) => codeOf(other) >= codeOf(low) && codeOf(other) <= codeOf(high));
    } while (peek() !== "]" && peek() !== undefined);
    if (!eat("]")) throw fail('a "[" without its "]"', at);
    const accepts = inEitherCase((other) => members.some((accept) => accept(other)), flags);
    return isNegative ? (other) => !accepts(other) : accepts;
  }

  /** Flags for everything: `(?i)` and the like, before anything else. */
  function readStart(): Flags {
    const flags = { ...NO_FLAGS };
    for (;;) {
      if (flags.verbose) skipSpace();
      const found = /^\(\?([a-zA-Z]+)\)/.exec(characters.slice(position).join(""));
      if (found === null) return flags;
      for (const letter of found[1]!) setFlag(flags, letter, true, position);
      position += found[0].length;
    }
  }

  const root = choice(readStart());
  if (peek() !== undefined) throw fail('a ")" without its "("');
  return root;
}

const codeOf = (character: string): number => character.codePointAt(0)!;
