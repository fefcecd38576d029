/**
 * Follows a text byte by byte through an expression. Where it stands is a state: a set of stacks of what is still to come, since a
 * byte may be read in several ways. Stacks and states are made once each, and states remember their successors, so that what is
 * asked often becomes a table.
 */
import type { Bytes, Expression } from "./expression.ts";

/** A stack: an expression that comes next, and what comes behind it. */
interface Stack {
  readonly expression: Expression;
  /** Of a sequence, its next part; of a repeat, how often its body was begun; of a capsule 1, the end of it. */
  readonly at: number;
  readonly below: Stack | undefined;
  readonly number: number;
}

/** Where a text stands. */
export interface State {
  /** Stacks with one byte of some on top. */
  readonly open: readonly Stack[];
  /** Whether the text may end here. */
  readonly isEnd: boolean;
  /** Successors by byte, as far as they were asked for; `null` where there is none. */
  readonly next: (State | null | undefined)[];
}

/** Follows texts through one expression. */
export interface Recogniser {
  readonly start: State;
  /** Behind one more byte; `null` where no text goes on so. */
  step(state: State, byte: number): State | null;
  /**
   * The same state without what comes behind the capsule that it is in, if it is in one: it ends where the capsule does. Counts that
   * no text of `reach` bytes can tell apart are made equal.
   */
  inside(state: State, reach: number): State | undefined;
}

/** Stacks and states that are remembered; beyond these, they are made again. */
const MOST = 50_000;

/** How often a repeat's body was begun, as far as it matters. */
const counted = (count: number, min: number, max: number): number =>
  max === Number.POSITIVE_INFINITY ? Math.min(count, min) : count;

/**
 * @param hasFinite - Whether there are finite texts of an expression; others are not entered.
 */
export function recogniser(root: Expression, hasFinite: (expression: Expression) => boolean): Recogniser {
  const numbers = new Map<Expression, number>();
  const stacks = new Map<string, Stack>();
  const states = new Map<string, State>();
  let made = 0;

  function numberOf(expression: Expression): number {
    let number = numbers.get(expression);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(expression, number);
    }
    return number;
  }

  function stack(expression: Expression, at: number, below: Stack | undefined): Stack {
    const key = `${numberOf(expression)} ${at} ${below?.number ?? -1}`;
    let found = stacks.get(key);
    if (found === undefined) {
      if (stacks.size >= MOST) stacks.clear(); // numbers are not given twice, so that old stacks stay apart
      found = { expression, at, below, number: made++ };
      stacks.set(key, found);
    }
    return found;
  }

  function stateOf(open: Map<number, Stack>, isEnd: boolean): State {
    const sorted = [...open.values()].sort((a, b) => a.number - b.number);
    const key = `${isEnd} ${sorted.map(({ number }) => number).join(" ")}`;
    let found = states.get(key);
    if (found === undefined) {
      if (states.size >= MOST) states.clear();
      found = { open: sorted, isEnd, next: [] };
      states.set(key, found);
    }
    return found;
  }

  /** Whether there are finite texts of it; asked once for each. */
  const finite = new Map<Expression, boolean>();
  function isEntered(expression: Expression): boolean {
    let answer = finite.get(expression);
    if (answer === undefined) {
      answer = hasFinite(expression);
      finite.set(expression, answer);
    }
    return answer;
  }

  /** Takes stacks apart until bytes are on top. */
  function settle(given: readonly (Stack | undefined)[]): State {
    const open = new Map<number, Stack>();
    const seen = new Set<Stack>();
    let isEnd = false;
    const todo = [...given];
    const push = (expression: Expression, at: number, below: Stack | undefined): void => {
      todo.push(stack(expression, at, below));
    };
    while (todo.length > 0) {
      const top = todo.pop();
      if (top === undefined) {
        isEnd = true;
        continue;
      }
      if (seen.has(top)) continue; // a form that begins with itself
      seen.add(top);
      const { expression, at, below } = top;
      switch (expression.kind) {
        case "bytes":
          open.set(top.number, top);
          break;
        case "sequence": {
          const { parts } = expression;
          if (at >= parts.length) todo.push(below);
          else push(parts[at]!, 0, at + 1 === parts.length ? below : stack(expression, at + 1, below));
          break;
        }
        case "choice":
          for (const option of expression.options) if (isEntered(option)) push(option, 0, below);
          break;
        case "repeat": {
          const { body, min, max } = expression;
          if (at >= min) todo.push(below);
          if (at < max && isEntered(body)) push(body, 0, stack(expression, counted(at + 1, min, max), below));
          break;
        }
        case "capsule":
          if (at === 1) todo.push(below);
          else push(expression.body, 0, stack(expression, 1, below));
          break;
        case "reference":
          push(expression.get(), 0, below);
          break;
      }
    }
    return stateOf(open, isEnd);
  }

  function step(state: State, byte: number): State | null {
    const known = state.next[byte];
    if (known !== undefined) return known;
    const fitting = state.open.filter(({ expression }) => (expression as Bytes).set[byte] === 1);
    const next = fitting.length === 0 ? null : settle(fitting.map(({ below }) => below));
    state.next[byte] = next;
    return next;
  }

  /** The end of the capsule that a stack is in. */
  function capsuleEnd(top: Stack): Stack | undefined {
    let found: Stack | undefined = top;
    while (found !== undefined && !(found.expression.kind === "capsule" && found.at === 1)) found = found.below;
    return found;
  }

  /** A count that no text of so many bytes tells from others. */
  function rounded({ expression, at }: Stack, reach: number): number {
    if (expression.kind !== "repeat") return at;
    const { min, max } = expression;
    if (at < min) return min - at > reach ? Math.min(at, 0) : at;
    return max - at > reach ? min : at;
  }

  /** A stack without what is below the end of its capsule. */
  function cut(top: Stack, end: Stack, reach: number): Stack | undefined {
    if (top === end) return undefined;
    return stack(top.expression, rounded(top, reach), top.below && cut(top.below, end, reach));
  }

  function inside(state: State, reach: number): State | undefined {
    const [first] = state.open;
    const end = first && capsuleEnd(first);
    if (end === undefined || state.isEnd || state.open.some((each) => capsuleEnd(each) !== end)) return undefined;
    const open = new Map<number, Stack>();
    for (const each of state.open) {
      const short = cut(each, end, reach)!;
      open.set(short.number, short);
    }
    return stateOf(open, false);
  }

  return { start: settle([stack(root, 0, undefined)]), step, inside };
}
