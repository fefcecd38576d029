import { folder as folderHere, openFolder } from "#open-folder";
import { ConfigError } from "./errors.ts";
import type { Files } from "./files.ts";
import { remote } from "./remote.ts";

/** What a source is, in a message. */
function nameOf(source: unknown): string {
  if (source === "") return "an empty text";
  return source === null || source === undefined ? String(source) : `a value of type ${typeof source}`;
}

/**
 * The files that a string or a `Files` stands for. Every function that reads or writes files takes either.
 *
 * A string that starts with `http:` or `https:` is a folder on a web server. Any other string is a folder's path in
 * Node, and an address relative to the page in a browser.
 *
 * @throws {ConfigError} When it is neither, such as a variable that was never set.
 * @example
 * const bytes = await openFiles("models/small").read("config.json");
 */
export function openFiles(source: string | Files): Files {
  if (typeof source === "object" && typeof source?.read === "function") return source;
  if (typeof source !== "string" || source === "") {
    throw new ConfigError({
      message: `openFiles: files are a path, an address or an object with read, write and list (Files), got ${nameOf(source)}`,
    });
  }
  return /^https?:\/\//i.test(source) ? remote(source) : openFolder(source);
}

/**
 * A folder on disk, in Node. Files are written whole or not at all, and flushed to the disk.
 *
 * Folders are made as they are needed and go when their last file is removed. Symbolic links to files are followed,
 * those to folders are not listed. A process killed while it writes leaves a hidden file, which `list` does not show and
 * the next write of the same name removes.
 *
 * @param path - The folder, absolute or relative to the working directory. It need not exist.
 * @throws {StateError} In a browser.
 * @example
 * await folder("runs").write("first/notes.txt", "learning rate 1e-3");
 */
export const folder: (path: string) => Files = folderHere;
