/** Texts of expressions, in tests. */
import { random } from "@cambium/core";
import { type Expression, finiteness } from "./expression.ts";
import { recogniser, type State } from "./recogniser.ts";

const isOver = (state: State): boolean => state.isEnd && state.open.length === 0;

/** The fewest bytes behind which a text is over. */
function fewest(start: State, step: (state: State, byte: number) => State | null): readonly number[] {
  const seen = new Set([start]);
  let reached: (readonly [state: State, bytes: readonly number[]])[] = [[start, []]];
  for (;;) {
    const found = reached.find(([state]) => isOver(state));
    if (found !== undefined) return found[1];
    const further: (readonly [State, readonly number[]])[] = [];
    for (const [state, before] of reached) {
      for (let byte = 0; byte < 256; byte++) {
        const next = step(state, byte);
        if (next === null || seen.has(next)) continue;
        seen.add(next);
        further.push([next, [...before, byte]]);
      }
    }
    reached = further;
  }
}

/** A text of an expression: its first bytes are drawn, and it ends as soon as it can then. */
export function drawText(expression: Expression, seed: number): string {
  const { start, step } = recogniser(expression, finiteness(expression));
  let state: State = start;
  const text: number[] = [];
  const key = random(seed);
  while (!isOver(state) && text.length < 24) {
    const ways = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => step(state, byte) !== null);
    const [place] = key.at(text.length).uniforms(1);
    text.push(ways[Math.floor(place! * ways.length)]!);
    state = step(state, text.at(-1)!)!;
  }
  text.push(...fewest(state, step));
  return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(text));
}
