/**
 * Unicode's normal forms with the places of characters. The engine knows the forms but not what became of which character, so text
 * that a form changes is taken apart here: each character decomposed by the engine, marks sorted by their class, and pairs
 * composed by it again.
 */
import { type Aligned, rewriting } from "./aligned.ts";
import { isAscii } from "./characters.ts";

/** A normal form. */
export type Form = "NFC" | "NFD" | "NFKC" | "NFKD";

/** Marks of every combining class but 0 and 240, in the order of their classes. */
const CLASSES =
  "\u0334\u{16ff0}\u093c\u3099\u094d\u05b0\u05b1\u05b2\u05b3\u05b4\u05b5\u05b6\u05b7\u05b8\u05b9\u05bb\u05bc\u05bd\u05bf\u05c1\u05c2\ufb1e\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0670\u0711\u0c55\u0c56\u0e38\u0e48\u0eb8\u0ec8\u0f71\u0f72\u0f74\u0321\u1dce\u031b\u302a\u0316\u302d\u302e\u{1d16d}\u05ae\u0300\u0315\u035c\u035d";
const LAST = "\u0345"; // of class 240, the last
const marks = [...CLASSES];

const isAfter = (first: string, second: string): boolean => (first + second).normalize("NFD") === second + first;

/** Where a character sorts among the marks behind a letter: 0 for what does not move. */
function rankOf(character: string): number {
  if (character === LAST) return marks.length + 1;
  if (character < "\u0300" || !isAfter(LAST, character)) return 0;
  return marks.findLastIndex((mark) => isAfter(character, mark)) + 2;
}

function memo<T>(make: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    let value = known.get(key);
    if (value === undefined) {
      if (known.size > 20_000) known.clear();
      value = make(key);
      known.set(key, value);
    }
    return value;
  };
}

const rank = memo(rankOf);
const canonical = memo((character) => [...character.normalize("NFD")]);
const compatible = memo((character) => [...character.normalize("NFKD")]);
/** The one character that two are composed to, or nothing. */
const composed = memo((pair) => {
  const whole = pair.normalize("NFC");
  return [...whole].length === 1 ? whole : "";
});

interface Piece {
  character: string;
  change: number;
  readonly rank: number;
}

/** All characters decomposed, marks in order. */
function decompose(text: string, partsOf: (character: string) => readonly string[]): Piece[] {
  const pieces: Piece[] = [];
  let pending = 0; // where the marks begin that are still to be sorted
  const sort = (): void => {
    if (pieces.length - pending < 2) return;
    const sorted = pieces.slice(pending).sort((a, b) => a.rank - b.rank);
    sorted.forEach((piece, i) => {
      pieces[pending + i] = piece;
    });
  };
  for (const character of text) {
    partsOf(character).forEach((part, i) => {
      const piece = { character: part, change: i === 0 ? 0 : 1, rank: rank(part) };
      if (piece.rank === 0) sort();
      pieces.push(piece);
      if (piece.rank === 0) pending = pieces.length;
    });
  }
  sort();
  return pieces;
}

/** Letters composed with what stands behind them, as far as no mark of the same class stands between. */
function compose(pieces: readonly Piece[]): Piece[] {
  const done: Piece[] = [];
  let letter: Piece | undefined;
  let last = 0; // rank of the last mark that was left behind the letter
  for (const piece of pieces) {
    const isBlocked = last !== 0 && last >= piece.rank;
    const whole = letter === undefined || isBlocked ? "" : composed(letter.character + piece.character);
    if (letter !== undefined && whole !== "") {
      letter.character = whole;
      letter.change += piece.change - 1;
      continue;
    }
    const kept = { ...piece };
    done.push(kept);
    if (piece.rank === 0) {
      letter = kept;
      last = 0;
    } else if (letter !== undefined) last = piece.rank;
  }
  return done;
}

/** A stretch in a normal form. */
export function normalize(old: Aligned, form: Form): Aligned {
  if (isAscii(old.text) || old.text.normalize(form) === old.text) return old;
  const pieces = decompose(old.text, form.startsWith("NFK") ? compatible : canonical);
  const writing = rewriting(old);
  for (const { character, change } of form.endsWith("D") ? pieces : compose(pieces)) writing.put(character, change);
  return writing.end();
}
