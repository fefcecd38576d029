/**
 * Tool calls that come in pieces. By the format a piece belongs to the call of its `index`; servers that put every call under
 * index 0, leave the index or the id out, or repeat the name in every piece are understood as well.
 */
import type { JsonObject } from "@cambium/base";
import { unknownShape } from "./content.ts";

/** A call that may not be whole yet. */
interface OpenCall {
  readonly index: number;
  id: string;
  name: string;
  given: string;
  /** Fields that this library does not interpret. */
  fields: Readonly<Record<string, unknown>>;
}

/** The calls of one reply. */
export interface OpenCalls {
  /** Takes the `tool_calls` of one delta. */
  push(pieces: unknown): void;
  /** The calls, in the order of their indices, as a whole message would have them. */
  whole(): JsonObject[];
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The arguments so far and a piece more; a piece that holds all of them again is taken once. */
function joined(before: string, piece: string): string {
  const isAgain = before.startsWith("{") && piece.startsWith(before) && isWhole(piece);
  return isAgain ? piece : before + piece;
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** Collects the calls of one reply. */
export function collectCalls(): OpenCalls {
  const calls: OpenCall[] = [];

  /** The call that a piece continues; `undefined` when it opens one. */
  function continued(index: number, id: string, name: string, given: string): OpenCall | undefined {
    const known = id === "" ? undefined : calls.find((call) => call.id === id);
    if (known !== undefined) return known;
    const last = calls.findLast((call) => call.index === index);
    // A call has a name: a piece with another id and no name is of a server that makes an id for every piece.
    if (last === undefined || name === "") return last;
    if (id !== "" && last.id !== "") return undefined;
    if (last.given === "") return last;
    if (!last.name.startsWith(name) && !name.startsWith(last.name)) return undefined;
    return given !== "" && isWhole(last.given) ? undefined : last;
  }

  function pushPiece(piece: JsonObject, position: number): void {
    const { index: place, id: givenId, function: inner, ...fields } = piece;
    if (inner !== undefined && inner !== null && (typeof inner !== "object" || Array.isArray(inner))) {
      throw unknownShape("the function of a tool call must be an object", piece);
    }
    const { name: givenName, arguments: content } = (inner ?? {}) as JsonObject;
    const [id, name] = [textOf(givenId), textOf(givenName)];
    const given =
      content === undefined || content === null ? "" : typeof content === "string" ? content : JSON.stringify(content);
    const index = typeof place === "number" ? place : position;
    let call = continued(index, id, name, given);
    if (call === undefined) {
      call = { index, id, name: "", given: "", fields: {} };
      calls.push(call);
    }
    if (call.id === "") call.id = id;
    // Repeated, given as a whole again, or in pieces.
    if (name.startsWith(call.name)) call.name = name;
    else if (call.given === "" && name !== "") call.name += name;
    call.given = joined(call.given, given);
    const told = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined && value !== "");
    call.fields = { ...call.fields, ...Object.fromEntries(told) };
  }

  return {
    push(pieces) {
      if (pieces === undefined || pieces === null) return;
      if (!Array.isArray(pieces)) throw unknownShape("tool_calls must be a list", pieces);
      for (const [position, piece] of pieces.entries()) {
        if (piece === null) continue;
        if (typeof piece !== "object" || Array.isArray(piece))
          throw unknownShape("a tool call must be an object", piece);
        pushPiece(piece as JsonObject, position);
      }
    },
    whole: () =>
      [...calls]
        .sort((a, b) => a.index - b.index)
        .map(({ id, name, given, fields }) => ({ ...fields, id, function: { name, arguments: given } }) as JsonObject),
  };
}
