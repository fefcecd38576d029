import type { Node, WordNet } from "./wordnet.ts";

/** Relations by the names that the tools use, and WordNet's signs for them. */
export const RELATIONS: Readonly<Record<string, readonly string[]>> = {
  broader: ["@", "@i"],
  narrower: ["~", "~i"],
  parts: ["%p", "%m", "%s"],
  wholes: ["#p", "#m", "#s"],
  opposites: ["!"],
  similar: ["&", "^"],
  derived: ["+"],
  causes: [">"],
  entails: ["*"],
};

/** The sets that one relation leads to, in WordNet's order. */
export function related(net: WordNet, node: Node, relation: string): Node[] {
  const signs = RELATIONS[relation]!;
  return [...new Set(node.pointers.filter(({ symbol }) => signs.includes(symbol)).map(net.follow))];
}

/** Everything above a set, with the number of steps up to it: breadth first, the set itself at 0. */
export function ancestors(net: WordNet, node: Node): Map<Node, number> {
  const found = new Map([[node, 0]]);
  for (const [current, steps] of found)
    for (const next of related(net, current, "broader")) if (!found.has(next)) found.set(next, steps + 1);
  return found;
}

/** One shortest way up to the top. */
export function chain(net: WordNet, node: Node): Node[] {
  const way = [node];
  for (let current: Node | undefined = node; ; way.push(current)) {
    current = related(net, current, "broader")[0];
    if (current === undefined || way.includes(current)) return way;
  }
}

/** The nearest set above both: the one with the fewest steps from the two together; `undefined` when there is none. */
export function commonAncestor(
  net: WordNet,
  a: Node,
  b: Node,
): { readonly node: Node; readonly steps: number } | undefined {
  const [above, other] = [ancestors(net, a), ancestors(net, b)];
  let best: { node: Node; steps: number } | undefined;
  for (const [node, steps] of above) {
    const more = other.get(node);
    if (more !== undefined && (best === undefined || steps + more < best.steps)) best = { node, steps: steps + more };
  }
  return best;
}
