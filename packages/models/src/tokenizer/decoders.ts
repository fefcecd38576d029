/**
 * Decoders: tokens to text. Each is written for tokens that come one by one, and gives text as soon as nothing that follows can
 * change it; decoding a whole list is the same, so that both give equal texts.
 */
import type { Part } from "../tokenizer-json.ts";
import { characterBytes } from "./bytes.ts";
import { partList, setting, unknownPart } from "./parts.ts";
import { matchesOf, toRegExp } from "./pattern.ts";
import { schemeOf } from "./pre-tokenizers.ts";

/** Takes parts of tokens: `isFirst` and `isLast` say whether the token begins or ends with this part. */
export interface Sink {
  put(text: string, isFirst: boolean, isLast: boolean): void;
  end(): void;
}

/** Makes a sink that passes on what it makes of its tokens. */
export type Decoder = (next: Sink) => Sink;

/** A decoder that changes tokens one by one; `index` counts them. */
function byToken(change: (token: string, index: number) => string): Decoder {
  return (next) => {
    let held = "";
    let index = 0;
    return {
      put(text, isFirst, isLast) {
        held = isFirst ? text : held + text;
        if (isLast) next.put(change(held, index++), true, true);
      },
      end: () => next.end(),
    };
  };
}

/** English blanks as people write them. */
function cleanUp(text: string): string {
  if (!/ [.?!,'nd]/.test(text)) return text; // as most tokens
  return text
    .replaceAll(" .", ".")
    .replaceAll(" ?", "?")
    .replaceAll(" !", "!")
    .replaceAll(" ,", ",")
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(" do not", " don't")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");
}

/** Bytes of a token, and its text where they are whole characters. */
interface Bytes {
  readonly bytes: Uint8Array;
  readonly text: string | undefined;
}

/** A token of byte characters. */
function bytesOf(token: string): Bytes {
  const bytes = characterBytes(token);
  try {
    return { bytes, text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { bytes, text: undefined };
  }
}

/** All tokens as one text of bytes. */
function byteLevel(): Decoder {
  const known = new Map<string, Bytes>();
  return (next) => {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    let isFirst = true;
    let isOpen = false; // whether a character may have begun
    let held = "";
    const pass = (text: string, isLast: boolean): void => {
      if (text === "" && !isLast) return;
      next.put(text, isFirst, isLast);
      isFirst = false;
    };
    return {
      put(text, isFirstPart, isLast) {
        held = isFirstPart ? text : held + text;
        if (!isLast) return;
        let found = known.get(held);
        if (found === undefined) {
          if (known.size >= 100_000) known.clear();
          found = bytesOf(held);
          known.set(held, found);
        }
        if (!isOpen && found.text !== undefined) pass(found.text, false);
        else pass(decoder.decode(found.bytes, { stream: true }), false);
        isOpen = found.text === undefined;
      },
      end() {
        pass(decoder.decode(), true);
        next.end();
      },
    };
  };
}

/** The byte that a token such as <0xE2> stands for. */
export function fallbackByte(token: string): number | undefined {
  const [, code] = /^<0x([0-9a-fA-F]{2}|\+[0-9a-fA-F])>$/.exec(token) ?? [];
  return code === undefined ? undefined : Number.parseInt(code, 16);
}

/** Tokens such as <0xE2> as the characters of their bytes: a run of them that is no UTF-8 is one � for each. */
const byteFallback: Decoder = (next) => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let run: number[] = [];
  function flush(): void {
    if (run.length === 0) return;
    try {
      next.put(decoder.decode(Uint8Array.from(run)), true, true);
    } catch {
      for (const _ of run) next.put("\ufffd", true, true);
    }
    run = [];
  }
  let held = "";
  return {
    put(text, isFirst, isLast) {
      held = isFirst ? text : held + text;
      if (!isLast) return;
      const byte = fallbackByte(held);
      if (byte !== undefined) run.push(byte);
      else {
        flush();
        next.put(held, true, true);
      }
    },
    end() {
      flush();
      next.end();
    },
  };
};

/** All tokens as one. */
const fuse: Decoder = (next) => {
  let isFirst = true;
  return {
    put(text) {
      if (text === "") return;
      next.put(text, isFirst, false);
      isFirst = false;
    },
    end() {
      next.put("", isFirst, true);
      next.end();
    },
  };
};

/** At most so many of a character cut off both ends of each token. */
function strip(part: Part): Decoder {
  const content = setting(part, "content", "string");
  const start = setting(part, "start", "number");
  const stop = setting(part, "stop", "number");
  return (next) => {
    let left = 0; // how many may still go
    let isBegun = false;
    let tail = ""; // what may still go at the end
    return {
      put(text, isFirst, isLast) {
        if (isFirst) {
          left = start;
          isBegun = false;
          tail = "";
        }
        let rest = tail + text;
        let from = 0;
        if (tail === "")
          while (left > 0 && rest.startsWith(content, from)) {
            from += content.length;
            left--;
          }
        if (from < rest.length) left = 0;
        rest = rest.slice(from);
        let kept = rest.length;
        for (let i = 0; i < stop && kept > 0 && rest.endsWith(content, kept); i++) kept -= content.length;
        tail = isLast ? "" : rest.slice(kept);
        rest = rest.slice(0, kept);
        if (rest === "" && !isLast) return;
        next.put(rest, !isBegun, isLast);
        isBegun = true;
      },
      end: () => next.end(),
    };
  };
}

/** Each word's mark as a blank; none in front of the first token. */
function metaspace(part: Part): Decoder {
  const mark = setting(part, "replacement", "string");
  const scheme = schemeOf(part);
  return byToken((token, index) => token.replaceAll(mark, index === 0 && scheme !== "never" ? "" : " "));
}

/** The mark at the end of words as a blank, but for the last token. */
function suffixes(part: Part): Decoder {
  const suffix = setting(part, "suffix", "string", "</w>");
  return (next) => {
    let held: string | undefined;
    let token = "";
    return {
      put(text, isFirst, isLast) {
        token = isFirst ? text : token + text;
        if (!isLast) return;
        if (held !== undefined) next.put(held.replaceAll(suffix, " "), true, true);
        held = token;
      },
      end() {
        if (held !== undefined) next.put(held.replaceAll(suffix, ""), true, true);
        next.end();
      },
    };
  };
}

/** Of a token that repeats, one is left; what pads goes. */
function ctc(part: Part): Decoder {
  const pad = setting(part, "pad_token", "string", "<pad>");
  const delimiter = setting(part, "word_delimiter_token", "string", "|");
  const cleans = setting(part, "cleanup", "boolean", true);
  return (next) => {
    let last: string | undefined;
    let token = "";
    return {
      put(text, isFirst, isLast) {
        token = isFirst ? text : token + text;
        if (!isLast || token === last) return;
        last = token;
        const kept = token.replaceAll(pad, "");
        const cleaned = cleans ? cleanUp(kept).replaceAll(delimiter, " ") : kept;
        if (cleaned !== "") next.put(cleaned, true, true);
      },
      end: () => next.end(),
    };
  };
}

const decoders: Readonly<Record<string, (part: Part) => Decoder>> = {
  BPEDecoder: suffixes,
  ByteFallback: () => byteFallback,
  ByteLevel: byteLevel,
  CTC: ctc,
  Fuse: () => fuse,
  Metaspace: metaspace,
  Replace(part) {
    const pattern = toRegExp(part["pattern"]);
    const content = setting(part, "content", "string");
    return byToken((token) =>
      matchesOf(token, pattern)
        .map(({ start, end, isMatch }) => (isMatch ? content : token.slice(start, end)))
        .join(""),
    );
  },
  Sequence(part) {
    const steps = partList(part, "decoders").map((each) => decoderOf(each));
    return (next) => steps.reduceRight((sink, step) => step(sink), next);
  },
  Strip: strip,
  WordPiece(part) {
    const prefix = setting(part, "prefix", "string", "##");
    const cleans = setting(part, "cleanup", "boolean", true);
    return byToken((token, index) => {
      const joined = index === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return cleans ? cleanUp(joined) : joined;
    });
  },
};

/** Without a decoder, tokens stand apart by a blank. */
const spaced: Decoder = byToken((token, index) => (index === 0 ? token : ` ${token}`));

/** The decoder that a part describes. */
export function decoderOf(part: Part | null | undefined): Decoder {
  if (part == null) return spaced;
  const make = Object.hasOwn(decoders, part.type) ? decoders[part.type] : undefined;
  if (make === undefined) throw unknownPart("decoder", part, decoders);
  return make(part);
}
