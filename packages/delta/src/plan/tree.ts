/** A model as a tree of its modules, what is trained marked, and repeated blocks as one. */
import type { AnyModel, Tuned } from "../attach.ts";
import { countText } from "../text-table.ts";

/** What a line stands for. */
type Mark = "frozen" | "trained" | "delta";

interface Node {
  readonly children: Map<string, Node>;
  readonly leaves: {
    readonly name: string;
    readonly shape: readonly number[];
    readonly size: number;
    readonly mark: Mark;
  }[];
}

/**
 * A model as a tree of modules and parameters, with shapes and counts. Blocks that are alike stand once, `0-11`. A weight that
 * a delta replaces is marked `trained`, what deltas add `delta`, everything else is frozen.
 *
 * @param model - A model, or one with deltas on it.
 * @example
 * console.log(formatTree(attach(base, lora(base, {}, random(1)), head(base))));
 */
export function formatTree(model: AnyModel | Tuned): string {
  const tuned = "deltas" in model ? (model as Tuned) : undefined;
  const base = tuned?.base ?? (model as AnyModel);
  const deltas = tuned?.deltas ?? [];
  const replaced = new Set(deltas.flatMap(({ method, parameters }) => (method.replaces ? [...parameters.keys()] : [])));
  const root = makeNode();
  for (const [name, { shape, size }] of base.parameters)
    put(root, name, { shape, size, mark: replaced.has(name) ? "trained" : "frozen" });
  for (const { name: delta, method, parameters } of deltas) {
    if (method.replaces === true) continue;
    for (const [name, { shape, size }] of parameters) put(root, name, { shape, size, mark: "delta" }, `+${delta} `);
  }
  const { lines, trained, total } = render(root);
  return [...lines, `${countText(total)} scalars of the model, ${countText(trained)} trained`].join("\n");
}

const makeNode = (): Node => ({ children: new Map(), leaves: [] });

function put(root: Node, path: string, leaf: Omit<Node["leaves"][number], "name">, prefix = ""): void {
  const parts = path.split(".");
  let node = root;
  let depth = 0;
  // A delta's own names go on behind the module that it sits on.
  for (; depth < parts.length - 1; depth++) {
    const next = node.children.get(parts[depth]!);
    if (next === undefined && leaf.mark === "delta") break;
    if (next === undefined) node.children.set(parts[depth]!, makeNode());
    node = node.children.get(parts[depth]!)!;
  }
  node.leaves.push({ ...leaf, name: `${prefix}${parts.slice(depth).join(".")}` });
}

interface Rendered {
  readonly lines: readonly string[];
  readonly trained: number;
  readonly total: number;
}

function render({ children, leaves }: Node): Rendered {
  const own = leaves.map(
    ({ name, shape, size, mark }) =>
      `${name} [${shape.join(", ")}] ${countText(size)}${mark === "frozen" ? "" : `  ${mark}`}`,
  );
  const size = (isWanted: (mark: Mark) => boolean): number =>
    leaves.reduce((sum, leaf) => sum + (isWanted(leaf.mark) ? leaf.size : 0), 0);
  const below = foldAlike([...children].map(([name, child]) => ({ name, ...render(child) })));
  return {
    lines: [
      ...own,
      ...below.flatMap(({ name, lines, trained, total, times }) => [
        `${name}  ${countText(total * times)}${trained > 0 ? `, ${countText(trained * times)} trained` : ""}`,
        ...lines.map((line) => `  ${line}`),
      ]),
    ],
    trained: below.reduce(
      (sum, each) => sum + each.trained * each.times,
      size((mark) => mark !== "frozen"),
    ),
    total: below.reduce(
      (sum, each) => sum + each.total * each.times,
      size((mark) => mark !== "delta"),
    ),
  };
}

/** Neighbours whose names are numbers and whose contents are alike, as one. */
function foldAlike(items: readonly (Rendered & { readonly name: string })[]) {
  const folded: (Rendered & { name: string; times: number; readonly first: string })[] = [];
  for (const item of items) {
    const last = folded.at(-1);
    const isAlike = last !== undefined && /^\d+$/.test(item.name) && last.lines.join("\n") === item.lines.join("\n");
    if (isAlike && Number(item.name) === Number(last.first) + last.times) {
      last.times++;
      last.name = `${last.first}-${item.name}`;
    } else folded.push({ ...item, times: 1, first: item.name });
  }
  return folded;
}
