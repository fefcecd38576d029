/**
 * The ways in which a call can end other than with a reply. Each is a class with a literal `code`; recognise them by it,
 * never by `instanceof`: two copies of this package may be loaded. `CallError` is the union, so a `switch` on `code` is
 * checked for completeness.
 */

/** What an error tells besides its message: any fields, and the error that caused it. */
export interface ErrorDetails {
  /** *function: what was expected, what came, what to do*, values included. */
  readonly message: string;
  readonly cause?: unknown;
  readonly [field: string]: unknown;
}

/** Base of every error this package throws on purpose. */
export abstract class ModelsError extends Error {
  /** Kind of error, stable across versions. */
  abstract readonly code: string;
  /** The values the message speaks of. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor({ message, cause, ...details }: ErrorDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.details = details;
  }
}

/** A call or an option that cannot be meant: a wrong value, an unknown key, a closed store. Nothing was sent. */
export class UsageError extends ModelsError {
  readonly code = "usage";
}

/** A file that is not what it claims to be: a cassette or a store of another version, or a corrupt one. */
export class FormatError extends ModelsError {
  readonly code = "format";
}

/** The budget has no room for the call. Nothing was sent. `details`: `limit`, `allowed`, `spent`, `needed`. */
export class BudgetExceededError extends ModelsError {
  readonly code = "budget_exceeded";
}

/** The provider asks to slow down (429), and goes on asking after the retries. `details`: `waitMs`. */
export class RateLimitedError extends ModelsError {
  readonly code = "rate_limited";
}

/** The provider failed (5xx), could not be reached, hung up or took too long. `details`: `status` or `reason`. */
export class UnavailableError extends ModelsError {
  readonly code = "unavailable";
}

/** The provider does not know the key (401). */
export class UnauthorizedError extends ModelsError {
  readonly code = "unauthorized";
}

/** The provider knows the key and refuses (403). */
export class ForbiddenError extends ModelsError {
  readonly code = "forbidden";
}

/** The provider refused the request (400, 404, …) or answered elsewhere (3xx). `details`: `status`. */
export class ModelError extends ModelsError {
  readonly code = "model_error";
}

/** The reply cannot be read: no JSON, another content type, a stream that ends early. `details`: `head`, its start. */
export class ModelFormatError extends ModelsError {
  readonly code = "model_format";
}

/** The reply is larger than allowed. `details`: `limitBytes`. */
export class OutputTooLargeError extends ModelsError {
  readonly code = "output_too_large";
}

/** The caller's signal was aborted, or the models were closed. */
export class CancelledError extends ModelsError {
  readonly code = "cancelled";
}

/**
 * The call store could not be read or written: a full disk, a lost folder. Where the reply was paid for but not saved,
 * `details.result` holds it; the same call made again in this process saves and returns it without paying.
 */
export class StoreError extends ModelsError {
  readonly code = "store";
}

/** A script has no step for the request, or a replayed cassette no recording of it. `details`: `request`, `nearest`. */
export class NoReplyError extends ModelsError {
  readonly code = "no_reply";
}

/** Every way in which a call fails, told apart by `code`. */
export type CallError =
  | UsageError
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
  | NoReplyError;
