import { FormatError } from "./errors.ts";
import type { Files } from "./files.ts";
import { openFiles } from "./open-files.ts";

/**
 * A JSON file's value.
 *
 * @param source - The folder, or a string for `openFiles`.
 * @param name - Such as `"config.json"`.
 * @throws {FileError} When the file cannot be read.
 * @throws {FormatError} When it is not UTF-8 or not JSON.
 */
export async function readJson(source: string | Files, name: string): Promise<unknown> {
  const files = openFiles(source);
  const bytes = await files.read(name);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    const problem = cause instanceof SyntaxError ? cause.message : "its bytes are not UTF-8";
    throw new FormatError({
      message: `readJson: "${name}" in ${files.location} is not JSON (${problem}); is it complete?`,
      cause,
      name,
      location: files.location,
    });
  }
}
