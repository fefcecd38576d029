/**
 * Unigram: of all ways to take a text apart, the one whose pieces have the largest sum of scores.
 *
 * @see Kudo 2018, Subword Regularization, arXiv:1804.10959, section 3.2; the search is that of Viterbi.
 */
import type { TokenizerJson } from "../tokenizer-json.ts";
import { widthAt } from "./aligned.ts";
import type { WordModel } from "./models.ts";
import { PairTable } from "./pair-table.ts";
import { PartError } from "./parts.ts";

/** How much worse than the worst piece an unknown character is. */
const UNKNOWN_PENALTY = 10;

/** Pieces and their scores, in the order of their ids. */
function scoresOf(vocab: unknown): Float64Array {
  const scores = (vocab as readonly (readonly [unknown, unknown])[]).map(([, score]) => score);
  const wrong = scores.findIndex((score) => typeof score !== "number");
  if (wrong >= 0) throw new PartError(`piece ${wrong} of the Unigram model must be a text and a score`);
  return Float64Array.from(scores as number[]);
}

/** A Unigram model as `tokenizer.json` describes it. */
export function unigram(model: TokenizerJson["model"], vocabulary: ReadonlyMap<string, number>): WordModel {
  if (!Array.isArray(model.vocab)) throw new PartError("the vocabulary of a Unigram model must be a list");
  const scores = scoresOf(model.vocab);
  const unknown = model.unk_id ?? undefined;
  if (unknown !== undefined && !(unknown >= 0 && unknown < scores.length)) {
    throw new PartError(`unk_id ${unknown} is no piece of the Unigram model`);
  }
  const unknownScore =
    scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY;
  const edges = new PairTable(4 * scores.length);
  const idOfNode: number[] = [-1];
  for (const [piece, id] of vocabulary) {
    let node = 0;
    for (let i = 0; i < piece.length; i++) {
      const code = piece.charCodeAt(i);
      let child = edges.get(node, code);
      if (child < 0) {
        child = idOfNode.length;
        idOfNode.push(-1);
        edges.set(node, code, child);
      }
      node = child;
    }
    idOfNode[node] = id;
  }
  const bytes =
    model["byte_fallback"] === true
      ? Array.from({ length: 256 }, (_, byte) =>
          vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
        )
      : undefined;
  const encoder = new TextEncoder();

  /** Where each piece of the best way begins, and its id: by where it ends. */
  function search(text: string): { readonly begins: Int32Array; readonly ids: Int32Array } {
    const { length } = text;
    const best = new Float64Array(length + 1);
    const begins = new Int32Array(length + 1).fill(-1);
    const ids = new Int32Array(length + 1);
    for (let start = 0; start < length; ) {
      const width = widthAt(text, start);
      const before = best[start]!;
      let isKnown = false;
      for (let end = start, node = 0; end < length; ) {
        node = edges.get(node, text.charCodeAt(end++));
        if (node < 0) break;
        const id = idOfNode[node]!;
        if (id < 0) continue;
        if (end - start === width) isKnown = true;
        const score = scores[id]! + before;
        if (begins[end] === -1 || score > best[end]!) {
          best[end] = score;
          begins[end] = start;
          ids[end] = id;
        }
      }
      const end = start + width;
      if (!isKnown && (begins[end] === -1 || unknownScore + before > best[end]!)) {
        best[end] = unknownScore + before;
        begins[end] = start;
        ids[end] = unknown ?? -1;
      }
      start = end;
    }
    return { begins, ids };
  }

  return (word, lacks) => {
    const { begins, ids: found } = search(word);
    const ids: number[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    const add = (id: number, start: number, end: number): void => {
      ids.push(id);
      starts.push(start);
      ends.push(end);
    };
    for (let end = word.length; end > 0; ) {
      let start = begins[end]!;
      const id = found[end]!;
      if (id === -1) add(lacks(word.slice(start, end)), start, end);
      else if (id !== unknown) add(id, start, end);
      else {
        while (start > 0 && found[start] === unknown) start = begins[start]!; // unknown characters side by side are one token
        const text = word.slice(start, end);
        const parts = bytes === undefined ? [] : Array.from(encoder.encode(text), (byte) => bytes[byte]);
        const known = vocabulary.get(text);
        if (known === undefined && parts.length > 0 && parts.every((part) => part !== undefined)) {
          for (const part of parts.reverse()) add(part!, start, end);
        } else add(known ?? id, start, end);
      }
      end = start;
    }
    return { ids: ids.reverse(), starts: starts.reverse(), ends: ends.reverse() };
  };
}
