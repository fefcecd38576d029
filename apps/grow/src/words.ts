const PUNCTUATION = /[!-/:-@[-`{-~\p{P}]/u;
const IDEOGRAPH = /[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/u;

/**
 * The words of a text as BERT's lower-cased tokeniser sees them: no control characters, no accents, lower case; each
 * sign of punctuation and each ideograph is a word.
 *
 * @see Devlin et al. 2018, BERT, arXiv:1810.04805, and the `BasicTokenizer` of its code.
 */
export function splitWords(text: string): readonly string[] {
  const normalised = text
    .replace(/\s/gu, " ")
    .replace(/[\p{C}\ufffd]/gu, "")
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase();
  const words: string[] = [];
  let word = "";
  const finish = (): void => {
    if (word !== "") words.push(word);
    word = "";
  };
  for (const character of normalised) {
    if (character === " ") finish();
    else if (PUNCTUATION.test(character) || IDEOGRAPH.test(character)) {
      finish();
      words.push(character);
    } else word += character;
  }
  finish();
  return words;
}

/** How often each word occurs. */
export function countWords(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) for (const word of splitWords(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
