/** Texts of users, in the one encoding that is read: in another, each letter that it writes otherwise would become another letter. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { UseError } from "./io.ts";

/**
 * Decodes a text that comes in parts; a call without one ends it. A byte order mark at its start is left out.
 *
 * @param name - What it is called in the error.
 * @throws {UseError} From the function, when it is not UTF-8.
 */
export function utf8Decoder(verb: string, name: string): (part?: Uint8Array) => string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return (part) => {
    try {
      return decoder.decode(part, { stream: part !== undefined });
    } catch {
      throw new UseError(`${verb}: ${name} is not UTF-8; save it as that first`);
    }
  };
}

/** A whole text. */
export function utf8Text(verb: string, name: string, bytes: Uint8Array): string {
  const decode = utf8Decoder(verb, name);
  return decode(bytes) + decode();
}

/**
 * The text of a file.
 *
 * @throws {UseError} When it is not there, a folder, or not UTF-8.
 */
export function readTextFile(verb: string, path: string): string {
  if (!existsSync(path)) throw new UseError(`${verb}: there is no file ${path}`);
  if (statSync(path).isDirectory()) throw new UseError(`${verb}: ${path} is a folder; give a file`);
  return utf8Text(verb, path, readFileSync(path));
}
