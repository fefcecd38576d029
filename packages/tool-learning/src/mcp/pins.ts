/** What of a server's tools was approved: definitions with their hashes, so that a change is noticed and can be shown. */
import { canonicalJson, type Json, type JsonObject, sha256 } from "@cambium/base";

/** An approved definition. */
export interface McpPin {
  /** SHA-256 of name, title, description, schemas and annotations. */
  readonly hash: string;
  /** What was approved. */
  readonly definition: JsonObject;
}

/** What was approved of a server: plain JSON, to be kept. */
export interface McpPins {
  readonly version: 1;
  /** Name of the server here. */
  readonly server: string;
  /** By the server's name of the tool. */
  readonly tools: Readonly<Record<string, McpPin>>;
}

/** The parts of a definition that tell a model what to do. */
const PINNED = ["name", "title", "description", "inputSchema", "outputSchema", "annotations"] as const;

/** The pinned parts of what a server says of a tool. */
export function pinnedPart(definition: Readonly<Record<string, unknown>>): JsonObject {
  const parts = PINNED.flatMap((key) =>
    definition[key] === undefined ? [] : [[key, definition[key] as Json] as const],
  );
  return Object.fromEntries(parts);
}

/** Hash of a definition. */
export const hashOf = (definition: JsonObject): string => sha256(canonicalJson(definition));
