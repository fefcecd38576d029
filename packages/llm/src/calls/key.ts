import { canonicalJson, type Json, type JsonObject, sha256 } from "@cambium/base";
import { encodeRequest } from "../messages/encoding.ts";
import type { ModelRequest } from "../messages/request.ts";
import type { Source } from "../sources/source.ts";

/** What of a source enters a key. */
type KeySource = Pick<Source, "provider" | "model" | "identity">;

/** Enters every key; another number makes every stored reply unknown. */
const KEY_VERSION = 1;

/**
 * Tool call ids are drawn afresh by every run, so a key holds their order of appearance in their place.
 */
function numberCalls(messages: Json): Json {
  const seen = new Map<string, string>();
  const rename = (id: string): string => {
    if (!seen.has(id)) seen.set(id, `call-${seen.size}`);
    return seen.get(id)!;
  };
  return (messages as readonly JsonObject[]).map((message) => {
    const content = message["content"];
    if (!Array.isArray(content)) return message;
    const parts = (content as readonly JsonObject[]).map((part) =>
      part["type"] === "tool-call" || part["type"] === "tool-result"
        ? { ...part, id: rename(String(part["id"])) }
        : part,
    );
    return { ...message, content: parts };
  });
}

/** Who is asked and what, as JSON: what a key is the hash of. Files stand in it by their hash. */
export function keySubject(source: KeySource, request: ModelRequest): JsonObject {
  const { messages, ...settings } = encodeRequest(request, (bytes) => ({ sha256: sha256(bytes) }));
  return {
    version: KEY_VERSION,
    provider: source.provider,
    model: source.model,
    identity: source.identity ?? null,
    request: { ...settings, sample: request.sample ?? 0, messages: numberCalls(messages!) },
  };
}

/** What of a source enters a key, once it is worked out. */
export async function identified(source: KeySource & Pick<Source, "identify">): Promise<KeySource> {
  const { provider, model } = source;
  return source.identify === undefined ? source : { provider, model, identity: await source.identify() };
}

/** SHA-256 under which the reply to a request is stored. Hexadecimal. */
export function keyOf(source: KeySource, request: ModelRequest): string {
  return sha256(canonicalJson(keySubject(source, request)));
}
