/**
 * What was thrown, as text. An error from outside is a hostile value: it may lack a prototype, have a message that is no text, or
 * throw at every touch. Never throws.
 */
export function textOfThrown(thrown: unknown): string {
  try {
    const isObject = (typeof thrown === "object" && thrown !== null) || typeof thrown === "function";
    if (!isObject) return String(thrown);
    const message: unknown = (thrown as { readonly message?: unknown }).message;
    if (typeof message === "string") return message;
    return JSON.stringify(thrown) ?? "an error without a message";
  } catch {
    return "an error that cannot be shown";
  }
}
