/** What an error tells besides its message: any fields, and the error that caused it. */
export interface ErrorDetails {
  /** *function: what was expected, what came, what to do*, values included. */
  readonly message: string;
  readonly cause?: unknown;
  readonly [field: string]: unknown;
}

/**
 * Base of every error that this package throws on purpose. What a model or a guest does wrong is never thrown: it is a
 * `Failure` in the trajectory.
 *
 * Recognise errors by `code`, never by `instanceof`: two copies of a package may be loaded.
 */
export abstract class ToolLearningError extends Error {
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

/** Options or arguments that cannot be meant: unknown keys, values out of range, two rows with one id. */
export class ConfigError extends ToolLearningError {
  readonly code = "CONFIG";
}

/** A call at the wrong time or in the wrong place: a closed library, a run without an end, a missing package. */
export class StateError extends ToolLearningError {
  readonly code = "STATE";
}

/** A file or text that is not what it claims to be: a row without a question, a library of another version. */
export class FormatError extends ToolLearningError {
  readonly code = "FORMAT";
}

/** A file that could not be read or written: missing, forbidden, or no room for it. */
export class FileError extends ToolLearningError {
  readonly code = "FILE";
}
