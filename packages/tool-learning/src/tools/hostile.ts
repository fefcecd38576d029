/** The message of what was thrown, which may be any value, even one that throws when it is read. */
export function messageOf(thrown: unknown): string {
  try {
    const message = (thrown as { readonly message?: unknown } | null | undefined)?.message;
    return String(message === undefined || message === "" ? thrown : message);
  } catch {
    return "an error that cannot be shown";
  }
}

/** A text of at most so many characters: its beginning, if it is longer. */
export function excerptOf(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, Math.max(0, longest - 1))}…`;
}
