import { FileError } from "./errors.ts";

/** Half-open range of bytes, `from` included and `to` not. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** What can be written: bytes, text (as UTF-8), or a stream of bytes. */
export type FileContent = Uint8Array | string | AsyncIterable<Uint8Array>;

/**
 * One folder, wherever it lives.
 *
 * Names are relative, with `/` between parts. Implementations: `folder` (Node), `memory`, `remote` (HTTP) and
 * `directory` (a browser's file system handle).
 */
export interface Files {
  /** Where this folder is, for messages. */
  readonly location: string;
  /** Every file in the folder and below it, in order of name. An absent folder has no files. */
  list(): Promise<readonly { readonly name: string; readonly sizeBytes: number }[]>;
  /**
   * The bytes of a file, or of a range of it.
   *
   * @throws {FileError} When the file is absent or the range lies outside it.
   */
  read(name: string, range?: ByteRange): Promise<Uint8Array>;
  /**
   * Writes a file whole or not at all: after a failure or a crash the former content is still there.
   *
   * @throws {FileError} When it cannot be written; nothing is left behind.
   */
  write(name: string, content: FileContent): Promise<void>;
  /** Removes a file. Removing an absent file is no error. */
  remove(name: string): Promise<void>;
}

/** Collects written content into one array. */
export async function collectBytes(content: FileContent): Promise<Uint8Array> {
  if (typeof content === "string") return new TextEncoder().encode(content);
  if (content instanceof Uint8Array) return content.slice();
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece.slice());
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}

/** Throws unless `name` is a relative path that stays inside its folder. */
export function checkName(name: string, location: string): void {
  const parts = name.split("/");
  if (
    name === "" ||
    name.includes("\\") ||
    name.includes("\0") ||
    parts.some((part) => part === "" || part === "." || part === "..")
  ) {
    throw new FileError({
      message: `files: "${name}" is no name inside ${location}; use relative names such as "model.safetensors"`,
      name,
    });
  }
}

/** Throws unless `range` lies within `sizeBytes`. */
export function checkRange(range: ByteRange, sizeBytes: number, name: string): void {
  const { from, to } = range;
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < from || to > sizeBytes) {
    throw new FileError({
      message: `files: bytes ${from} to ${to} were asked of ${name}, which has ${sizeBytes}; is the file truncated?`,
      name,
      range,
      sizeBytes,
    });
  }
}

/**
 * A folder in memory, for tests and for passing files along.
 *
 * @param initial - Content by name.
 */
export function memory(initial: Readonly<Record<string, Uint8Array | string>> = {}): Files {
  const files = new Map<string, Uint8Array>();
  for (const [name, content] of Object.entries(initial)) {
    files.set(name, typeof content === "string" ? new TextEncoder().encode(content) : content.slice());
  }
  return {
    location: "memory",
    async list() {
      return [...files]
        .map(([name, bytes]) => ({ name, sizeBytes: bytes.length }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async read(name, range) {
      const bytes = files.get(name);
      if (bytes === undefined)
        throw new FileError({
          message: `files: no "${name}" in memory; it has ${[...files.keys()].join(", ") || "no files"}`,
          name,
        });
      if (range === undefined) return bytes.slice();
      checkRange(range, bytes.length, name);
      return bytes.slice(range.from, range.to);
    },
    async write(name, content) {
      checkName(name, "memory");
      files.set(name, await collectBytes(content));
    },
    async remove(name) {
      files.delete(name);
    },
  };
}
