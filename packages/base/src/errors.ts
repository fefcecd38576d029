/**
 * Every kind of error in this library, one vocabulary for all packages: what a caller switches on. A word means the same
 * wherever it comes from; a new one is added here.
 *
 * | code | the call failed because |
 * |---|---|
 * | `CONFIG` | an option or argument cannot be meant: an unknown key, a value out of range |
 * | `SHAPE` | tensors or trees do not fit together |
 * | `STATE` | it came at the wrong time or in the wrong environment |
 * | `FORMAT` | a file or text is not what it claims to be |
 * | `FILE` | a file could not be read or written |
 * | `STORE` | a database could not be read or written |
 * | `CANCELLED` | the caller's signal was aborted, or what was called is closed |
 * | `BUDGET_EXCEEDED` | the budget has no room for it |
 * | `RATE_LIMITED` | a service asks to slow down |
 * | `UNAVAILABLE` | a service failed, cannot be reached or took too long |
 * | `UNAUTHORIZED` | a service does not know the key |
 * | `FORBIDDEN` | a service knows the key and refuses |
 * | `MODEL_ERROR` | a service refused the request itself |
 * | `MODEL_FORMAT` | a service's reply cannot be read |
 * | `OUTPUT_TOO_LARGE` | a reply or result is larger than allowed |
 * | `NO_REPLY` | a script or a recording has no reply to the request |
 */
export type ErrorCode =
  | "CONFIG"
  | "SHAPE"
  | "STATE"
  | "FORMAT"
  | "FILE"
  | "STORE"
  | "CANCELLED"
  | "BUDGET_EXCEEDED"
  | "RATE_LIMITED"
  | "UNAVAILABLE"
  | "UNAUTHORIZED"
  | "FORBIDDEN"
  | "MODEL_ERROR"
  | "MODEL_FORMAT"
  | "OUTPUT_TOO_LARGE"
  | "NO_REPLY";

/** What an error says besides its message: any fields, and the error that caused it. */
export interface ErrorDetails {
  /** *function: what was expected, what came, what to do*, values included. */
  readonly message: string;
  readonly cause?: unknown;
  readonly [field: string]: unknown;
}

/**
 * Base of every error this library throws on purpose.
 *
 * Recognise errors by `code`, never by `instanceof`: two copies of a package may be loaded.
 */
export abstract class CambiumError extends Error {
  /** Kind of error, stable across versions. */
  abstract readonly code: ErrorCode;
  /** The values the message speaks of. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor({ message, cause, ...details }: ErrorDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.details = details;
  }
}

/** Tensors or trees whose shapes, dtypes or names do not fit together. */
export class ShapeError extends CambiumError {
  readonly code = "SHAPE";
}

/** A configuration that cannot be meant: unknown keys, values out of range, targets that match nothing. */
export class ConfigError extends CambiumError {
  readonly code = "CONFIG";
}

/** A call at the wrong time or in the wrong environment: no backend, a diverged run, a missing runtime. */
export class StateError extends CambiumError {
  readonly code = "STATE";
}

/** A file that is not what it claims to be: truncated, corrupt, of another format or of another model. */
export class FormatError extends CambiumError {
  readonly code = "FORMAT";
}

/** A file that could not be read or written: missing, forbidden, or no room for it. */
export class FileError extends CambiumError {
  readonly code = "FILE";
}

/** A database that could not be opened, read or written: held by another process for too long, closed, or no room for it. */
export class StoreError extends CambiumError {
  readonly code = "STORE";
}

/** The caller's signal was aborted, or what was called is closed. */
export class CancelledError extends CambiumError {
  readonly code = "CANCELLED";
}
