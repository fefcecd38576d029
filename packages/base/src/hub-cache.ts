/**
 * Where `hub` keeps what it has read: the layout of Python's huggingface_hub. Of a repository `org/name`, below
 * `models--org--name`:
 *
 * - `refs/<revision>` holds the commit that a branch, tag or short commit meant when it was last asked for;
 * - `snapshots/<commit>/<file>` are the files, on disk as links into `blobs/<etag>`;
 * - `trees/<commit>.json` is the list of all files, `.no_exist/<commit>/<file>` marks some that do not exist.
 */

import { sha256Steps } from "#sha256";
import { Changed } from "./content.ts";
import { FileError } from "./errors.ts";
import { checkName, type Files, fileSize, isMissingFile } from "./files.ts";
import { formatStored, type HubFile, parseStored } from "./hub-listing.ts";

/** What the hub says of a file's content. */
export interface Blob {
  /** As the hub's header `X-Linked-Etag` or `ETag` has it; unlike any other where there is none. */
  readonly etag: string;
  readonly sizeBytes?: number;
  readonly sha256?: string;
  /** Whether bytes kept from an earlier download can be joined to the rest: guarded by the etag, or checked at the end. */
  readonly canResume: boolean;
  /**
   * Passes the content from a byte on to `consume`, mending cuts. It may call again with nothing before: then all starts at
   * byte 0.
   *
   * @param from - Bytes that are here, by attempt.
   */
  read<T>(
    from: (attempt: number) => Promise<number>,
    consume: (content: AsyncIterable<Uint8Array>, from: number) => Promise<T>,
  ): Promise<T>;
}

/** One repository in a cache. */
export interface HubCache {
  /** The repository's folder. */
  readonly files: Files;
  /** Brings a file into the folder, whole and checked or not at all. */
  install(commit: string, name: string, blob: Blob): Promise<void>;
}

/** What the surroundings say of the hub: in Node the environment, in a browser nothing. */
export interface HubHome {
  readonly endpoint?: string;
  readonly offline: boolean;
  token(): Promise<string | undefined>;
  /** The cache of a repository in a folder on disk, or in the usual one. */
  cache(repository: string, path?: string): HubCache | undefined;
}

/** Name of a repository's folder. */
export function repositoryFolder(repository: string): string {
  return ["models", ...repository.split("/")].join("--");
}

/** A folder within a folder. */
function inside(files: Files, folder: string): Files {
  const within = `${folder}/`;
  return {
    location: `${files.location}/${folder}`,
    async list() {
      const all = (await files.list()).filter(({ name }) => name.startsWith(within));
      return all.map(({ name, sizeBytes }) => ({ name: name.slice(within.length), sizeBytes }));
    },
    read: (name, range) => files.read(within + name, range),
    write: (name, content) => files.write(within + name, content),
    remove: (name) => files.remove(within + name),
    size: (name) => fileSize(files, within + name),
  };
}

/** A cache in any folder that can be written: snapshots hold the files themselves. */
export function filesCache(files: Files, repository: string): HubCache {
  const root = inside(files, repositoryFolder(repository));
  return {
    files: root,
    async install(commit, name, blob) {
      await blob.read(
        async () => 0,
        (content) => root.write(snapshotName(commit, name), checked(content, name, blob)),
      );
    },
  };
}

/** A download that is not what the hub announced. */
function mismatch(name: string, problem: string): Changed {
  const message = `hub: "${name}" arrived ${problem}; it was thrown away, read it again`;
  return new Changed({ final: new FileError({ message, name, reason: "other" }) });
}

/** Adds up what arrives; `end` throws a `Changed` when it is not what the hub announced. */
export function contentCheck(
  name: string,
  { sizeBytes, sha256 }: Pick<Blob, "sizeBytes" | "sha256">,
): { add(bytes: Uint8Array): void; end(storedBytes?: number): void } {
  const steps = sha256 === undefined ? undefined : sha256Steps();
  let received = 0;
  return {
    add(bytes) {
      received += bytes.length;
      steps?.add(bytes);
    },
    end(storedBytes = received) {
      if (storedBytes !== received) throw mismatch(name, `with ${storedBytes} bytes, where ${received} were sent`);
      if (sizeBytes !== undefined && received !== sizeBytes) {
        throw mismatch(name, `with ${received} bytes, where the hub announced ${sizeBytes}`);
      }
      const digest = steps?.digest();
      if (digest !== sha256) throw mismatch(name, `with SHA-256 ${digest}, where the hub announced ${sha256}`);
    },
  };
}

async function* checked(content: AsyncIterable<Uint8Array>, name: string, blob: Blob): AsyncGenerator<Uint8Array> {
  const check = contentCheck(name, blob);
  for await (const piece of content) {
    check.add(piece);
    yield piece;
  }
  check.end();
}

const COMMIT = /^[0-9a-f]{40}$/;

/** Whether a text is a full commit. Everything else is a name that may mean another commit tomorrow. */
export function isCommit(text: string): boolean {
  return COMMIT.test(text);
}

/** Name of a commit's file within the repository's folder. */
export function snapshotName(commit: string, name: string): string {
  return `snapshots/${commit}/${name}`;
}

/** Neither a folder nor a link in a circle is a file. */
function isAbsent(error: unknown): boolean {
  if (isMissingFile(error)) return true;
  const { reason, systemCode } = error instanceof FileError ? error.details : {};
  return reason === "folder" || systemCode === "ELOOP";
}

async function readText(files: Files, name: string): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await files.read(name));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Size of a file that is here. */
export async function cachedSize({ files }: HubCache, commit: string, name: string): Promise<number | undefined> {
  checkName(name, files.location);
  try {
    return await fileSize(files, snapshotName(commit, name));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** The commit that a revision meant when it was last asked for. */
export async function readRef({ files }: HubCache, revision: string): Promise<string | undefined> {
  const commit = (await readText(files, `refs/${revision}`))?.trim(); // copied caches have line ends here
  return commit !== undefined && isCommit(commit) ? commit : undefined;
}

/** Notes what need not be noted for a right answer: a cache that cannot be written is no failure. */
async function note(write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
  }
}

/** Keeps what a revision means. Only once a file of the commit is here: Python takes a reference to nothing for damage. */
export async function noteRef(cache: HubCache, revision: string, commit: string): Promise<void> {
  if (revision === commit || (await readRef(cache, revision)) === commit) return;
  await note(() => cache.files.write(`refs/${revision}`, commit));
}

/** All files of a commit, as they were listed. */
export async function readListing({ files }: HubCache, commit: string): Promise<HubFile[] | undefined> {
  const text = await readText(files, `trees/${commit}.json`);
  return text === undefined ? undefined : parseStored(text, files.location);
}

/** Keeps a listing, if it is one that Python can read. */
export async function noteListing(cache: HubCache, commit: string, listing: readonly HubFile[]): Promise<void> {
  await note(() => cache.files.write(`trees/${commit}.json`, formatStored(listing)));
}

/** Whether the hub has said that a commit has no such file. */
export async function isKnownAbsent({ files }: HubCache, commit: string, name: string): Promise<boolean> {
  return (await readText(files, `.no_exist/${commit}/${name}`)) !== undefined;
}

/** The files of a commit that are here. */
export async function cachedFiles({ files }: HubCache, commit: string): Promise<{ name: string; sizeBytes: number }[]> {
  return [...(await inside(files, `snapshots/${commit}`).list())];
}
