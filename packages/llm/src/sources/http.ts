import type { Clock } from "../calls/clock.ts";
import { ModelFormatError, OutputTooLargeError, UnavailableError } from "../errors.ts";

/** Failures before a request reached anybody. */
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function systemCode(error: unknown): string | undefined {
  for (
    let inner = error as { code?: unknown; cause?: unknown } | undefined;
    inner;
    inner = inner.cause as typeof inner
  ) {
    if (typeof inner.code === "string") return inner.code;
  }
  return undefined;
}

/** The error of a connection that failed. */
export function connectionError(address: string, cause: unknown): UnavailableError {
  const code = systemCode(cause);
  const reason = code !== undefined && NEVER_SENT.has(code) ? "unreachable" : "connection lost";
  return new UnavailableError({
    message: `openai: ${address}: ${reason}${code === undefined ? "" : ` (${code})`}; is the server running and the address right?`,
    cause,
    reason,
    charged: reason !== "unreachable",
  });
}

/**
 * The chunks of a body, as long as they are not more than `limitBytes` together.
 *
 * @throws {OutputTooLargeError} At the first chunk past the limit; the rest is not read.
 * @throws {UnavailableError} When the connection breaks.
 */
export async function* readBody(response: Response, limitBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  let sizeBytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      sizeBytes += chunk.length;
      if (sizeBytes > limitBytes) {
        throw new OutputTooLargeError({
          message: `openai: the reply is larger than ${limitBytes} bytes; raise maxBodyBytes if it may be`,
          limitBytes,
        });
      }
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof OutputTooLargeError) throw cause;
    throw connectionError(response.url, cause);
  }
}

/** A whole body as text. */
export async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** A text as a JSON object. */
export function parseObject(text: string): { readonly [key: string]: never } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const head = text.slice(0, 200);
    throw new ModelFormatError({ message: `openai: expected JSON, got ${JSON.stringify(head)}`, cause, head });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const head = text.slice(0, 200);
    throw new ModelFormatError({ message: `openai: expected a JSON object, got ${head}`, head });
  }
  return value as { readonly [key: string]: never };
}

/** The wait that a response's headers ask for. Milliseconds; `undefined` when they do not. */
export function retryAfter(headers: Pick<Headers, "get">, clock: Clock): number | undefined {
  const precise = Number(headers.get("retry-after-ms") ?? Number.NaN);
  if (Number.isFinite(precise)) return Math.max(0, precise);
  const given = headers.get("retry-after");
  if (given === null) return undefined;
  const seconds = Number(given);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  // A date is the server's: its distance from the server's own date does not depend on this machine's clock.
  const date = Date.parse(given);
  const sent = Date.parse(headers.get("date") ?? "");
  const wait = date - (Number.isNaN(sent) ? clock.now() : sent);
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}
