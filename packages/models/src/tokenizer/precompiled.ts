/** SentencePiece's table of replacements, as T5 and XLM-R carry it: a trie over bytes, and the texts that it points to. */
import { type Aligned, rewriting, withText } from "./aligned.ts";
import type { Normalizer } from "./normalizers.ts";
import { PartError } from "./parts.ts";

function decodeBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new PartError('"precompiled_charsmap" of Precompiled is no base64');
  }
}

/** Texts by their begins: the first, shortest entry of the trie that a chunk begins with decides, as in the Rust library. */
function readTable(bytes: Uint8Array): (chunk: string) => string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length < 4 ? Number.NaN : view.getUint32(0, true);
  if (!(size % 4 === 0 && size >= 4 && 4 + size <= bytes.length)) {
    throw new PartError(`"precompiled_charsmap" of Precompiled is cut off: ${bytes.length} bytes`);
  }
  const units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const texts = bytes.subarray(4 + size);
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const offsetOf = (unit: number): number => ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;

  return (chunk) => {
    let node = offsetOf(units[0]!);
    for (const byte of encoder.encode(chunk)) {
      if (byte === 0) return undefined;
      node ^= byte;
      const unit = units[node];
      if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return undefined;
      node ^= offsetOf(unit);
      if (((unit >>> 8) & 1) === 0) continue;
      const start = (units[node] ?? 0) & 0x7fffffff;
      const end = texts.indexOf(0, start);
      return decoder.decode(texts.subarray(start, end === -1 ? texts.length : end));
    }
    return undefined;
  };
}

/** What may stand in one grapheme with its neighbour. Everything else is a grapheme by itself, and needs no segmenter. */
const JOINING =
  /\r\n|[\p{M}\p{Cf}\p{Regional_Indicator}\p{Emoji_Modifier}\p{Grapheme_Extend}\u0e33\u0eb3\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff]/u;

/** The normalizer of a table in base64. */
export function precompiled(charsmap: string): Normalizer {
  if (charsmap === "") return (text) => text;
  const lookUp = readTable(decodeBase64(charsmap));
  const encoder = new TextEncoder();
  const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
  const known = new Map<string, string | null>();

  /** What stands for a character or a grapheme, where it is to be changed. */
  function changed(chunk: string): string | null {
    let found = known.get(chunk);
    if (found === undefined) {
      if (known.size > 20_000) known.clear();
      found = lookUp(chunk) ?? null;
      known.set(chunk, found);
    }
    return found;
  }

  /** What stands for a character that is a grapheme by itself, if that is as wide: most texts change by nothing else. */
  const sameWidth = (character: string): string => {
    const instead = changed(character);
    return instead === null || instead.length === character.length ? (instead ?? character) : "";
  };
  const ascii = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).filter(
    (each) => changed(each) !== null,
  );
  const suspicious = new RegExp(
    `[^\\p{ASCII}]|[${ascii.map((each) => `\\u{${each.charCodeAt(0).toString(16)}}`).join("")}]`,
    "gu",
  );

  return (old: Aligned) => {
    const { text } = old;
    const joins = JOINING.test(text);
    if (!joins) {
      let isSame = true;
      const quick = text.replace(suspicious, (character) => {
        const instead = sameWidth(character);
        if (instead === "" || [...instead].length > 1) isSame = false;
        return instead;
      });
      if (isSame) return withText(old, quick);
    }
    const graphemes = joins ? Array.from(segmenter.segment(text), ({ segment }) => segment) : text;
    const written: { readonly character: string; change: number }[] = [];
    let isChanged = false;
    function put(count: number, instead: string): void {
      isChanged = true;
      const characters = [...instead];
      // What is more than was there is added at the end; what is less is taken away behind the character before.
      characters.forEach((character, i) => {
        written.push({ character, change: i < count ? 0 : 1 });
      });
      const last = written.at(-1);
      if (characters.length < count && last !== undefined) last.change += characters.length - count;
    }
    for (const grapheme of graphemes) {
      const whole = grapheme.length < 6 && encoder.encode(grapheme).length < 6 ? changed(grapheme) : null;
      if (whole !== null) put([...grapheme].length, whole);
      else {
        for (const character of grapheme) {
          const instead = changed(character);
          if (instead === null) written.push({ character, change: 0 });
          else put(1, instead);
        }
      }
    }
    if (!isChanged) return old;
    const writing = rewriting(old);
    for (const { character, change } of written) writing.put(character, change);
    return writing.end();
  };
}
