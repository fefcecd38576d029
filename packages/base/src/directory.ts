import { FileError } from "./errors.ts";
import {
  byName,
  checkName,
  checkRange,
  type FileContent,
  type FileErrorReason,
  type Files,
  isMissingFile,
  missingFile,
} from "./files.ts";

/** What a browser's error names mean. */
const reasons: Readonly<Record<string, readonly [FileErrorReason, advice: string]>> = {
  NotFoundError: ["missing", "there is no such file"],
  NotAllowedError: ["forbidden", "access was not granted; ask the user for it again"],
  QuotaExceededError: ["full", "no room is left; free some, what was there before is untouched"],
  NoModificationAllowedError: ["read-only", "it is locked by another writer or cannot be changed"],
  TypeMismatchError: ["folder", "a folder stands where a file should, or the other way round"],
};

/** Runs a call of the browser and turns its `DOMException` into a `FileError`. */
async function browser<T>(action: string, name: string, location: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (!(cause instanceof DOMException)) throw cause;
    const [reason, advice] = reasons[cause.name] ?? ["other", cause.message];
    if (reason === "missing") throw missingFile(name, location);
    throw new FileError({
      message: `directory: cannot ${action} "${name}" in ${location}: ${advice} (${cause.name})`,
      cause,
      name,
      location,
      reason,
    });
  }
}

/** The folder that holds a file, and the file's own name in it. */
async function parentOf(
  root: FileSystemDirectoryHandle,
  name: string,
  create: boolean,
): Promise<[FileSystemDirectoryHandle, string]> {
  const parts = name.split("/");
  let parent = root;
  for (const part of parts.slice(0, -1)) parent = await parent.getDirectoryHandle(part, { create });
  return [parent, parts.at(-1)!];
}

async function listBelow(
  parent: FileSystemDirectoryHandle,
  prefix: string,
): Promise<{ name: string; sizeBytes: number }[]> {
  const found: { name: string; sizeBytes: number }[] = [];
  for await (const [entry, handle] of parent.entries()) {
    const name = prefix + entry;
    if (handle.kind === "directory") found.push(...(await listBelow(handle as FileSystemDirectoryHandle, `${name}/`)));
    else found.push({ name, sizeBytes: (await (handle as FileSystemFileHandle).getFile()).size });
  }
  return found;
}

/** The file to write to, made when there is none. */
async function openForWriting(
  parent: FileSystemDirectoryHandle,
  base: string,
): Promise<{ file: FileSystemFileHandle; isNew: boolean }> {
  try {
    return { file: await parent.getFileHandle(base), isNew: false };
  } catch (error) {
    if ((error as DOMException).name !== "NotFoundError") throw error;
    return { file: await parent.getFileHandle(base, { create: true }), isNew: true };
  }
}

/** Writes through the browser's own stream, which puts its content in place only when it is closed. */
async function fill(handle: FileSystemFileHandle, content: FileContent): Promise<void> {
  const stream = await handle.createWritable();
  try {
    if (typeof content === "string" || content instanceof Uint8Array)
      await stream.write(content as Uint8Array<ArrayBuffer>);
    else for await (const piece of content) await stream.write(piece as Uint8Array<ArrayBuffer>);
  } catch (error) {
    await stream.abort();
    throw error;
  }
  await stream.close();
}

/**
 * A folder that a browser's user chose, or the page's private one.
 *
 * @param handle - From `showDirectoryPicker()` or `navigator.storage.getDirectory()`.
 * @example
 * const files = directory(await navigator.storage.getDirectory());
 */
export function directory(handle: FileSystemDirectoryHandle): Files {
  const location = handle.name === "" ? "the page's own folder" : `the folder "${handle.name}"`;

  async function fileOf(name: string): Promise<File> {
    checkName(name, location);
    return browser("read", name, location, async () => {
      const [parent, base] = await parentOf(handle, name, false);
      return (await parent.getFileHandle(base)).getFile();
    });
  }

  return {
    location,
    list: () => browser("list", "", location, async () => (await listBelow(handle, "")).sort(byName)),
    async read(name, range) {
      const file = await fileOf(name);
      const { from, to } = range ?? { from: 0, to: file.size };
      checkRange({ from, to }, file.size, name);
      return browser("read", name, location, async () => new Uint8Array(await file.slice(from, to).arrayBuffer()));
    },
    async write(name, content) {
      checkName(name, location);
      await browser("write", name, location, async () => {
        const [parent, base] = await parentOf(handle, name, true);
        const { file, isNew } = await openForWriting(parent, base);
        try {
          await fill(file, content);
        } catch (error) {
          if (isNew) await parent.removeEntry(base);
          throw error;
        }
      });
    },
    async remove(name) {
      checkName(name, location);
      try {
        await browser("remove", name, location, async () => {
          const [parent, base] = await parentOf(handle, name, false);
          await parent.removeEntry(base);
        });
      } catch (error) {
        if (!isMissingFile(error)) throw error;
      }
    },
    size: async (name) => (await fileOf(name)).size,
  };
}
