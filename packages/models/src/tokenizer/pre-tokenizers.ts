/** Pre-tokenizers: cut a normalised text into words, which the model takes one by one. */
import type { Part } from "../tokenizer-json.ts";
import { type Aligned, prepend, slice } from "./aligned.ts";
import { toByteCharacters } from "./bytes.ts";
import { type CharacterClass, isNumeric, isPunctuation, isSpace, WHITE_SPACE, WORD } from "./characters.ts";
import { replace } from "./normalizers.ts";
import { choice, PartError, partList, setting, unknownPart } from "./parts.ts";
import { matchesOf, toRegExp } from "./pattern.ts";
import { type Behavior, behaviors, characterMatches, cutInto, rangesOf } from "./splits.ts";

/** Cuts a stretch: appends its parts. */
export type Step = (text: Aligned, out: Aligned[]) => void;

/** The steps of a pre-tokenizer. */
export interface PreTokenizer {
  readonly steps: readonly Step[];
  /** Whether the words that come out become the characters of their bytes, at the very end. */
  readonly isByteLevel: boolean;
}

/** GPT-2's words: https://github.com/openai/gpt-2, `encoder.py`. */
const GPT2 = { Regex: String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` };

function byPattern(pattern: RegExp, behavior: Behavior, inverted = false): Step {
  return (whole, out) => {
    const matches = matchesOf(whole.text, pattern);
    const turned = inverted ? matches.map((match) => ({ ...match, isMatch: !match.isMatch })) : matches;
    cutInto(whole, rangesOf(turned, behavior), out);
  };
}

function byCharacter(isMatch: CharacterClass, behavior: Behavior): Step {
  return (whole, out) => cutInto(whole, rangesOf(characterMatches(whole.text, isMatch), behavior), out);
}

/** Words between white space and signs of punctuation, which are words themselves. */
const bertStep: Step = (whole, out) => {
  const { text } = whole;
  let start = 0;
  const end = (index: number): void => {
    if (index > start) out.push(slice(whole, start, index));
  };
  for (let i = 0; i < text.length; ) {
    const code = text.codePointAt(i)!;
    const width = code > 0xffff ? 2 : 1;
    const isGap = isSpace(code);
    if (isGap || isPunctuation(code)) {
      end(i);
      if (!isGap) out.push(slice(whole, i, i + width));
      start = i + width;
    }
    i += width;
  }
  end(text.length);
};

function metaspace(part: Part): Step {
  const mark = setting(part, "replacement", "string");
  if ([...mark].length !== 1) throw new PartError(`"replacement" of Metaspace must be one character, got "${mark}"`);
  const scheme = schemeOf(part);
  const splits = setting(part, "split", "boolean", true);
  const space = toRegExp({ String: " " });
  const code = mark.codePointAt(0)!;
  return (whole, out) => {
    let marked = whole.text.includes(" ") ? replace(whole, space, mark) : whole;
    const isFirst = scheme === "always" || (scheme === "first" && whole.origin === 0);
    if (isFirst && !marked.text.startsWith(mark)) marked = prepend(marked, mark);
    if (!splits || !marked.text.includes(mark, mark.length)) out.push(marked);
    else
      cutInto(
        marked,
        rangesOf(
          characterMatches(marked.text, (each) => each === code),
          "MergedWithNext",
        ),
        out,
      );
  };
}

/** Where a metaspace is put in front, of a pre-tokenizer or a decoder. */
export function schemeOf(part: Part): "always" | "first" | "never" {
  const scheme = choice(part, "prepend_scheme", ["always", "first", "never"], "always");
  if (part["add_prefix_space"] !== false || scheme === "never") return scheme;
  if (part["prepend_scheme"] == null) return "never";
  throw new PartError(`"add_prefix_space" of Metaspace contradicts "prepend_scheme"`);
}

/** The same for each stretch, without cutting. */
const each =
  (change: (text: Aligned) => Aligned): Step =>
  (whole, out) => {
    out.push(change(whole));
  };

const plain = (...steps: Step[]): PreTokenizer => ({ steps, isByteLevel: false });

const preTokenizers: Readonly<Record<string, (part: Part) => PreTokenizer>> = {
  BertPreTokenizer: () => plain(bertStep),
  ByteLevel(part) {
    const steps: Step[] = [];
    if (setting(part, "add_prefix_space", "boolean")) {
      steps.push(each((text) => (text.text.startsWith(" ") ? text : prepend(text, " "))));
    }
    if (setting(part, "use_regex", "boolean", true)) steps.push(byPattern(toRegExp(GPT2), "Isolated"));
    return { steps, isByteLevel: true };
  },
  CharDelimiterSplit(part) {
    const delimiter = setting(part, "delimiter", "string").codePointAt(0);
    return plain(byCharacter((code) => code === delimiter, "Removed"));
  },
  Digits(part) {
    const isOneByOne = setting(part, "individual_digits", "boolean");
    return plain(byCharacter(isNumeric, isOneByOne ? "Isolated" : "Contiguous"));
  },
  FixedLength(part) {
    const length = setting(part, "length", "number", 5);
    if (!(Number.isInteger(length) && length > 0)) throw new PartError(`"length" of FixedLength must be at least 1`);
    return plain(byPattern(new RegExp(`.{1,${length}}`, "gsu"), "Isolated"));
  },
  Metaspace: (part) => plain(metaspace(part)),
  Punctuation: (part) => plain(byCharacter(isPunctuation, choice(part, "behavior", behaviors, "Isolated"))),
  Sequence: (part) => partList(part, "pretokenizers").map(preTokenizerOf).reduce(join, plain()),
  Split(part) {
    const inverted = setting(part, "invert", "boolean");
    return plain(byPattern(toRegExp(part["pattern"]), choice(part, "behavior", behaviors), inverted));
  },
  Whitespace: () => plain(byPattern(new RegExp(`[${WORD}]+|[^${WORD}${WHITE_SPACE}]+`, "gv"), "Removed", true)),
  WhitespaceSplit: () => plain(byCharacter(isSpace, "Removed")),
};

/** One pre-tokenizer behind another. */
function join(first: PreTokenizer, second: PreTokenizer): PreTokenizer {
  const between = first.isByteLevel ? [each(toByteCharacters)] : [];
  return { steps: [...first.steps, ...between, ...second.steps], isByteLevel: second.isByteLevel };
}

/** The pre-tokenizer that a part describes. */
export function preTokenizerOf(part: Part): PreTokenizer {
  const make = Object.hasOwn(preTokenizers, part.type) ? preTokenizers[part.type] : undefined;
  if (make === undefined) throw unknownPart("pre-tokenizer", part, preTokenizers);
  return make(part);
}
