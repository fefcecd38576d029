/** Trees of tensors: arguments and results of compiled functions. Arrays, plain objects and maps hold them, however deep. */
import { Tensor } from "@tensorflow/tfjs-core";

function isPlainObject(node: unknown): node is Record<string, unknown> {
  if (typeof node !== "object" || node === null) return false;
  const prototype = Object.getPrototypeOf(node);
  return prototype === Object.prototype || prototype === null;
}

/** The tensors of a tree, in order. */
export function tensorsOf(tree: unknown): Tensor[] {
  const found: Tensor[] = [];
  const visit = (node: unknown): void => {
    if (node instanceof Tensor) found.push(node);
    else if (Array.isArray(node)) node.forEach(visit);
    else if (node instanceof Map) for (const child of node.values()) visit(child);
    else if (isPlainObject(node)) for (const key in node) visit(node[key]);
  };
  visit(tree);
  return found;
}

/** The same tree with other tensors in place of those that it has, in order. */
export function fillTree(tree: unknown, tensors: readonly Tensor[]): unknown {
  let next = 0;
  const visit = (node: unknown): unknown => {
    if (node instanceof Tensor) return tensors[next++]!;
    if (Array.isArray(node)) return node.map(visit);
    if (node instanceof Map) return new Map([...node].map(([key, child]) => [key, visit(child)]));
    if (isPlainObject(node)) return Object.fromEntries(Object.keys(node).map((key) => [key, visit(node[key])]));
    return node;
  };
  return visit(tree);
}

/**
 * Everything about a tree that a trace may depend on, the tensors' elements left out. Nothing when that cannot be told:
 * when it holds instances of classes.
 */
export function signatureOf(tree: unknown): string | undefined {
  const parts: string[] = [];
  let isPlain = true;
  const visit = (node: unknown): void => {
    if (node instanceof Tensor) parts.push(node.dtype, "[", node.shape.join(), "]");
    else if (Array.isArray(node)) {
      parts.push("(");
      node.forEach(visit);
      parts.push(")");
    } else if (node instanceof Map) {
      parts.push("map(");
      for (const [key, child] of node) {
        parts.push(JSON.stringify(key), ":");
        visit(child);
      }
      parts.push(")");
    } else if (isPlainObject(node)) {
      parts.push("{");
      for (const key in node) {
        parts.push(JSON.stringify(key), ":");
        visit(node[key]);
      }
      parts.push("}");
    } else if (typeof node === "object" && node !== null) isPlain = false;
    else parts.push(`${typeof node} ${Object.is(node, -0) ? "-0" : String(node)};`);
  };
  visit(tree);
  return isPlain ? parts.join("") : undefined;
}
