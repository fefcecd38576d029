/**
 * A folder on disk, in Node.
 *
 * Writing goes to a temporary file beside the target, which is flushed to the disk and then renamed over it, so a
 * reader sees the former content or the new one, never a mixture, whatever happens in between. A process that is killed
 * while it writes leaves its temporary file behind; `list` hides such files, and the next write of the same name
 * removes those whose process is gone.
 */
import type { Dirent, Stats } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, rmdir, stat, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { pid, platform } from "node:process";
import { FileError } from "./errors.ts";
import { byName, checkName, checkRange, type FileContent, type Files, isMissingFile, missingFile } from "./files.ts";
import { isRunning, system, systemErrors } from "./system.ts";

/** Reads and writes go to the system in pieces: one call takes less than 2 GiB. */
const PIECE_BYTES = 2 ** 30;

async function readInto(handle: FileHandle, path: string, bytes: Uint8Array, from: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(bytes.length - done, PIECE_BYTES);
    const { bytesRead } = await system("read", path, () => handle.read(bytes, done, length, from + done));
    if (bytesRead === 0)
      throw new FileError({ message: `folder: ${path} shrank while it was read; read it again`, path });
    done += bytesRead;
  }
}

async function* piecesOf(content: FileContent): AsyncGenerator<Uint8Array> {
  if (typeof content === "string") yield new TextEncoder().encode(content);
  else if (content instanceof Uint8Array) yield content;
  else yield* content;
}

/** Writes a new file and flushes it to the disk. Errors of the content's own stream pass as they are. */
async function writeFlushed(path: string, content: FileContent): Promise<void> {
  const handle = await system("write", path, () => open(path, "wx"));
  try {
    for await (const piece of piecesOf(content)) {
      for (let done = 0; done < piece.length; ) {
        const length = Math.min(piece.length - done, PIECE_BYTES);
        done += (await system("write", path, () => handle.write(piece, done, length))).bytesWritten;
      }
    }
    await system("write", path, () => handle.sync());
  } finally {
    await handle.close();
  }
}

/** Flushes a folder's table of names. Windows has no such call and needs none. */
async function flushFolder(path: string): Promise<void> {
  if (platform === "win32") return;
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** `parent` and the folders above it, up to and without `end`. */
function* foldersUpTo(parent: string, end: string): Generator<string> {
  for (let path = parent; path !== end && path !== dirname(path); path = dirname(path)) yield path;
}

/** Removes empty folders from `parent` upwards, up to and without `end`. */
async function removeEmptyFolders(parent: string, end: string): Promise<void> {
  for (const path of foldersUpTo(parent, end)) {
    try {
      await rmdir(path);
    } catch {
      return; // not empty, or not ours to remove: then those above it stay as well
    }
  }
}

const temporaryPattern = /^\.(?<target>.+)\.(?<pid>\d+)-[0-9a-f]{8}@(?<host>.+)\.tmp$/;

function temporaryPath(target: string): string {
  const name = `.${basename(target)}.${pid}-${crypto.randomUUID().slice(0, 8)}@${hostname()}.tmp`;
  return join(dirname(target), name);
}

/** Removes what killed processes of this machine left of their writes to `target`. */
async function removeLeftovers(target: string): Promise<void> {
  for (const name of await readdir(dirname(target))) {
    const found = temporaryPattern.exec(name)?.groups;
    if (found?.["target"] !== basename(target) || found["host"] !== hostname()) continue;
    if (!isRunning(Number(found["pid"]))) await rm(join(dirname(target), name), { force: true });
  }
}

async function replaceFile(target: string, content: FileContent): Promise<void> {
  const parent = dirname(target);
  const made = await system("write", target, () => mkdir(parent, { recursive: true }));
  const above = made === undefined ? dirname(parent) : dirname(made);
  const temporary = temporaryPath(target);
  try {
    await system("write", target, () => removeLeftovers(target));
    await writeFlushed(temporary, content);
    await system("write", target, () => rename(temporary, target));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to tell
    if (made !== undefined) await removeEmptyFolders(parent, above);
    throw error;
  }
  for (const path of foldersUpTo(parent, above)) await system("write", target, () => flushFolder(path));
  if (made !== undefined) await system("write", target, () => flushFolder(above));
}

async function sizeOf(path: string, status: () => Promise<Stats>): Promise<number> {
  const found = await system("read", path, status);
  if (!found.isDirectory()) return found.size;
  const [reason, advice] = systemErrors["EISDIR"]!;
  throw new FileError({ message: `folder: cannot read ${path}: ${advice}`, path, reason });
}

/** Names and sizes of the files below `path`, whose own names begin with `prefix`. */
async function listBelow(path: string, prefix: string): Promise<{ name: string; sizeBytes: number }[]> {
  const found: { name: string; sizeBytes: number }[] = [];
  for (const entry of await entriesOf(path)) {
    const [name, full] = [prefix + entry.name, join(path, entry.name)];
    if (entry.isDirectory()) found.push(...(await listBelow(full, `${name}/`)));
    else if (!temporaryPattern.test(entry.name)) {
      const status = await stat(full).catch(() => undefined); // a link to nowhere, or a file removed just now
      if (status?.isFile()) found.push({ name, sizeBytes: status.size });
    }
  }
  return found;
}

/** What is in a folder; nothing when there is none. */
async function entriesOf(path: string): Promise<Dirent[]> {
  try {
    return await system("list", path, () => readdir(path, { withFileTypes: true }));
  } catch (error) {
    if (isMissingFile(error)) return [];
    throw error;
  }
}

/**
 * A folder on disk.
 *
 * Folders are made as they are needed and go when their last file is removed. Symbolic links to files are followed,
 * those to folders are not listed.
 *
 * @param path - The folder, absolute or relative to the working directory. It need not exist.
 */
export function folder(path: string): Files {
  const root = resolve(path);

  const list = async (): Promise<{ name: string; sizeBytes: number }[]> => (await listBelow(root, "")).sort(byName);

  return {
    location: root,
    name: path,
    list,
    async read(name, range) {
      checkName(name, root);
      const path = join(root, name);
      const handle = await system("read", path, () => open(path, "r")).catch(async (error) => {
        if (isMissingFile(error))
          throw missingFile(
            name,
            root,
            (await list()).map((file) => file.name),
          );
        throw error;
      });
      try {
        const sizeBytes = await sizeOf(path, () => handle.stat());
        const { from, to } = range ?? { from: 0, to: sizeBytes };
        checkRange({ from, to }, sizeBytes, name);
        const bytes = new Uint8Array(to - from);
        await readInto(handle, path, bytes, from);
        return bytes;
      } finally {
        await handle.close();
      }
    },
    async write(name, content) {
      checkName(name, root);
      await replaceFile(join(root, name), content);
    },
    async remove(name) {
      checkName(name, root);
      const full = join(root, name);
      try {
        await system("remove", full, () => unlink(full));
      } catch (error) {
        if (!isMissingFile(error)) throw error;
      }
      await removeEmptyFolders(dirname(full), root);
    },
    async size(name) {
      checkName(name, root);
      const path = join(root, name);
      return sizeOf(path, () => stat(path));
    },
  };
}
