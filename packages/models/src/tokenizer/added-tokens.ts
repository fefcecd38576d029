/** Added tokens: texts that are found before anything else and stay whole. */
import type { AddedToken } from "../tokenizer-json.ts";
import { aligned } from "./aligned.ts";
import { isSpace, WORD } from "./characters.ts";
import type { Normalizer } from "./normalizers.ts";

/** A part of a text: an added token by its id, or what is between them. */
export interface Found {
  readonly start: number;
  readonly end: number;
  readonly id?: number;
}

/** Whether what stands there is text, although it reads like an added token. */
export type IsText = (token: AddedToken, start: number, end: number) => boolean;

/** Finds added tokens in a text; without any, there is one part, the whole. */
export type Finder = (text: string, isText?: IsText) => readonly Found[];

interface Node {
  readonly next: Map<number, Node>;
  token?: AddedToken;
}

const endsInWord = new RegExp(`[${WORD}]$`, "v");
const beginsInWord = new RegExp(`^[${WORD}]`, "v");

/** Whether the place before or behind a match goes on in a word. */
function isInsideWord(text: string, start: number, end: number): boolean {
  return endsInWord.test(text.slice(Math.max(0, start - 2), start)) || beginsInWord.test(text.slice(end, end + 2));
}

const escapeClass = (codes: Iterable<number>): string =>
  Array.from(codes, (code) => `\\u${code.toString(16).padStart(4, "0")}`).join("");

/** Finds the longest of some texts wherever one begins, from left to right. */
function finderOf(tokens: ReadonlyMap<string, AddedToken>): Finder {
  if (tokens.size === 0) return (text) => [{ start: 0, end: text.length }];
  const root: Node = { next: new Map() };
  for (const [content, token] of tokens) {
    let node = root;
    for (let i = 0; i < content.length; i++) {
      const code = content.charCodeAt(i);
      let child = node.next.get(code);
      if (child === undefined) {
        child = { next: new Map() };
        node.next.set(code, child);
      }
      node = child;
    }
    node.token = token;
  }
  const first = new RegExp(`[${escapeClass(root.next.keys())}]`, "g");

  function longest(
    text: string,
    start: number,
    isText: IsText | undefined,
  ): { readonly token: AddedToken; readonly end: number } | undefined {
    let found: { readonly token: AddedToken; readonly end: number } | undefined;
    let node: Node | undefined = root;
    for (let i = start; i < text.length; ) {
      node = node.next.get(text.charCodeAt(i++));
      if (node === undefined) break;
      if (node.token !== undefined && isText?.(node.token, start, i) !== true) found = { token: node.token, end: i };
    }
    return found;
  }

  return (text, isText) => {
    const parts: Found[] = [];
    let before = 0;
    first.lastIndex = 0;
    for (let candidate = first.exec(text); candidate !== null; candidate = first.exec(text)) {
      const match = longest(text, candidate.index, isText);
      if (match === undefined) continue;
      first.lastIndex = match.end;
      const { token } = match;
      let start = Math.max(candidate.index, before); // blanks that it begins with may be the former token's
      let { end } = match;
      if (token["single_word"] === true && isInsideWord(text, start, end)) continue;
      if (token["lstrip"] === true) while (start > before && isSpace(text.charCodeAt(start - 1))) start--;
      if (token["rstrip"] === true) while (end < text.length && isSpace(text.charCodeAt(end))) end++;
      if (start > before) parts.push({ start: before, end: start });
      parts.push({ start, end, id: token.id });
      before = end;
    }
    if (before < text.length) parts.push({ start: before, end: text.length });
    return parts;
  };
}

/** The added tokens of a tokenizer. */
export interface AddedTokens {
  /** Those that are looked for in the text as it is given. */
  readonly find: Finder;
  /** Those that are looked for in the normalised text; none of them is that form of a token, if it is empty. */
  readonly findNormalized: Finder;
  /** Text of each id, as decoding reads it. */
  readonly texts: ReadonlyMap<number, string>;
  /** Ids by what is written in the file. */
  readonly ids: ReadonlyMap<string, number>;
  /** Texts that decoding may leave out. */
  readonly special: ReadonlySet<string>;
}

/** Reads them. The later one of two with the same text or id counts. */
export function addedTokensOf(tokens: readonly AddedToken[], normalizer: Normalizer | undefined): AddedTokens {
  const byId = new Map(tokens.filter(({ content }) => content !== "").map((token) => [token.id, token]));
  const plain = new Map<string, AddedToken>();
  const normalized = new Map<string, AddedToken>();
  const texts = new Map<number, string>();
  for (const token of byId.values()) {
    const isNormalized = token["normalized"] === true;
    const content = isNormalized && normalizer !== undefined ? normalizer(aligned(token.content)).text : token.content;
    if (content !== "") (isNormalized ? normalized : plain).set(content, token);
    texts.set(token.id, content);
  }
  return {
    find: finderOf(plain),
    findNormalized: finderOf(normalized),
    texts,
    ids: new Map(Array.from(byId.values(), ({ content, id }) => [content, id])),
    special: new Set(tokens.filter((token) => token["special"] === true).map(({ content }) => content)),
  };
}
