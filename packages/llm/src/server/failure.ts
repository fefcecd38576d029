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

/** Body of a failure, as OpenAI writes it. */
export function errorBody(message: string, type: string, code: string | null = null): JsonObject {
  return { error: { message, type, param: null, code } };
}

/** Status, body and headers that an error means. */
export function failureOf(error: unknown): { status: number; body: JsonObject; headers: Record<string, string> } {
  if (!(error instanceof CambiumError)) {
    return { status: 500, body: errorBody("the policy failed", "server_error"), headers: {} };
  }
  const { waitMs, status, reason } = error.details;
  const code = error.code.toLowerCase(); // as codes are written on the wire
  const headers: Record<string, string> = typeof waitMs === "number" ? { "retry-after-ms": String(waitMs) } : {};
  if (typeof waitMs === "number") headers["retry-after"] = String(Math.ceil(waitMs / 1000));
  return {
    status: typeof status === "number" ? status : (STATUSES[error.code] ?? 500),
    body: errorBody(error.message, code, reason === "context_length_exceeded" ? reason : code),
    headers,
  };
}
