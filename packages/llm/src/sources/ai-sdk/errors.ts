import { CambiumError } from "@cambium/base";
import type { Clock } from "../../calls/clock.ts";
import { ModelError, ModelFormatError, UnauthorizedError, UnavailableError } from "../../errors.ts";
import { retryAfter } from "../http.ts";
import { errorOfStatus, isKnownFailure } from "../http-errors.ts";
import { textOfThrown } from "../thrown.ts";

/** Errors of the SDK that say that the reply cannot be read. */
const UNREADABLE = new Set([
  "AI_JSONParseError",
  "AI_TypeValidationError",
  "AI_InvalidResponseDataError",
  "AI_EmptyResponseBodyError",
  "AI_NoContentGeneratedError",
]);

/** Errors of the SDK that come before anything is sent. */
const NEVER_SENT = new Set([
  "AI_InvalidPromptError",
  "AI_InvalidArgumentError",
  "AI_UnsupportedFunctionalityError",
  "AI_NoSuchModelError",
]);

/** What came in a stream as JSON text, empty for an error of the language. */
function jsonOf(cause: unknown): string {
  return typeof cause === "string" ? cause : cause instanceof Error ? "" : textOfThrown({ cause });
}

/** The provider's words for a failure, in the JSON text that reports it. */
function wordsIn(text: string): string[] {
  const found = text.match(/"(?:code|type|status)"\s{0,9}:\s{0,9}"[a-z_]{1,60}"/g) ?? [];
  return found.map((field) => field.split('"')[3]!);
}

/** What the AI SDK threw, as one of our errors; recognised by its fields, as the SDK itself advises. */
export function errorFromSdk(cause: unknown, clock: Clock): CambiumError {
  if (cause instanceof CambiumError) return cause;
  const error = (cause ?? {}) as {
    readonly name?: string;
    readonly message?: string;
    readonly statusCode?: number;
    readonly responseBody?: string;
    readonly responseHeaders?: Readonly<Record<string, string>>;
    readonly cause?: { readonly name?: string };
  };
  const { name = "", message = textOfThrown(cause), statusCode, responseHeaders = {}, responseBody } = error;
  const details = { message: `aiSdk: ${message}`, cause };
  if (UNREADABLE.has(name) || (statusCode === 200 && UNREADABLE.has(error.cause?.name ?? ""))) {
    return new ModelFormatError({ ...details, head: "" });
  }
  const words = wordsIn(responseBody ?? jsonOf(cause));
  if (statusCode !== undefined && statusCode >= 300) {
    const get = (header: string): string | null => responseHeaders[header] ?? null;
    return errorOfStatus("aiSdk", statusCode, message.slice(0, 300), retryAfter({ get }, clock), words);
  }
  // An error that came in a stream is a plain object, without a status.
  if (isKnownFailure(words)) return errorOfStatus("aiSdk", 200, message.slice(0, 300), undefined, words);
  if (name === "AI_LoadAPIKeyError") return new UnauthorizedError({ ...details, charged: false });
  if (NEVER_SENT.has(name)) return new ModelError({ ...details, charged: false });
  return new UnavailableError({ ...details, reason: "unknown" });
}
