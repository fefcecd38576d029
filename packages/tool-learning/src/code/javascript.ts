import type { AnyNode, Expression, Node } from "acorn";
import { parseScript } from "./plain-script.ts";
import type { ProgramShape, Statement } from "./shape.ts";

const isNode = (value: unknown): value is AnyNode =>
  typeof value === "object" && value !== null && typeof (value as Node).type === "string";

/** Names that a node refers to; keys of objects and members of other objects are no references. */
function collectUses(node: AnyNode, uses: Set<string>): void {
  if (node.type === "Identifier") uses.add(node.name);
  if (node.type === "MemberExpression" && !node.computed) {
    if (node.object.type === "Identifier" && node.property.type === "Identifier") {
      uses.add(`${node.object.name}.${node.property.name}`);
    }
    collectUses(node.object, uses);
    return;
  }
  for (const [key, value] of Object.entries(node)) {
    const isName = key === "key" && !(node as { computed?: boolean }).computed;
    if (isName) continue;
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) collectUses(child, uses);
  }
}

/** Names that a pattern declares. */
function namesOf(pattern: AnyNode): string[] {
  switch (pattern.type) {
    case "Identifier":
      return [pattern.name];
    case "ObjectPattern":
      return pattern.properties.flatMap((property) =>
        namesOf(property.type === "Property" ? property.value : property.argument),
      );
    case "ArrayPattern":
      return pattern.elements.flatMap((element) => (element === null ? [] : namesOf(element)));
    case "AssignmentPattern":
      return namesOf(pattern.left);
    case "RestElement":
      return namesOf(pattern.argument);
    default:
      return [];
  }
}

/** Names that are declared anywhere inside of a node. */
function collectBound(node: AnyNode, bound: Set<string>): void {
  if ("params" in node) for (const parameter of node.params) for (const name of namesOf(parameter)) bound.add(name);
  if (node.type === "VariableDeclarator") for (const name of namesOf(node.id)) bound.add(name);
  if (node.type === "CatchClause" && node.param) for (const name of namesOf(node.param)) bound.add(name);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) collectBound(child, bound);
  }
}

/** Names of the world outside that a function or a statement refers to. */
function usesOf(node: AnyNode, inside: AnyNode | undefined): ReadonlySet<string> {
  const uses = new Set<string>();
  collectUses(node, uses);
  if (inside === undefined) return uses;
  const bound = new Set<string>();
  collectBound(inside, bound);
  return new Set([...uses].filter((name) => !bound.has(name.split(".")[0]!)));
}

/** The last comment of a text that holds comments and spaces only: a block, or lines that follow each other. */
function lastComment(comments: string): string {
  const text = comments.trimEnd();
  if (text.endsWith("*/")) return text.slice(text.lastIndexOf("/*"));
  const lines = text.split("\n");
  const first = lines.findLastIndex((line) => !line.trimStart().startsWith("//")) + 1;
  return lines.slice(first).join("\n");
}

/** The text of a comment without its marks. */
function bare(comment: string): string {
  const withoutEnd = (line: string): string => {
    const text = line.trimEnd();
    if (!text.endsWith("*/")) return line;
    let end = text.length - 1;
    while (text[end - 1] === "*") end--;
    return text.slice(0, end).trimEnd();
  };
  return comment
    .split("\n")
    .map((line) =>
      withoutEnd(line.trimStart().replace(/^(\/\*+(?!\/)|\*+(?=\/)|\*(?!\/)|\/\/+)\s?/, "")).replace(/^\/$/, ""),
    )
    .join("\n")
    .trim();
}

/** The function or class that a statement declares, if it does. */
function callableOf(node: AnyNode): { name: string; body: AnyNode } | undefined {
  if (node.type === "FunctionDeclaration" || node.type === "ClassDeclaration") {
    return node.id === null ? undefined : { name: node.id.name, body: node as AnyNode };
  }
  if (node.type !== "VariableDeclaration" || node.declarations.length !== 1) return undefined;
  const { id, init } = node.declarations[0]!;
  if (id.type !== "Identifier" || init === null || init === undefined) return undefined;
  const kinds: readonly Expression["type"][] = ["ArrowFunctionExpression", "FunctionExpression", "ClassExpression"];
  return kinds.includes(init.type) ? { name: id.name, body: init as AnyNode } : undefined;
}

function parametersOf(body: AnyNode, source: string): readonly string[] {
  const method =
    body.type === "ClassDeclaration" || body.type === "ClassExpression"
      ? body.body.body.find((member) => member.type === "MethodDefinition" && member.kind === "constructor")
      : undefined;
  const callable = method?.type === "MethodDefinition" ? method.value : body;
  if (!("params" in callable)) return [];
  return callable.params.map(({ start, end }) => source.slice(start, end));
}

/**
 * The statements of a JavaScript program as a sandbox takes it: the body of an async function.
 *
 * @returns `undefined` when it cannot be parsed, or nests too deeply.
 */
export function javascriptShape(source: string): ProgramShape | undefined {
  const nodes = parseScript(source, ["script"]);
  try {
    return nodes && statementsOf(source, nodes);
  } catch (error) {
    // A term of thousands of operators nests deeper than these walks can follow.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function statementsOf(source: string, nodes: readonly AnyNode[]): ProgramShape {
  return nodes.map((node, i): Statement => {
    const from = nodes[i - 1]?.end ?? 0;
    const before = source.slice(from, node.start);
    const comments = i === 0 ? before : before.replace(/^[^\n]*\n/, ""); // what follows a statement on its line is its own
    const found = callableOf(node);
    const declares =
      found !== undefined
        ? [found.name]
        : node.type === "VariableDeclaration"
          ? node.declarations.flatMap(({ id }) => namesOf(id))
          : [];
    return {
      source: `${comments}${source.slice(node.start, node.end)}`.trim(),
      declares,
      uses: usesOf(node, found?.body),
      isDeclaration: found !== undefined || node.type === "VariableDeclaration",
      ...(found === undefined
        ? {}
        : {
            callable: {
              parameters: parametersOf(found.body, source),
              documentation: bare(lastComment(comments)),
            },
          }),
    };
  });
}
