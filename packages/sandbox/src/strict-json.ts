import { messageOf } from "./hostile.ts";

/** A value as JSON text, or what keeps it from crossing unchanged, and where. */
export type StrictJson = { readonly json: string | undefined } | { readonly fault: string };

/** What of a path is shown. */
const LONGEST_PATH = 100;

class Fault extends Error {}

function nameOf(value: object): string {
  const maker: unknown = value.constructor;
  return `a ${typeof maker === "function" && maker.name !== "" ? maker.name : "object"}`;
}

/** What JSON would leave out, replace or empty, after any `toJSON`. */
function faultOf(value: unknown, isInList: boolean): string | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : String(value);
  if (typeof value === "bigint" || typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  if (value === undefined) return isInList ? "undefined" : undefined;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return undefined;
  const isHollow = value instanceof Map || value instanceof Set || ArrayBuffer.isView(value);
  return isHollow || Object.keys(value).length === 0 ? nameOf(value) : undefined;
}

/**
 * Writes a value of the host as JSON. `guest/prelude.js` writes the values of a guest by the same rules: what JSON would change
 * in silence is refused, a `toJSON` decides, and a field that is `undefined` counts as absent. Never throws.
 */
export function strictJson(value: unknown): StrictJson {
  // What stands above, the outermost first, and under which key each stands.
  const above: { readonly holder: object; readonly key: string }[] = [];
  function pathTo(key: string): string {
    let path = "";
    for (let i = 1; i <= above.length && path.length < LONGEST_PATH; i++) {
      const step = above[i]?.key ?? key;
      path += Array.isArray(above[i - 1]!.holder) ? `[${step}]` : path === "" ? step : `.${step}`;
    }
    return path.slice(0, LONGEST_PATH);
  }
  function check(this: unknown, key: string, element: unknown): unknown {
    while (above.length > 0 && above.at(-1)!.holder !== this) above.pop();
    const fault = faultOf(element, Array.isArray(this));
    if (fault !== undefined) {
      const path = pathTo(key);
      throw new Fault(path === "" ? fault : `${fault} at "${path}"`);
    }
    if (typeof element === "object" && element !== null) above.push({ holder: element, key });
    return element;
  }
  try {
    return { json: JSON.stringify(value, check) };
  } catch (error) {
    if (error instanceof Fault) return { fault: error.message };
    if (error instanceof RangeError) return { fault: "a value that nests too deeply" };
    const message = messageOf(error);
    return { fault: /circular/.test(message) ? "a value that contains itself" : `a value that throws: ${message}` };
  }
}
