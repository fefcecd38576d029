/**
 * Characters that the Rust library does not count among marks, punctuation or control characters, because its tables are from before
 * Unicode had them (versions 8 and 9). Found by asking it for every character; left out here, so that ids are equal.
 */

/** Ranges as a text: the distance from the range before, and after a plus how many more there are, in base 36. */
function readRanges(text: string): ReadonlySet<number> {
  const codes = new Set<number>();
  let last = 0;
  for (const range of text.split(" ")) {
    const [distance, more = "0"] = range.split("+");
    last += Number.parseInt(distance!, 36);
    for (let i = 0; i <= Number.parseInt(more, 36); i++) codes.add(last + i);
    last += Number.parseInt(more, 36);
  }
  return codes;
}

/** Unknown to BERT's normalizer and to pre-tokenizers. */
export const newerThanCategories: ReadonlySet<number> = readRanges(
  "17h dc 43+1 6+8 17+o 7v+1 3c 3o+5 2e 4v 1k 1n d 3g 1n+1 1x 8p k 1tt 3a+1 ft+u 3+b 2r+1 1a+2 hj+5 37s+c 3+b o27 49 1m 5a jmv+3 1u+5 8t+2 z 16+5 1z+a 5+4 15+7 6f 3+1 26 b 70 6 33 3 6y 3k+5 e 2 2 2+1 2+1 9+1 2e+7 3+2 2 5+4 b+1 2+1 ea+c 25 ae+8 2+2 74+1 2 5+3 3y+3 3+1 5 2 v+9 15+5 3+c a+5 3+2 1b+c 2+4 2+4 2m+9 2f 2+2 2 3f 27+6 2+5 2 2+4 17+1 x+l 3+6 2+1 2+1 3f+5 4 2+1 2+6 2 21+1 4 2 9o+1 3+1 8+1 1h+4 6 2+d b 4l 35e+1 u6+g 7+e 8uh+b 4+2 2f2+2 88+3 51 43 2 isc+19 3+m 3ay+6 2+g 3+6 2+1 2+4 2t 4h+6 ag 1q+3 e5+3 73+1 g 6c 3 8+1 6 gf+6 k+1",
);

/** Unknown to the normalizer StripAccents. */
export const newerThanMarks: ReadonlySet<number> = readRanges(
  "1kt 4a+8 17+9 8b 70+5 2e 4v 1k 53 d 1n+1 1x 8p k 1mv 6y j4+u 3+b ek 73+4 raq 5v js5+3 1u+4 8u+1 26+5 1z+a 1e+3 6j 3+1 26 3n+1 3n 5+1 36 6y 3h+8 2 3 2+3 2+4 2 f+1 3g r2+e 6u+5 2+1 3+3 2 2+1 3y+6 3+6 4 t+9 15+6 2+3 9 a+a 1b+f 5j+7 cq+5 4 2+1 2+6 2 1v+4 2+1 2+4 9o+3 a+1 2 1d+6 4+4 o 44m 7+e 8uh+h 2sg 1c+8 2l c+1 irz+19 3+m 3ex 4h+6 ag 1q+3 e5+3 73+1 6s 3 8+1 6",
);
