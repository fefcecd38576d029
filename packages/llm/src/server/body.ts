/** The body of a request as JSON. */
import type { IncomingMessage } from "node:http";
import { ConfigError } from "@cambium/base";

/** Values that may stand one inside of the other: no request needs more, and what looks through them has a stack. */
const DEEPEST = 500;

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** Whether brackets outside of strings stand deeper than that inside of each other. */
function isTooDeep(text: Buffer): boolean {
  let depth = 0;
  let isInString = false;
  for (let i = 0; i < text.length; i++) {
    const byte = text[i]!;
    if (isInString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) isInString = false;
    } else if (byte === QUOTE) isInString = true;
    else if (OPENING.has(byte) && ++depth > DEEPEST) return true;
    else if (CLOSING.has(byte)) depth--;
  }
  return false;
}

/**
 * Reads it; `undefined` when it is too large.
 *
 * @throws {ConfigError} When it is no JSON in UTF-8, or values stand too deep inside of each other.
 */
export async function readJson(request: IncomingMessage, limitBytes: number): Promise<unknown> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) return undefined;
    chunks.push(chunk);
  }
  if (sizeBytes === 0) return {};
  const bytes = Buffer.concat(chunks);
  if (isTooDeep(bytes)) {
    throw new ConfigError({ message: `the body has more than ${DEEPEST} values one inside of the other` });
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ConfigError({ message: `the body is no JSON: ${(cause as Error).message}`, cause });
  }
}
