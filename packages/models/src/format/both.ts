/** Texts that two expressions have in common. They are found by following both at once, so that neither may hold itself. */
import { choiceOf, type Expression, finiteness, nothing, type Reference, sequence } from "./expression.ts";
import { recogniser, type State } from "./recogniser.ts";

/** Places in both that are told apart. */
const MOST = 5000;

/** A place in both expressions, and where bytes lead from it. */
interface Place {
  readonly states: readonly [State, State];
  readonly isEnd: boolean;
  /** Bytes that lead to another place, by its number. */
  readonly next: Map<number, Uint8Array>;
}

const follow = (expression: Expression) => recogniser(expression, finiteness(expression));

/** All places that are reached; nothing where there are too many. */
function placesOf(a: Expression, b: Expression): readonly Place[] | undefined {
  const [left, right] = [follow(a), follow(b)];
  const known = new Map<State, Map<State, number>>();
  const places: Place[] = [];

  function placeOf(states: readonly [State, State]): number {
    const row = known.get(states[0]) ?? new Map<State, number>();
    known.set(states[0], row);
    let number = row.get(states[1]);
    if (number === undefined) {
      number = places.length;
      row.set(states[1], number);
      places.push({ states, isEnd: states[0].isEnd && states[1].isEnd, next: new Map() });
    }
    return number;
  }

  placeOf([left.start, right.start]);
  for (let i = 0; i < places.length; i++) {
    if (places.length > MOST) return undefined;
    const { states, next } = places[i]!;
    for (let byte = 0; byte < 256; byte++) {
      const one = left.step(states[0], byte);
      const other = one && right.step(states[1], byte);
      if (one === null || other === null) continue;
      const to = placeOf([one, other]);
      const set = next.get(to) ?? new Uint8Array(256);
      set[byte] = 1;
      next.set(to, set);
    }
  }
  return places;
}

/** Whether a text can end behind each place. */
function lively(places: readonly Place[]): readonly boolean[] {
  const before: number[][] = places.map(() => []);
  for (const [i, { next }] of places.entries()) for (const to of next.keys()) before[to]!.push(i);
  const alive = places.map(({ isEnd }) => isEnd);
  const todo = alive.flatMap((isEnd, i) => (isEnd ? [i] : []));
  for (let place = todo.pop(); place !== undefined; place = todo.pop()) {
    for (const from of before[place]!) {
      if (alive[from]) continue;
      alive[from] = true;
      todo.push(from);
    }
  }
  return alive;
}

/**
 * The texts that two expressions have in common.
 *
 * @param fail - Makes the error of having none, or of too many places to follow.
 */
export function both(a: Expression, b: Expression, fail: (problem: string) => Error): Expression {
  const places = placesOf(a, b);
  if (places === undefined) throw fail("beside another that takes too long to follow together");
  const alive = lively(places);
  if (!alive[0]) throw fail("beside another, which no string has both of");
  const references: readonly Reference[] = places.map((_, i) => ({
    kind: "reference",
    isFinite: true,
    get: () => expressions[i]!,
  }));
  const expressions = places.map(({ next, isEnd }) => {
    const further = [...next].flatMap(([to, set]) =>
      alive[to] ? [sequence({ kind: "bytes", set }, references[to]!)] : [],
    );
    return choiceOf(isEnd ? [...further, nothing] : further);
  });
  return references[0]!;
}
