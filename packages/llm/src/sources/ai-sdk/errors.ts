import { CambiumError } from "@cambium/base";
import type { Clock } from "../../calls/clock.ts";
import { ModelError, ModelFormatError, UnauthorizedError, UnavailableError } from "../../errors.ts";
import { retryAfter } from "../http.ts";
import { errorOfStatus } from "../http-errors.ts";

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

/** What the AI SDK threw, as one of our errors; recognised by its fields, as the SDK itself advises. */
export function errorFromSdk(cause: unknown, clock: Clock): CambiumError {
  if (cause instanceof CambiumError) return cause;
  const error = cause as {
    readonly name?: string;
    readonly message?: string;
    readonly statusCode?: number;
    readonly responseBody?: string;
    readonly responseHeaders?: Readonly<Record<string, string>>;
    readonly cause?: { readonly name?: string };
  };
  const { name = "", message = String(cause), statusCode, responseHeaders = {} } = error;
  const details = { message: `aiSdk: ${message}`, cause };
  if (UNREADABLE.has(name) || (statusCode === 200 && UNREADABLE.has(error.cause?.name ?? ""))) {
    return new ModelFormatError({ ...details, head: "" });
  }
  if (statusCode !== undefined && statusCode >= 300) {
    const get = (header: string): string | null => responseHeaders[header] ?? null;
    const words = String(error.responseBody ?? "").match(/"(?:code|type|status)"\s*:\s*"[a-z_]{1,60}"/g) ?? [];
    const found = words.map((word) => word.split('"')[3]!);
    return errorOfStatus("aiSdk", statusCode, message.slice(0, 300), retryAfter({ get }, clock), found);
  }
  if (name === "AI_LoadAPIKeyError") return new UnauthorizedError({ ...details, charged: false });
  if (NEVER_SENT.has(name)) return new ModelError({ ...details, charged: false });
  return new UnavailableError({ ...details, reason: "unknown" });
}
