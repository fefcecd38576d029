import { FileError } from "./errors.ts";

/**
 * Why a file could not be read or written, as `details.reason` of a `FileError`: it is absent, the bytes asked for lie
 * outside it, access is denied, no room is left, the place cannot be written at all, the name is that of a folder (or a
 * file stands where a folder should), a server failed or cannot be reached just now, or anything else.
 */
export type FileErrorReason =
  | "missing"
  | "range"
  | "forbidden"
  | "full"
  | "read-only"
  | "folder"
  | "unavailable"
  | "other";

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
 * Names are relative, with `/` between parts. Implementations: `folder` (Node), `memory`, `remote` (HTTP), `directory` (a
 * browser's file system handle) and `hub` (Hugging Face).
 */
export interface Files {
  /** Where this folder is, for messages. */
  readonly location: string;
  /** By what other programs find it: a path as it was given, or a repository's name. @default no other program does */
  readonly name?: string;
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
  /** Size of a file in bytes, where that is cheaper than `list`. Ask through `fileSize`, which works on every folder. */
  size?(name: string): Promise<number>;
}

/** The error for a file that is not there, naming some of those that are when these are known. */
export function missingFile(name: string, location: string, present?: readonly string[]): FileError {
  const more = present !== undefined && present.length > 8 ? ` and ${present.length - 8} more` : "";
  const others = present === undefined ? "" : `; it has ${present.slice(0, 8).join(", ") || "no files"}${more}`;
  const reason: FileErrorReason = "missing";
  return new FileError({ message: `files: no "${name}" in ${location}${others}`, name, location, reason });
}

/** Whether an error says that a file is not there, in distinction to one that is there and cannot be read. */
export function isMissingFile(error: unknown): boolean {
  const { code, details } = (error ?? {}) as { code?: unknown; details?: { reason?: unknown } };
  return code === "FILE" && details?.reason === "missing";
}

/**
 * Size of a file in bytes.
 *
 * @throws {FileError} When the file is absent.
 */
export async function fileSize(files: Files, name: string): Promise<number> {
  if (files.size !== undefined) return files.size(name);
  const listed = await files.list();
  const found = listed.find((file) => file.name === name);
  if (found === undefined) {
    throw missingFile(
      name,
      files.location,
      listed.map((file) => file.name),
    );
  }
  return found.sizeBytes;
}

/** Whether a folder has a file of this name. */
export async function hasFile(files: Files, name: string): Promise<boolean> {
  try {
    await fileSize(files, name);
    return true;
  } catch (error) {
    if (isMissingFile(error)) return false;
    throw error;
  }
}

/** A copy in its own buffer, also of Node's `Buffer`, whose `slice` is a view. */
function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** Collects written content into one array. */
export async function collectBytes(content: FileContent): Promise<Uint8Array> {
  if (typeof content === "string") return new TextEncoder().encode(content);
  if (content instanceof Uint8Array) return copy(content);
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(copy(piece));
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
  const strange = name.includes("\\") || name.includes("\0");
  if (strange || parts.some((part) => part === "" || part === "." || part === "..")) {
    throw new FileError({
      message: `files: "${name}" is no name inside ${location}; use relative names such as "model.safetensors"`,
      name,
      location,
    });
  }
}

/** Throws unless `range` lies within `sizeBytes`. */
export function checkRange(range: ByteRange, sizeBytes: number, name: string): void {
  const { from, to } = range;
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < from || to > sizeBytes) {
    const reason: FileErrorReason = "range";
    throw new FileError({
      message: `files: bytes ${from} to ${to} were asked of "${name}", which has ${sizeBytes}; is the file truncated?`,
      name,
      range,
      sizeBytes,
      reason,
    });
  }
}

/**
 * A folder in memory, for tests and for passing files along.
 *
 * @param initial - Content by name.
 */
export function memory(initial: Readonly<Record<string, Uint8Array | string>> = {}): Files {
  const location = "memory";
  const files = new Map<string, Uint8Array>();
  for (const [name, content] of Object.entries(initial)) {
    checkName(name, location);
    files.set(name, typeof content === "string" ? new TextEncoder().encode(content) : copy(content));
  }
  function bytesOf(name: string): Uint8Array {
    const bytes = files.get(name);
    if (bytes === undefined) throw missingFile(name, location, [...files.keys()]);
    return bytes;
  }
  return {
    location,
    async list() {
      return [...files].map(([name, bytes]) => ({ name, sizeBytes: bytes.length })).sort(byName);
    },
    async read(name, range) {
      const bytes = bytesOf(name);
      if (range === undefined) return bytes.slice();
      checkRange(range, bytes.length, name);
      return bytes.slice(range.from, range.to);
    },
    async write(name, content) {
      checkName(name, location);
      files.set(name, await collectBytes(content));
    },
    async remove(name) {
      files.delete(name);
    },
    async size(name) {
      return bytesOf(name).length;
    },
  };
}

/** Order of `list`: by name, as JavaScript compares strings. */
export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
