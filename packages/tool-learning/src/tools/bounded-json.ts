import type { Json } from "@cambium/base";

/** A value as JSON, or why it has none. */
export type BoundedJson =
  | { readonly ok: true; readonly value: Json | undefined; readonly text: string }
  | { readonly ok: false; readonly problem: "form" | "size"; readonly reason: string; readonly head: string };

/** Levels of lists and objects: walkers of the host recurse. */
const DEEPEST = 100;

/** Characters of a value that is too large which are kept. */
const HEAD = 1000;

class Refusal extends Error {
  readonly problem: "form" | "size";

  constructor(problem: "form" | "size", reason: string) {
    super(reason);
    this.problem = problem;
  }
}

function nameOf(value: unknown): string {
  if (typeof value !== "object") return typeof value === "number" ? String(value) : `a ${typeof value}`;
  const maker: unknown = (value as object).constructor;
  return `a ${typeof maker === "function" && maker.name !== "" ? maker.name : "object"}`;
}

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/**
 * Writes a value as JSON and reads it again: a copy that nobody else holds. What JSON would change in silence is refused with
 * its place (functions, NaN, `undefined` in a list, classes without `toJSON`, bytes), and so are cycles, nesting beyond 100
 * levels, keys `__proto__`, and values longer than `limitBytes`. It stops writing there, so that a value which is small in
 * memory and endless as text costs no more than that. A field that is `undefined` counts as absent. Never throws.
 *
 * @param limitBytes - Longest text. Bytes of UTF-8.
 */
export function boundedJson(given: unknown, limitBytes: number): BoundedJson {
  const pieces: string[] = [];
  const above: object[] = [];
  let sizeBytes = 0;

  function put(piece: string): void {
    sizeBytes += piece.length <= 4 ? piece.length : Buffer.byteLength(piece);
    if (sizeBytes > limitBytes) throw new Refusal("size", `its JSON is longer than ${limitBytes} bytes`);
    pieces.push(piece);
  }

  const refuse = (what: string, path: string): never => {
    throw new Refusal("form", path === "" ? `it is ${what}` : `there is ${what} at "${path.slice(0, 100)}"`);
  };

  function write(value: unknown, path: string, isInList: boolean): void {
    if (typeof value === "object" && value !== null) writeObject(value, path, isInList);
    else if (typeof value === "string") {
      if (value.length > limitBytes) put("x".repeat(limitBytes + 1)); // refused before it is written
      put(JSON.stringify(value));
    } else if (value === null || typeof value === "boolean" || Number.isFinite(value)) put(JSON.stringify(value));
    else refuse(value === undefined && isInList ? "undefined" : nameOf(value), path);
  }

  function writeObject(value: object, path: string, isInList: boolean): void {
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      refuse(`binary data (${nameOf(value)}); return it by "files"`, path);
    }
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") {
      write(toJSON.call(value), path, isInList);
      return;
    }
    if (above.includes(value)) refuse("a value that contains itself", path);
    if (above.length === DEEPEST) refuse(`nesting deeper than ${DEEPEST} levels`, path);
    if (!Array.isArray(value) && !isPlain(value)) refuse(nameOf(value), path);
    above.push(value);
    if (Array.isArray(value)) writeList(value, path);
    else writeFields(value as Record<string, unknown>, path);
    above.pop();
  }

  function writeList(list: readonly unknown[], path: string): void {
    put("[");
    for (let i = 0; i < list.length; i++) {
      if (i > 0) put(",");
      write(list[i], `${path}[${i}]`, true);
    }
    put("]");
  }

  function writeFields(fields: Readonly<Record<string, unknown>>, path: string): void {
    put("{");
    let isFirst = true;
    for (const key of Object.keys(fields)) {
      const field = fields[key];
      if (field === undefined) continue;
      const at = path === "" ? key : `${path}.${key}`;
      if (key === "__proto__") refuse('a key "__proto__"', at);
      put(`${isFirst ? "" : ","}${JSON.stringify(key)}:`);
      isFirst = false;
      write(field, at, false);
    }
    put("}");
  }

  try {
    if (given === undefined) return { ok: true, value: undefined, text: "" };
    write(given, "", false);
    const text = pieces.join("");
    return { ok: true, value: JSON.parse(text) as Json, text };
  } catch (error) {
    const head = pieces.slice(0, HEAD).join("").slice(0, HEAD);
    if (error instanceof Refusal) return { ok: false, problem: error.problem, reason: error.message, head };
    return { ok: false, problem: "form", reason: "it throws when it is read", head };
  }
}
