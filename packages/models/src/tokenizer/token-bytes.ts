/** Tokens as bytes of a text, where the decoder takes them one by one. */
import type { Part } from "../tokenizer-json.ts";
import { characterBytes } from "./bytes.ts";
import { fallbackByte } from "./decoders.ts";
import { partList, setting } from "./parts.ts";
import { matchesOf, toRegExp } from "./pattern.ts";

/** What a decoder does to a token: another text, or its bytes. */
type Step = (token: string) => string | Uint8Array;

/** The steps of a decoder; `undefined` where one of them looks at other tokens. */
function stepsOf(part: Part): readonly Step[] | undefined {
  switch (part.type) {
    case "ByteLevel":
      return [characterBytes];
    case "ByteFallback":
      return [
        (token) => {
          const byte = fallbackByte(token);
          return byte === undefined ? token : Uint8Array.of(byte);
        },
      ];
    case "Fuse":
    case "Strip": // of all tokens together: the start of the text
      return [];
    case "Metaspace": {
      const mark = setting(part, "replacement", "string");
      return [(token) => token.replaceAll(mark, " ")];
    }
    case "Replace": {
      const pattern = toRegExp(part["pattern"]);
      const content = setting(part, "content", "string");
      return [
        (token) =>
          matchesOf(token, pattern)
            .map(({ start, end, isMatch }) => (isMatch ? content : token.slice(start, end)))
            .join(""),
      ];
    }
    case "Sequence": {
      const parts = partList(part, "decoders").map(stepsOf);
      return parts.includes(undefined) ? undefined : parts.flatMap((each) => each!);
    }
    default:
      return undefined;
  }
}

const encoder = new TextEncoder();

/** From a token to the bytes that it adds behind others; `undefined` where that depends on them. */
export function tokenBytesOf(part: Part | null | undefined): ((token: string) => Uint8Array) | undefined {
  const steps = part == null ? undefined : stepsOf(part);
  if (steps === undefined) return undefined;
  return (token) => {
    let text: string | Uint8Array = token;
    for (const step of steps) if (typeof text === "string") text = step(text);
    return typeof text === "string" ? encoder.encode(text) : text;
  };
}
