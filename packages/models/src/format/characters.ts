/** Sets of characters as the text of JSON strings has them. */
import { bytes, choice, choiceOf, type Expression, literal, sequence } from "./expression.ts";

/** Code points, both ends included. */
export type Range = readonly [from: number, to: number];

/** The last character of one unit in UTF-16; those behind it count as one or two, depending on who counts. */
const LAST_BASIC = 0xffff;
const SURROGATES: Range = [0xd800, 0xdfff];

/** Sorted, without overlaps. */
function joined(ranges: readonly Range[]): Range[] {
  const found: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = found.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else found.push([from, to]);
  }
  return found;
}

/** All other characters up to U+FFFF. */
export function complement(ranges: readonly Range[]): Range[] {
  const found: Range[] = [];
  let next = 0;
  for (const [from, to] of joined([...ranges, SURROGATES])) {
    if (from > next) found.push([next, Math.min(from - 1, LAST_BASIC)]);
    next = Math.max(next, to + 1);
  }
  if (next <= LAST_BASIC) found.push([next, LAST_BASIC]);
  return found;
}

/** The last code points of one, two, three and four bytes. */
const ENDS = [0x7f, 0x7ff, 0xffff, 0x10ffff];

const encoder = new TextEncoder();
const utf8 = (code: number): Uint8Array => encoder.encode(String.fromCodePoint(code));

/** Characters of one number of bytes, byte by byte. */
function ofBytes(from: Uint8Array, to: Uint8Array): Expression {
  const [a, b] = [from[0]!, to[0]!];
  if (from.length === 1) return bytes([a, b]);
  const [lowest, highest] = [from.slice(1).fill(0x80), from.slice(1).fill(0xbf)];
  const [restFrom, restTo] = [from.subarray(1), to.subarray(1)];
  if (a === b) return sequence(bytes([a, a]), ofBytes(restFrom, restTo));
  const options = [
    sequence(bytes([a, a]), ofBytes(restFrom, highest)),
    sequence(bytes([b, b]), ofBytes(lowest, restTo)),
  ];
  if (b - a > 1) options.push(sequence(bytes([a + 1, b - 1]), ofBytes(lowest, highest)));
  return choiceOf(options);
}

const ESCAPES: Readonly<Record<number, string>> = {
  ...{ 8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\" },
};

/** How a character that may not stand as it is does. */
const escaped = (code: number): Expression => literal(ESCAPES[code] ?? `\\u${code.toString(16).padStart(4, "0")}`);

const isEscaped = (code: number): boolean => code < 0x20 || code === 34 || code === 92;

/** One character of some, in a JSON string; nothing where there are none. */
export function characterOf(ranges: readonly Range[]): Expression | undefined {
  const options: Expression[] = [];
  const plain: Range[] = [];
  for (const [from, to] of joined(ranges)) {
    for (let code = from; code <= Math.min(to, 0x7f); code++) {
      if (isEscaped(code)) options.push(escaped(code));
      else plain.push([code, code]);
    }
    for (let i = 1; i < ENDS.length; i++) {
      for (const [low, high] of [
        [Math.max(from, ENDS[i - 1]! + 1), Math.min(to, ENDS[i]!, SURROGATES[0] - 1)],
        [Math.max(from, ENDS[i - 1]! + 1, SURROGATES[1] + 1), Math.min(to, ENDS[i]!)],
      ] as const) {
        if (low <= high) options.push(ofBytes(utf8(low), utf8(high)));
      }
    }
  }
  if (plain.length > 0) options.push(bytes(...plain));
  return options.length === 0 ? undefined : choice(...new Set(options));
}
