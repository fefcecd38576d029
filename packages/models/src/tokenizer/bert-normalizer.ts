/** BERT's normalizer: control characters go, ideographs stand apart, accents and capitals go where the settings say so. */
import type { Part } from "../tokenizer-json.ts";
import { type Aligned, filter, rewriting, withText } from "./aligned.ts";
import { isAscii, isNonspacing, isUnclean } from "./characters.ts";
import type { Normalizer } from "./normalizers.ts";
import { lowercase } from "./normalizers.ts";
import { setting } from "./parts.ts";
import { normalize } from "./unicode.ts";

const UNCLEAN = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\ufffd]/u;
const ODD_SPACE = /(?! )\p{White_Space}/gu;
const IDEOGRAPH =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/u;
const MARK = /[\p{Mn}\u1734\u{1171e}]/u;

function clean(old: Aligned): Aligned {
  const kept = UNCLEAN.test(old.text) ? filter(old, (character) => !isUnclean(character.codePointAt(0)!)) : old;
  return withText(kept, kept.text.replace(ODD_SPACE, " "));
}

function isolateIdeographs(old: Aligned): Aligned {
  if (!IDEOGRAPH.test(old.text)) return old;
  const writing = rewriting(old);
  for (const character of old.text) {
    if (IDEOGRAPH.test(character)) {
      writing.put(" ", 0);
      writing.put(character, 1);
      writing.put(" ", 1);
    } else writing.put(character, 0);
  }
  return writing.end();
}

function stripAccents(old: Aligned): Aligned {
  const decomposed = normalize(old, "NFD");
  return MARK.test(decomposed.text)
    ? filter(decomposed, (character) => !isNonspacing(character.codePointAt(0)!))
    : decomposed;
}

/** The normalizer with the settings of a part. */
export function bertNormalizer(part: Part): Normalizer {
  const cleans = setting(part, "clean_text", "boolean");
  const isolates = setting(part, "handle_chinese_chars", "boolean");
  const lowers = setting(part, "lowercase", "boolean");
  const strips = part["strip_accents"] == null ? lowers : setting(part, "strip_accents", "boolean");
  return (text) => {
    let changed = cleans ? clean(text) : text;
    if (!isAscii(changed.text)) {
      if (isolates) changed = isolateIdeographs(changed);
      if (strips) changed = stripAccents(changed);
    }
    return lowers ? lowercase(changed) : changed;
  };
}
