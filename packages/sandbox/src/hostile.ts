/** The length of a text that a value of unknown origin is shown by. */
const LONGEST = 1500;

/**
 * The message of whatever was thrown. An error from outside is a hostile value: it may lack a prototype, have a message that is
 * no text, or throw at every touch. Never throws.
 */
export function messageOf(error: unknown): string {
  try {
    const isObject = (typeof error === "object" && error !== null) || typeof error === "function";
    const message: unknown = isObject ? (error as { readonly message?: unknown }).message : error;
    if (typeof message === "string") return message.slice(0, LONGEST);
    if (!isObject) return String(error).slice(0, LONGEST);
    const json: unknown = JSON.stringify(error);
    return typeof json === "string" && json !== "{}" ? json.slice(0, LONGEST) : "an error without a message";
  } catch {
    return "an error that cannot be shown";
  }
}
