/** What an error tells besides its message: any fields, and the error that caused it. */
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
  abstract readonly code: string;
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
