/**
 * Whether texts match a Python expression, in bounded time.
 *
 * For a node and a place in the text there is one list of the places where a match can end, in the order in which Python would
 * try them. It is found once: what Python tries again and again is looked up. Atomic groups keep the first of the list, so that
 * the order is all that has to be known, and the time is at most cubic in the text's length, where backtracking is exponential.
 *
 * An engine of linear time such as RE2 reads no looks ahead or behind and no atomic groups, which PEFT's configs may have.
 */
import { parsePattern } from "./parse.ts";
import type { Node } from "./syntax.ts";

/** A Python regular expression. */
export interface PythonPattern {
  /** Whether it matches the whole text: `re.fullmatch`. */
  matchesWhole(text: string): boolean;
  /** Where matches that start where the text starts can end, in the order in which Python tries them: `re.match` takes the first. */
  endsIn(text: string): readonly number[];
}

/**
 * A Python regular expression, ready to match.
 *
 * @throws {FormatError} For what Python refuses, and for what is not read; names the construct.
 */
export function pythonPattern(source: string): PythonPattern {
  const root = parsePattern(source);
  return {
    matchesWhole: (text) => endsOf(root, [...text]).includes([...text].length),
    endsIn: (text) => endsOf(root, [...text]),
  };
}

function endsOf(root: Node, text: readonly string[]): readonly number[] {
  const known = new Map<Node, Map<number, readonly number[]>>();

  /** Places in order, each once. */
  const inOrder = (...lists: readonly (readonly number[])[]): readonly number[] => [...new Set(lists.flat())];

  function ends(node: Node, from: number, count = 0): readonly number[] {
    const ofNode = known.get(node) ?? new Map<number, readonly number[]>();
    known.set(node, ofNode);
    const key = count * (text.length + 1) + from;
    const before = ofNode.get(key);
    if (before !== undefined) return before;
    const found = find(node, from, count);
    ofNode.set(key, found);
    return found;
  }

  function find(node: Node, from: number, count: number): readonly number[] {
    switch (node.kind) {
      case "one":
        return from < text.length && node.accepts(text[from]!) ? [from + 1] : [];
      case "sequence":
        return node.items.reduce<readonly number[]>(
          (places, item) => inOrder(...places.map((place) => ends(item, place))),
          [from],
        );
      case "choice":
        return inOrder(...node.options.map((option) => ends(option, from)));
      case "atomic":
        return ends(node.item, from).slice(0, 1);
      case "place":
        return node.isAt(text, from) ? [from] : [];
      case "look": {
        const start = from - (node.behind ?? 0);
        const found = start < 0 ? [] : ends(node.item, start);
        const isThere = node.behind === undefined ? found.length > 0 : found.includes(from);
        return isThere !== node.isNegative ? [from] : [];
      }
      case "repeat":
        return node.item.kind === "one" ? run(node, node.item, from) : loop(node, from, count);
    }
  }

  type Repeat = Extract<Node, { kind: "repeat" }>;

  /** A repeat of single characters. */
  function run({ min, max, isLazy }: Repeat, { accepts }: Extract<Node, { kind: "one" }>, from: number): number[] {
    let to = from;
    while (to < text.length && to - from < max && accepts(text[to]!)) to++;
    const places = Array.from({ length: Math.max(0, to - from - min + 1) }, (_, i) => from + min + i);
    return isLazy ? places : places.reverse();
  }

  /** A repeat of anything. After a turn that takes nothing there are only those that must be. */
  function loop(node: Repeat, from: number, count: number): readonly number[] {
    const { item, min, max, isLazy } = node;
    const next = max === Number.POSITIVE_INFINITY ? Math.min(count + 1, min) : count + 1;
    const turns = count >= max ? [] : ends(item, from);
    const more = turns.map((place) => (place === from && count >= min ? [from] : ends(node, place, next)));
    const stop = count >= min ? [from] : [];
    return isLazy ? inOrder(stop, ...more) : inOrder(...more, stop);
  }

  return ends(root, 0);
}
