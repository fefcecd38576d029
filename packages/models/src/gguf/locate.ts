/** Which GGUF file a source stands for, if any. */
import { ConfigError, type Files, hasFile, openFiles } from "@cambium/base";

/** A file in a folder. */
export interface Located {
  readonly files: Files;
  readonly name: string;
}

/** A path or an address that ends in `.gguf` as its folder and its name. The query of an address stays with its folder. */
export function splitPath(path: string): { readonly folder: string; readonly name: string } | undefined {
  const found = /^(.*?)([^/\\?#]+\.gguf)(\?[^#]*)?$/i.exec(path);
  if (found === null) return undefined;
  const [, before = "", name = "", query = ""] = found;
  if (query !== "" && !/^https?:\/\//i.test(path)) return undefined;
  const folder = before.length > 1 ? before.replace(/[/\\]$/, "") : before;
  return { folder: `${folder === "" ? "." : folder}${query}`, name: decode(name, path) };
}

/** Names in addresses may have blanks and the like as `%20`. */
function decode(name: string, path: string): string {
  return /^https?:\/\//i.test(path) ? decodeURIComponent(name) : name;
}

/**
 * The GGUF file that a source stands for: a path or an address that ends in `.gguf`, or a folder that holds one and is no Hugging
 * Face folder. `undefined` for any other source.
 *
 * @throws {ConfigError} When a folder holds several, so that one must be named.
 */
export async function locateGguf(caller: string, source: string | Files, marker: string): Promise<Located | undefined> {
  if (typeof source === "string") {
    const path = splitPath(source);
    if (path !== undefined) return { files: openFiles(path.folder), name: path.name };
  }
  const files = openFiles(source);
  if (await hasFile(files, marker)) return undefined;
  const listed = await files.list().catch(() => []); // there is no listing over HTTP
  const names = listed.map(({ name }) => name).filter((name) => /^[^/]+\.gguf$/i.test(name));
  if (names.length === 0) return undefined;
  if (names.length === 1) return { files, name: names[0]! };
  throw new ConfigError({
    message: `${caller}: ${files.location} holds ${names.length} GGUF files, ${names.join(", ")}; name one of them by its path`,
    names,
  });
}
