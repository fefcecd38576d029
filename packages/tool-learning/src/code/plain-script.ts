import { type AnyNode, type Expression, type Options, parse } from "acorn";

const OPTIONS: Options = { ecmaVersion: "latest", allowAwaitOutsideFunction: true, allowReturnOutsideFunction: true };

/** The statements of a script or, where it is none, of a module; `undefined` when it is neither, or nests too deeply. */
export function parseScript(
  source: string,
  types: readonly ("script" | "module")[] = ["script", "module"],
): readonly AnyNode[] | undefined {
  for (const sourceType of types) {
    try {
      return parse(source, { ...OPTIONS, sourceType }).body as readonly AnyNode[];
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    }
  }
  return undefined;
}

const isNamed = (node: AnyNode, name: string): boolean => node.type === "Identifier" && node.name === name;

/** What is assigned to in `module.exports = …` ("") and in `exports.name = …`, `module.exports.name = …` ("name"). */
function exportOf(target: AnyNode): string | undefined {
  if (target.type !== "MemberExpression" || target.computed || target.property.type !== "Identifier") return undefined;
  const { name } = target.property;
  if (isNamed(target.object, "module") && name === "exports") return "";
  return isNamed(target.object, "exports") || exportOf(target.object) === "" ? name : undefined;
}

/** Whether an expression only names what is declared elsewhere. */
function isNames(value: Expression): boolean {
  if (value.type === "Identifier") return true;
  const isName = (property: AnyNode): boolean => property.type === "Property" && isNames(property.value as Expression);
  return value.type === "ObjectExpression" && value.properties.every((property) => isName(property as AnyNode));
}

const isRelative = (value: unknown): boolean => typeof value === "string" && /^\.{0,2}\//.test(value);

/** Whether a declaration loads a file beside the program. */
function loadsNeighbour(init: Expression | null | undefined): boolean {
  if (init?.type !== "CallExpression" || !isNamed(init.callee, "require")) return false;
  const [file] = init.arguments;
  return file?.type === "Literal" && isRelative(file.value);
}

/** A stretch of the source, and what takes its place. */
interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

function editOf(node: AnyNode): Edit | undefined {
  const gone: Edit = { from: node.start, to: node.end, text: "" };
  const before = (inner: { readonly start: number }, text = ""): Edit => ({ from: node.start, to: inner.start, text });
  switch (node.type) {
    case "ExportNamedDeclaration":
      if (node.declaration) return before(node.declaration);
      return node.source ? undefined : gone;
    case "ExportDefaultDeclaration": {
      const { declaration } = node;
      if (declaration.type === "Identifier") return gone;
      return "id" in declaration && declaration.id ? before(declaration) : undefined;
    }
    case "ImportDeclaration":
      return isRelative(node.source.value) ? gone : undefined;
    case "VariableDeclaration":
      return node.declarations.every(({ init }) => loadsNeighbour(init)) ? gone : undefined;
    case "ExpressionStatement": {
      if (node.expression.type !== "AssignmentExpression") return undefined;
      const { left, right } = node.expression;
      const name = exportOf(left as AnyNode);
      if (name === undefined) return undefined;
      if (isNames(right)) return gone;
      if (name !== "") return before(right, `const ${name} = `);
      return right.type === "FunctionExpression" && right.id ? before(right) : undefined;
    }
    default:
      return undefined;
  }
}

/**
 * A program as a script that stands by itself: what a module exports is declared, and what it imports from files beside it, where
 * there are none, is left out. Models write tools as the files of a project; the sandbox runs one program.
 *
 * @returns The source itself when there is nothing to change, or it cannot be parsed.
 */
export function plainScript(source: string): string {
  const edits = (parseScript(source) ?? []).flatMap((node) => editOf(node) ?? []);
  if (edits.length === 0) return source;
  let text = "";
  let at = 0;
  for (const edit of edits) {
    text += source.slice(at, edit.from) + edit.text;
    at = edit.to;
  }
  return (text + source.slice(at)).trim();
}
