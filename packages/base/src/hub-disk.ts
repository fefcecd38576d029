/**
 * A repository in the cache on disk that Python's huggingface_hub and this library share, in Node.
 *
 * A download goes into a file beside its blob, named after this process, and is renamed when it is whole, checked and
 * flushed, so that several processes can fetch one file at a time. One that ended early is kept as `<etag>.kept.incomplete`, or
 * under the name of its process when that was killed; the next download takes it over by renaming it, which only one can do.
 * Python's own `.incomplete` files are left alone: another program may be writing to them.
 */
import { copyFile, type FileHandle, link, mkdir, open, readdir, rename, rm, stat, symlink } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { pid, platform, uptime } from "node:process";
import { FileError } from "./errors.ts";
import { checkName } from "./files.ts";
import { folder } from "./folder.ts";
import { sha256 } from "./hash.ts";
import { type Blob, contentCheck, type HubCache, repositoryFolder, snapshotName } from "./hub-cache.ts";
import { isRunning, system } from "./system.ts";

/** Name of a blob's file: its etag, unless that would be no plain name. */
function blobName(etag: string): string {
  return /^[\w+=-][\w.+=-]{0,127}$/.test(etag) && !etag.endsWith(".incomplete") ? etag : sha256(etag);
}

/** Throws for a name that Windows would take for a device, another name or a hidden stream. */
export function checkWindowsName(name: string, location: string): void {
  const device = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
  const strange = (part: string): boolean => /[<>:"|?*\p{Cc}]|[. ]$/u.test(part) || device.test(part);
  if (!name.split("/").some(strange)) return;
  const message = `hub: Windows cannot store a file named "${name}"; read it with { cache: false }`;
  throw new FileError({ message, name, location, reason: "other" });
}

async function sizeOfFile(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true ? found.size : undefined;
}

/** Whether a blob is here, and as long as it should be. */
async function isWhole(path: string, sizeBytes: number | undefined): Promise<boolean> {
  const size = await sizeOfFile(path);
  return size !== undefined && (sizeBytes === undefined || size === sizeBytes);
}

const partPattern = /^(?<blob>.+)\.(?:kept|(?<pid>\d+)-[0-9a-f]{8}@(?<host>.+))\.incomplete$/;

function partPath(blob: string): string {
  return `${blob}.${pid}-${crypto.randomUUID().slice(0, 8)}@${hostname()}.incomplete`;
}

/** Whether the process that began a part may still write to it. A part older than this process is another's of its number. */
async function isOwned(path: string, owner: string, host: string | undefined): Promise<boolean> {
  if (host !== hostname()) return true; // who knows
  if (Number(owner) !== pid) return isRunning(Number(owner));
  const { mtimeMs } = await stat(path);
  return mtimeMs >= Date.now() - uptime() * 1000;
}

/** What earlier downloads of a blob left, whose process is gone; the longest first. */
async function leftovers(blob: string): Promise<string[]> {
  const found: { path: string; size: number }[] = [];
  for (const name of await readdir(dirname(blob))) {
    const { blob: of, pid: owner, host } = partPattern.exec(name)?.groups ?? {};
    if (of !== basename(blob)) continue;
    const path = join(dirname(blob), name);
    if (owner !== undefined && (await isOwned(path, owner, host).catch(() => true))) continue;
    found.push({ path, size: (await sizeOfFile(path)) ?? 0 });
  }
  return found.sort((a, b) => b.size - a.size).map(({ path }) => path);
}

/** Makes the longest leftover this download's own, and removes the others. */
async function claim(blob: string): Promise<string> {
  const part = partPath(blob);
  let claimed = false;
  for (const path of await leftovers(blob)) {
    if (claimed) await rm(path, { force: true });
    else
      claimed = await rename(path, part).then(
        () => true,
        () => false,
      ); // another process was faster
  }
  return part;
}

async function* storedPieces(handle: FileHandle): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(2 ** 20);
  for (let at = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** Fills a part's file from where it ends, and checks and flushes it. */
async function fill(part: string, name: string, blob: Blob): Promise<void> {
  const handle = await system("write", part, () => open(part, "a+"));
  try {
    await blob.read(
      async (attempt) => {
        const { size } = await handle.stat();
        if (attempt === 0 && blob.canResume && size <= (blob.sizeBytes ?? size)) return size;
        await system("write", part, () => handle.truncate(0));
        return 0;
      },
      async (content, from) => {
        const check = contentCheck(name, blob);
        if (from > 0) for await (const piece of storedPieces(handle)) check.add(piece);
        for await (const piece of content) {
          check.add(piece);
          for (let done = 0; done < piece.length; ) {
            done += (await system("write", part, () => handle.write(piece, done))).bytesWritten;
          }
        }
        check.end((await handle.stat()).size);
      },
    );
    await system("write", part, () => handle.sync());
  } finally {
    await handle.close();
  }
}

/** Keeps what arrived of a download that failed, for the next; not on a full disk, and not what is known to be wrong. */
async function keep(part: string, blob: string, error: unknown): Promise<void> {
  const reason = error instanceof FileError ? error.details["reason"] : undefined;
  const isGood = reason !== "full" && reason !== "other" && ((await sizeOfFile(part)) ?? 0) > 0;
  if (isGood) await rename(part, `${blob}.kept.incomplete`).catch(() => rm(part, { force: true }));
  else await rm(part, { force: true });
}

/** Fetches a blob. */
async function download(path: string, name: string, blob: Blob): Promise<void> {
  const part = await claim(path);
  try {
    await fill(part, name, blob);
  } catch (error) {
    await keep(part, path, error).catch(() => undefined); // the first error is the one to tell
    throw error;
  }
  try {
    await system("write", path, () => rename(part, path));
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    if (!(await isWhole(path, blob.sizeBytes))) throw error; // Windows replaces no file that another process reads
  }
}

/** Copies a blob to where a link cannot be, whole or not at all. */
async function copyBlob(blob: string, pointer: string): Promise<void> {
  const part = partPath(blob);
  try {
    await system("write", part, () => copyFile(blob, part));
    await system("write", pointer, () => rename(part, pointer));
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Makes a snapshot's file stand for a blob: a relative link, a hard link where those are refused, or else a copy. */
async function point(pointer: string, blob: string, links: boolean): Promise<void> {
  await system("write", pointer, () => mkdir(dirname(pointer), { recursive: true }));
  if ((await sizeOfFile(pointer)) !== undefined) return; // by another process, of the same commit
  await system("write", pointer, () => rm(pointer, { force: true })); // a link to nowhere
  const target = relative(dirname(pointer), blob);
  const made = (call: Promise<void>): Promise<boolean> =>
    call.then(
      () => true,
      (error) => (error as NodeJS.ErrnoException).code === "EEXIST", // by another process just now
    );
  if (links && ((await made(symlink(target, pointer, "file"))) || (await made(link(blob, pointer))))) return;
  await copyBlob(blob, pointer);
}

/** The error of a cache that cannot be written, with what to do. */
function withAdvice(error: unknown, path: string): unknown {
  if (!(error instanceof FileError) || error.details["systemCode"] === undefined) return error;
  const message = `${error.message}; the hub's files are kept in ${path}: set HF_HUB_CACHE or the option cache to another folder, or { cache: false }`;
  return new FileError({ ...error.details, message, cause: error.cause });
}

/**
 * A repository in the cache on disk.
 *
 * @param path - The cache, such as `~/.cache/huggingface/hub`.
 * @param links - Whether snapshots may be links.
 */
export function diskCache(path: string, repository: string, links: boolean): HubCache {
  const root = resolve(path, repositoryFolder(repository));
  const files = folder(root);
  return {
    files,
    async install(commit, name, blob) {
      checkName(name, root);
      if (platform === "win32") checkWindowsName(name, root);
      const stored = join(root, "blobs", blobName(blob.etag));
      try {
        await system("write", stored, () => mkdir(dirname(stored), { recursive: true }));
        if (!(await isWhole(stored, blob.sizeBytes))) await download(stored, name, blob);
        await point(join(root, snapshotName(commit, name)), stored, links);
      } catch (error) {
        throw withAdvice(error, path);
      }
    },
  };
}
