import { CambiumError, type JsonObject } from "@cambium/base";

const STATUSES: Readonly<Record<string, number>> = {
  CONFIG: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  BUDGET_EXCEEDED: 402,
  RATE_LIMITED: 429,
  MODEL_ERROR: 400,
  UNAVAILABLE: 503,
  CANCELLED: 503,
};

/** Words of the format for failures, by their status; others are requests that are wrong. */
const TYPES: Readonly<Record<number, string>> = { 402: "insufficient_quota", 429: "rate_limit_error" };

/** Words of the format for what went wrong, where it has some. */
const CODES: Readonly<Record<string, string>> = {
  CONFIG: "invalid_value",
  UNAUTHORIZED: "invalid_api_key",
  BUDGET_EXCEEDED: "insufficient_quota",
  RATE_LIMITED: "rate_limit_exceeded",
};

/** Body of a failure, as OpenAI writes it. `param` is the field of the request that is wrong. */
export function errorBody(status: number, message: string, code: string | null = null, param?: string): JsonObject {
  const type = TYPES[status] ?? (status >= 500 ? "server_error" : "invalid_request_error");
  return { error: { message, type, param: param ?? null, code } };
}

/** Status, body and headers that an error means. */
export function failureOf(error: unknown): { status: number; body: JsonObject; headers: Record<string, string> } {
  if (!(error instanceof CambiumError)) {
    return { status: 500, body: errorBody(500, "the server failed", "internal_error"), headers: {} };
  }
  const { waitMs, status: told, reason, param } = error.details;
  const code = typeof reason === "string" && reason === "context_length_exceeded" ? reason : CODES[error.code];
  const headers: Record<string, string> = typeof waitMs === "number" ? { "retry-after-ms": String(waitMs) } : {};
  if (typeof waitMs === "number") headers["retry-after"] = String(Math.ceil(waitMs / 1000));
  const status = typeof told === "number" ? told : (STATUSES[error.code] ?? 500);
  const field = typeof param === "string" ? param : undefined;
  return { status, body: errorBody(status, error.message, code ?? error.code.toLowerCase(), field), headers };
}
