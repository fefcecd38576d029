/**
 * One text on its way: it is given scores, chooses an id, says which text became certain by it, and knows when it has ended.
 * Nothing here runs a model, so that rows of all settings share the passes of one.
 */
import type { Random } from "@cambium/core";
import type { DecodeStream } from "../tokenizer/decode.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { Constraint } from "./constraint.ts";
import { bestOf, filter, idAt, logSumExp, penalise, topIds } from "./scores.ts";
import type { Decoding } from "./settings.ts";
import { stopWatch } from "./stop.ts";

/** A token that might have stood in the place of another, and its log-probability in nats. */
export interface Alternative {
  readonly id: number;
  /** The token's text; � for what is no whole character. */
  readonly text: string;
  readonly logProbability: number;
}

/** A token that was generated, where log-probabilities are asked for. */
export interface ScoredToken extends Alternative {
  /** The likeliest tokens in its place, the likeliest first. */
  readonly alternatives: readonly Alternative[];
}

/** Why a text ended: an end that was asked for, the most tokens, or the caller's signal. */
export type Finish = "stop" | "length" | "aborted";

/** Some more of a text. */
export interface TextPiece {
  /** Text that nothing behind it can change any more; may be empty. */
  readonly text: string;
  /** The token that was generated; absent in what was held back until the end. */
  readonly id?: number;
  /** That token, where log-probabilities are asked for. */
  readonly token?: ScoredToken;
}

/** A text that has ended. */
export interface Generated {
  /** Without stop strings and, by default, special tokens; without a character at its end of which only a part was generated. */
  readonly text: string;
  /** What was generated, stop strings included, without an id that ended it. */
  readonly ids: readonly number[];
  readonly finish: Finish;
  /** The stop string or the id that ended it, where one did. */
  readonly stop?: string | number;
  /** Tokens of `ids` with their log-probabilities, where these are asked for. */
  readonly tokens?: readonly ScoredToken[];
  /** Tokens: of the prompt, those of them that a kept prefix had read, and generated ones, an id that ended it included. */
  readonly usage: { readonly prompt: number; readonly cached: number; readonly generated: number };
  /** Of a search: log-probability of the ids, the end included, over their count to the power of `lengthPenalty`. */
  readonly score?: number;
}

/** What a row begins with. */
export interface RowStart {
  readonly caller: string;
  readonly tokenizer: Tokenizer;
  readonly decoding: Decoding;
  /** Ids that stand before: what penalties see beside what is generated. */
  readonly ids: readonly number[];
  readonly usage: { readonly prompt: number; readonly cached: number };
  /** Where this row draws from. */
  readonly random: Random | undefined;
  /** Most tokens, where the model's positions end. */
  readonly room: number;
  /** The text goes on from the prompt, so that blanks between them count. */
  readonly continues: boolean;
  readonly constraint: Constraint | undefined;
}

/** A text on its way. */
export interface Row {
  /**
   * Chooses the next id by scores, which it changes.
   *
   * @returns What became certain, in pieces; and the id that is to be read next, unless the text has ended.
   * @throws {StateError} When the scores are not finite.
   */
  take(scores: Float32Array): { readonly pieces: readonly TextPiece[]; readonly id?: number };
  /** Ends it from outside. */
  abort(): readonly TextPiece[];
  /** The text, once it has ended. */
  readonly result: Generated | undefined;
}

/** A stream that stands behind the prompt: it gives only what is new. */
export function streamBehind({ tokenizer, decoding, ids, continues, constraint }: RowStart): DecodeStream {
  const options = { skipSpecial: decoding.skipSpecial, ...(constraint !== undefined && { cleanUp: false }) };
  const stream = tokenizer.decodeStream(options);
  if (!continues) return stream;
  let before = 0;
  for (const id of ids) before += stream.push(id).length;
  const held = tokenizer.decode(ids, options).slice(before);
  let skipped = /^\ufffd*$/.test(held) ? 0 : held.length; // what a begun character becomes is new
  const cut = (text: string): string => {
    const rest = text.slice(skipped);
    skipped = Math.max(0, skipped - text.length);
    return rest;
  };
  return { push: (id) => cut(stream.push(id)), end: () => cut(stream.end()) };
}

/** A row at its start. */
export function createRow(start: RowStart): Row {
  const { caller, tokenizer, decoding, usage, room } = start;
  const { stopIds, temperature, logProbabilities, maxTokens } = decoding;
  const most = Math.min(maxTokens, room);
  const ids = [...start.ids];
  const from = ids.length;
  const stream = streamBehind(start);
  const watch = stopWatch(decoding.stops);
  const tokens: ScoredToken[] = [];
  let { constraint } = start;
  let text = "";
  let steps = 0;
  let result: Generated | undefined;

  function choose(scores: Float32Array): number {
    penalise(scores, ids, from, decoding);
    constraint?.rule(scores, stopIds);
    if (temperature === 0) return bestOf(caller, scores, steps).id;
    bestOf(caller, scores, steps);
    filter(scores, decoding);
    const [place] = start.random!.at(steps).uniforms(1);
    return idAt(scores, place!);
  }

  const textOf = (id: number): string => tokenizer.decode([id], { skipSpecial: false });

  /** The choice among the model's own scores, which `choose` changes. */
  function scored(scores: Float32Array): { readonly id: number; readonly token?: ScoredToken } {
    const best = bestOf(caller, scores, steps);
    if (logProbabilities === undefined) return { id: choose(scores) };
    const total = logSumExp(scores, best.score);
    const alternatives = (logProbabilities === 0 ? [] : topIds(scores, logProbabilities)).map((each) => ({
      id: each,
      text: textOf(each),
      logProbability: scores[each]! - total,
    }));
    const own = scores.slice();
    const id = choose(scores);
    return { id, token: { id, text: textOf(id), logProbability: own[id]! - total, alternatives } };
  }

  function end(finish: Finish, stop: string | number | undefined, rest: string): readonly TextPiece[] {
    text += rest;
    result = {
      text,
      ids: ids.slice(from),
      finish,
      ...(stop !== undefined && { stop }),
      ...(logProbabilities !== undefined && { tokens }),
      usage: { ...usage, generated: steps },
    };
    return rest === "" ? [] : [{ text: rest }];
  }

  /** More of the text, up to a stop string; `isApart`: where none ends it. */
  const watched = (part: string, isApart: boolean): ReturnType<typeof watch.push> =>
    isApart ? { text: watch.end() + part } : watch.push(part);

  /**
   * What was held back: no stop string came of it.
   *
   * @param isCut - Whether more would have come: then bytes of a character that is not whole are left out.
   */
  function held(isCut: boolean): { readonly rest: string; readonly stop?: string } {
    const rest = stream.end();
    const last = watched(isCut ? rest.replace(/\ufffd+$/, "") : rest, constraint?.isApart === true);
    return last.stop === undefined ? { rest: last.text + watch.end() } : { rest: last.text, stop: last.stop };
  }

  return {
    take(scores) {
      const { id, token } = scored(scores);
      steps++;
      if (stopIds.has(id)) {
        const { rest, stop = id } = held(false);
        return { pieces: end("stop", stop, rest) };
      }
      ids.push(id);
      if (token !== undefined) tokens.push(token);
      const isApart = constraint?.isApart === true;
      constraint = constraint?.next(id);
      const { text: certain, stop } = watched(stream.push(id), isApart);
      text += certain;
      const piece: TextPiece = { text: certain, id, ...(token !== undefined && { token }) };
      if (stop !== undefined) return { pieces: [piece, ...end("stop", stop, "")] };
      const isFull = constraint?.isFull === true;
      if (!isFull && steps < most) return { pieces: [piece], id };
      const { rest, stop: late } = held(!isFull);
      return { pieces: [piece, ...end(isFull || late !== undefined ? "stop" : "length", late, rest)] };
    },
    abort() {
      const { rest, stop } = held(true);
      return end("aborted", stop, rest);
    },
    get result() {
      return result;
    },
  };
}
