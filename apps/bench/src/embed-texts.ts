/** Words that are one token each in the vocabularies of BERT's family. */
const WORDS =
  "the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you were all her she there would their we him been has when who will no more if out so up said what its about than into them can only other time new some could these two may first then do any like my now over such our man me even most made after also did many off before must well back through years where much your way down should because long each just state those people too".split(
    " ",
  );

/** Texts of `tokens` tokens each, two special ones included; no two are alike. */
export function textsOf(count: number, tokens: number): string[] {
  return Array.from({ length: count }, (_, row) =>
    Array.from({ length: tokens - 2 }, (_, i) => WORDS[(row * 37 + i * (row + 7)) % WORDS.length]!).join(" "),
  );
}
