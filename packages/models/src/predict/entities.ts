/** Labels of tokens, and tokens joined to words and entities, as transformers' pipeline for token classification joins them. */
import { ConfigError } from "@cambium/base";
import type { HeadConfig } from "../head-config.ts";
import type { Entity } from "../prediction.ts";
import { type Place, tokenPlace } from "../rows/places.ts";
import type { Reading } from "./reading.ts";
import { largestOf, softmax } from "./scores.ts";

/**
 * How labels of tokens become those of words and entities. `"none"`: each token has its own. `"simple"`: neighbours of one label are
 * joined, and `B-` begins another entity. The others first give each word one label: that of its `"first"` token, that of the
 * token which is surest (`"max"`), or that of the mean (`"average"`).
 */
export type Aggregation = "none" | "simple" | "first" | "max" | "average";

const aggregations: readonly Aggregation[] = ["none", "simple", "first", "max", "average"];

type TokenHead = Extract<HeadConfig, { readonly kind: "token-classification" }>;

/** A token of a text, or a word, with the probability of each label. */
interface Piece extends Place {
  readonly scores: readonly number[];
  /** Index of the word that it belongs to. */
  readonly word: number | undefined;
}

/** A piece with its label. */
interface Labelled extends Place {
  readonly label: string;
  readonly score: number;
}

/** Labels of the places of a text. Long texts are read in windows; of a token that two share, the one that shows more around it counts. */
export function entityReading(
  { labels }: TokenHead,
  { aggregation, stride }: { readonly aggregation: Aggregation; readonly stride: number },
): Reading<readonly Piece[], readonly Entity[]> {
  if (!aggregations.includes(aggregation)) {
    throw new ConfigError({
      message: `predictor: aggregation must be one of ${aggregations.join(", ")}, got ${JSON.stringify(aggregation)}`,
      aggregation,
    });
  }
  return {
    windows({ text, pair }, index, { tokenizer, maxLength }) {
      if (pair !== undefined)
        throw new ConfigError({
          message: `predictor: text ${index} is a pair, and labels of tokens are of one text`,
          index,
        });
      return tokenizer.windows(text, undefined, { maxLength, stride, truncation: "end" });
    },
    digest: (scores, { offsets, words, sequences }, { text }) =>
      offsets.flatMap((place, i) =>
        sequences[i] === undefined ? [] : [{ ...tokenPlace(text, place), scores: softmax(scores[i]!), word: words[i] }],
      ),
    combine: (windows, { text }) => {
      const pieces = withoutShared(windows, stride);
      const labelled = aggregation === "none" || aggregation === "simple" ? pieces : wordsOf(pieces, aggregation);
      const each = labelled.map((piece) => labelOf(piece, labels));
      return (aggregation === "none" ? each : joined(each))
        .filter(({ label }) => label !== "O")
        .map(({ label, score, from, to }) => ({ label, score, word: text.slice(from, to), from, to }));
    },
  };
}

/** The tokens of a text, each from the window in which it stands further from the edge. */
function withoutShared(windows: readonly (readonly Piece[])[], stride: number): readonly Piece[] {
  const half = Math.floor(stride / 2);
  return windows.flatMap((pieces, i) => {
    const from = i === 0 ? 0 : half;
    return pieces.slice(from, i === windows.length - 1 ? undefined : pieces.length - (stride - half));
  });
}

function wordsOf(pieces: readonly Piece[], aggregation: Aggregation): readonly Piece[] {
  const groups: Piece[][] = [];
  for (const piece of pieces) {
    const last = groups.at(-1);
    if (last !== undefined && piece.word !== undefined && last[0]!.word === piece.word) last.push(piece);
    else groups.push([piece]);
  }
  return groups.map((group) => ({ ...group[0]!, to: group.at(-1)!.to, scores: ofWord(group, aggregation) }));
}

function ofWord(group: readonly Piece[], aggregation: Aggregation): readonly number[] {
  if (aggregation === "first") return group[0]!.scores;
  if (aggregation === "max") {
    const most = (piece: Piece): number => piece.scores[largestOf(piece.scores)]!;
    return group.reduce((best, piece) => (most(piece) > most(best) ? piece : best)).scores;
  }
  return group[0]!.scores.map((_, i) => group.reduce((sum, { scores }) => sum + scores[i]!, 0) / group.length);
}

function labelOf({ scores, from, to }: Piece, labels: readonly string[]): Labelled {
  const best = largestOf(scores);
  return { label: labels[best]!, score: scores[best]!, from, to };
}

/** A label without what says where in an entity it stands. */
const tagOf = (label: string): string => label.replace(/^[BI]-/, "");

/** Neighbours of one tag become one, with the mean of their scores. */
function joined(pieces: readonly Labelled[]): readonly Labelled[] {
  const groups: Labelled[][] = [];
  for (const piece of pieces) {
    const last = groups.at(-1)?.at(-1);
    const isSame = last !== undefined && tagOf(last.label) === tagOf(piece.label) && !piece.label.startsWith("B-");
    if (isSame) groups.at(-1)!.push(piece);
    else groups.push([piece]);
  }
  return groups.map((group) => ({
    label: tagOf(group[0]!.label),
    score: group.reduce((sum, { score }) => sum + score, 0) / group.length,
    from: group[0]!.from,
    to: group.at(-1)!.to,
  }));
}
