/** The alphabet of byte-level vocabularies: a visible character for each byte, as GPT-2 has it. */
import { type Aligned, rewriting } from "./aligned.ts";

const isVisible = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

let hidden = 0;
/** The character of each byte. */
const byteCharacters: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  String.fromCharCode(isVisible(byte) ? byte : 256 + hidden++),
);

/** The byte of each of these characters. */
export const bytesOfCharacters: ReadonlyMap<string, number> = new Map(
  byteCharacters.map((character, byte) => [character, byte]),
);

/** The same by the character's code, −1 for others. */
const bytesOfCodes = Int16Array.from(
  { length: 256 + hidden },
  (_, code) => bytesOfCharacters.get(String.fromCharCode(code)) ?? -1,
);

const encoder = new TextEncoder();

/** The bytes that a token's characters stand for. A token with a character of no byte stands for itself. */
export function characterBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = bytesOfCodes[token.charCodeAt(i)] ?? -1;
    if (byte === -1) return encoder.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}

/** A stretch with each byte of its UTF-8 as a character. */
export function toByteCharacters(old: Aligned): Aligned {
  if (/^[!-~]*$/.test(old.text)) return old;
  const writing = rewriting(old);
  for (const character of old.text) {
    encoder.encode(character).forEach((byte, i) => {
      writing.put(byteCharacters[byte]!, i === 0 ? 0 : 1);
    });
  }
  return writing.end();
}
