/**
 * The ways in which a call can end other than with a reply. Each is a class with a literal `code`; recognise them by it,
 * never by `instanceof`: two copies of this package may be loaded. `CallError` is the union, so a `switch` on `code` is
 * checked for completeness.
 */
import {
  CambiumError,
  CancelledError,
  type ConfigError,
  type FileError,
  type FormatError,
  type StateError,
  type StoreError,
} from "@cambium/base";

/** The budget has no room for the call. Nothing was sent. `details`: `limit`, `allowed`, `spent`, `needed`. */
export class BudgetExceededError extends CambiumError {
  readonly code = "BUDGET_EXCEEDED";
}

/** The provider asks to slow down (429), and keeps asking after the retries. `details`: `waitMs`. */
export class RateLimitedError extends CambiumError {
  readonly code = "RATE_LIMITED";
}

/** The provider failed (5xx), could not be reached, hung up or took too long. `details`: `status` or `reason`. */
export class UnavailableError extends CambiumError {
  readonly code = "UNAVAILABLE";
}

/** The provider does not know the key (401). */
export class UnauthorizedError extends CambiumError {
  readonly code = "UNAUTHORIZED";
}

/** The provider knows the key and refuses (403), or the key's account has no money or quota left (402). */
export class ForbiddenError extends CambiumError {
  readonly code = "FORBIDDEN";
}

/** The provider refused the request (400, 404, …) or answered elsewhere (3xx). `details`: `status`. */
export class ModelError extends CambiumError {
  readonly code = "MODEL_ERROR";
}

/** The reply cannot be read: no JSON, an unknown shape, a stream that ends early. `details`: `head`, its start. */
export class ModelFormatError extends CambiumError {
  readonly code = "MODEL_FORMAT";
}

/** The reply is larger than allowed. `details`: `limitBytes`. */
export class OutputTooLargeError extends CambiumError {
  readonly code = "OUTPUT_TOO_LARGE";
}

/** The caller's signal was aborted, or the models were closed. */
export { CancelledError };

/** A script has no step for the request, or a replayed cassette no recording of it. `details`: `request`, `nearest`. */
export class NoReplyError extends CambiumError {
  readonly code = "NO_REPLY";
}

/**
 * Every way in which a call fails, told apart by `code`. Where a reply was paid for but not saved, `details.result` of the
 * `StoreError` holds it; the same call made again in this process saves and returns it without paying.
 */
export type CallError =
  | ConfigError
  | StateError
  | FormatError
  | BudgetExceededError
  | RateLimitedError
  | UnavailableError
  | UnauthorizedError
  | ForbiddenError
  | ModelError
  | ModelFormatError
  | OutputTooLargeError
  | CancelledError
  | StoreError
  | FileError
  | NoReplyError;
