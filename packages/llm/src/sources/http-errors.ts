import type { CambiumError } from "@cambium/base";
import { ForbiddenError, ModelError, RateLimitedError, UnauthorizedError, UnavailableError } from "../errors.ts";

/** Words for an account that may ask nothing more until somebody pays. */
const NO_MONEY: ReadonlySet<string> = new Set([
  "insufficient_quota",
  "insufficient_user_quota",
  "insufficient_balance",
  "insufficient_credits",
  "billing_hard_limit_reached",
  "billing_not_active",
]);

/** Statuses of failures that come with status 200, by the provider's word. */
const STATUSES: ReadonlyMap<string, number> = new Map([
  ["insufficient_quota", 429],
  ["rate_limit_exceeded", 429],
  ["rate_limit_error", 429],
  ["overloaded_error", 529],
  ["invalid_api_key", 401],
  ["authentication_error", 401],
  ["permission_error", 403],
  ["invalid_request_error", 400],
  ["context_length_exceeded", 400],
  ["model_not_found", 404],
  ["not_found_error", 404],
]);

/** Whether a provider's words say what failed. */
export const isKnownFailure = (words: readonly string[]): boolean =>
  words.some((word) => NO_MONEY.has(word) || STATUSES.has(word));

function statusOf(words: readonly string[]): number {
  for (const word of words) {
    const number = Number(word);
    if (number >= 400 && number < 600) return number;
    const known = STATUSES.get(word);
    if (known !== undefined) return known;
  }
  return 502;
}

/** The provider timed out or fell over while it may have been at work: what it did counts as paid. */
const MAY_HAVE_WORKED = new Set([500, 502, 504, 520, 522, 524]);

/**
 * The error that an HTTP status means.
 *
 * Statuses by which a provider refuses before it works (4xx, 503, 529) cost nothing; others may have been paid for.
 *
 * @param given - A status of 200 is a failure that stands in a reply; its code tells then which.
 * @param detail - What the provider said, already shortened.
 * @param waitMs - The wait it asks for. Milliseconds.
 * @param words - The provider's words for the failure, such as `insufficient_quota`.
 */
export function errorOfStatus(
  caller: string,
  given: number,
  detail: string,
  waitMs?: number,
  words: readonly string[] = [],
): CambiumError {
  const status = given < 300 ? statusOf(words) : given;
  const charged = MAY_HAVE_WORKED.has(status);
  const details = { status, charged, ...(waitMs === undefined ? {} : { waitMs }) };
  const said = detail === "" ? "" : `: ${detail}`;
  if (status === 402 || words.some((word) => NO_MONEY.has(word))) {
    return new ForbiddenError({
      message: `${caller}: the provider's account has no money or quota left (${status})${said}; asking again would not help`,
      ...details,
    });
  }
  if (status === 429) {
    const wait = waitMs === undefined ? "later" : `in ${waitMs} ms`;
    return new RateLimitedError({ message: `${caller}: too many requests, try again ${wait}${said}`, ...details });
  }
  if (status === 401) {
    return new UnauthorizedError({
      message: `${caller}: the key is not accepted (401); check apiKey${said}`,
      ...details,
    });
  }
  if (status === 403) {
    return new ForbiddenError({
      message: `${caller}: the provider refuses this key or region (403)${said}`,
      ...details,
    });
  }
  if (status >= 500 || status === 408 || status === 409 || status === 425) {
    return new UnavailableError({ message: `${caller}: the provider failed with status ${status}${said}`, ...details });
  }
  if (status >= 300 && status < 400) {
    const advice = "redirects are not followed, so that keys go nowhere else; set baseURL to the new address";
    return new ModelError({ message: `${caller}: answered by a redirect (${status})${said}; ${advice}`, ...details });
  }
  return new ModelError({
    message: `${caller}: the provider refused the request with status ${status}${said}`,
    ...details,
  });
}
