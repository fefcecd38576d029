/** Whole texts against an expression. */
import { type Expression, finiteness } from "./expression.ts";
import { recogniser, type State } from "./recogniser.ts";

/** Whether an expression has texts, each as a whole. */
export function accepts(expression: Expression): (text: string) => boolean {
  const { start, step } = recogniser(expression, finiteness(expression));
  return (text) => {
    let state: State | null = start;
    for (const byte of new TextEncoder().encode(text)) state = state && step(state, byte);
    return state?.isEnd === true;
  };
}
