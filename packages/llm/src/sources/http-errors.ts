import type { CambiumError } from "@cambium/base";
import { ForbiddenError, ModelError, RateLimitedError, UnauthorizedError, UnavailableError } from "../errors.ts";

/** The provider timed out or fell over while it may have been at work: what it did counts as paid. */
const MAY_HAVE_WORKED = new Set([500, 502, 504, 520, 522, 524]);

/**
 * The error that an HTTP status means.
 *
 * Statuses by which a provider refuses before it works (4xx, 503, 529) cost nothing; others may have been paid for.
 *
 * @param detail - What the provider said, already shortened.
 * @param waitMs - The wait it asks for. Milliseconds.
 */
export function errorOfStatus(caller: string, status: number, detail: string, waitMs?: number): CambiumError {
  const charged = MAY_HAVE_WORKED.has(status);
  const details = { status, charged, ...(waitMs === undefined ? {} : { waitMs }) };
  const said = detail === "" ? "" : `: ${detail}`;
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
