import { Buffer } from "node:buffer";
import type { Json } from "@cambium/base";

/** Levels of arrays and objects that a value from a guest may have: `JSON.stringify` and other walkers of the host recurse. */
const DEEPEST = 100;

/** Why a guest's value is refused, or the value. */
export type GuestJson = { readonly value: Json } | { readonly problem: "size" | "form"; readonly reason: string };

function fault(value: Json, depth: number): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (depth === DEEPEST) return `it nests deeper than ${DEEPEST} levels`;
  // An own key of this name is harmless until somebody copies it with `target[key] = value`.
  if (Object.hasOwn(value, "__proto__")) return 'it has a key "__proto__"';
  for (const element of Object.values(value)) {
    const found = fault(element as Json, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Reads JSON text that a guest wrote. The text is measured before it is parsed, and the value is checked for what would
 * harm the host later: nesting that overflows its stack, and a key that sets a prototype.
 *
 * @param limitBytes - Longest text, in bytes of UTF-8.
 */
export function parseGuestJson(text: string, limitBytes: number): GuestJson {
  if (text.length > limitBytes || Buffer.byteLength(text) > limitBytes)
    return { problem: "size", reason: `its JSON is longer than ${limitBytes} bytes` };
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return { problem: "form", reason: "it is no JSON" };
  }
  const reason = fault(value, 0);
  return reason === undefined ? { value } : { problem: "form", reason };
}
