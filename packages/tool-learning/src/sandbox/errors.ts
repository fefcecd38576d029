/** A setting that cannot be meant: a value out of range, an unknown key, a name that is taken. Recognise it by `code`. */
export class ConfigError extends Error {
  readonly code = "CONFIG";
  /** The values the message speaks of. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor({ message, ...details }: { readonly message: string; readonly [field: string]: unknown }) {
    super(message);
    this.name = "ConfigError";
    this.details = details;
  }
}
