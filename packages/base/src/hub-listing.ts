/** Which files a commit of a hub's repository has: as the hub says it, and as Python's huggingface_hub keeps it on disk. */
import { FileError } from "./errors.ts";
import { checkName } from "./files.ts";
import { type Ask, type HttpOptions, request } from "./http.ts";

/** A file of a commit. */
export interface HubFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** Git's name of the file, or of what stands for it where it is kept in large file storage. */
  readonly oid?: string;
  /** Of a file in large file storage. */
  readonly sha256?: string;
  readonly xetHash?: string;
}

const HEX_64 = /^[0-9a-f]{64}$/;

/** A value when it is a SHA-256 in hexadecimal digits. */
export function asSha256(value: unknown): string | undefined {
  return typeof value === "string" && HEX_64.test(value) ? value : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Leaves out what is undefined. */
function hubFile(name: string, sizeBytes: number, oid: unknown, sha256: unknown, xetHash: unknown): HubFile {
  const [sha, xet] = [asSha256(sha256), asSha256(xetHash)];
  return {
    name,
    sizeBytes,
    ...(typeof oid === "string" ? { oid } : {}),
    ...(sha === undefined ? {} : { sha256: sha }),
    ...(xet === undefined ? {} : { xetHash: xet }),
  };
}

/** The files of one page of the hub's listing; `undefined` when it is none. */
function parsePage(page: unknown): HubFile[] | undefined {
  if (!Array.isArray(page)) return undefined;
  const files: HubFile[] = [];
  for (const entry of page as readonly (Fields | null)[]) {
    const { type, path, size, oid, lfs, xetHash } = entry ?? {};
    if (typeof type !== "string" || typeof path !== "string") return undefined;
    if (type !== "file") continue;
    const large = (lfs ?? {}) as Fields;
    const sizeBytes = isSize(large["size"]) ? large["size"] : size;
    if (!isSize(sizeBytes)) return undefined;
    files.push(hubFile(path, sizeBytes, oid, large["oid"], xetHash));
  }
  return files;
}

/** The address behind `rel="next"` in a `Link` header. */
function nextPage(response: Response, page: string): string | undefined {
  const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.get("link") ?? "")?.[1];
  return next === undefined ? undefined : new URL(next, page).href;
}

/**
 * Asks the hub for all files of a commit.
 *
 * @param ask - The first page.
 * @throws {FileError} When the hub fails, the answer is no listing, or a name in it would lead out of its folder.
 */
export async function askForListing(ask: Ask, options: HttpOptions): Promise<HubFile[]> {
  const fail = (problem: string): FileError =>
    new FileError({ message: `hub: ${problem}; is ${new URL(ask.url).origin} a hub?`, url: ask.url, reason: "other" });
  const found = new Map<string, HubFile>();
  const seen = new Set<string>();
  const { origin } = new URL(ask.url);
  for (let page: string | undefined = ask.url; page !== undefined; ) {
    seen.add(page);
    const response = await request({ ...ask, url: page }, options);
    const text = await response.text();
    let parsed: HubFile[] | undefined;
    try {
      parsed = parsePage(JSON.parse(text));
    } catch {
      parsed = undefined;
    }
    if (parsed === undefined) throw fail(`${page} is no listing of files`);
    for (const file of parsed) {
      checkName(file.name, ask.location);
      found.set(file.name, file);
    }
    page = nextPage(response, page);
    if (page === undefined) break;
    if (seen.has(page)) throw fail(`the pages of ${ask.url} lead in a circle`);
    if (new URL(page).origin !== origin) throw fail(`the next page of ${ask.url} is ${page}, on another server`);
  }
  return [...found.values()];
}

/** The text under which huggingface_hub keeps a listing. */
export function formatStored(files: readonly HubFile[]): string {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  const entries = sorted.map(({ name, sizeBytes, oid, sha256, xetHash }) => [
    name,
    {
      size: sizeBytes,
      blob_id: oid ?? "",
      ...(sha256 === undefined ? {} : { lfs_sha256: sha256, lfs_size: sizeBytes }),
      ...(xetHash === undefined ? {} : { xet_hash: xetHash }),
    },
  ]);
  return JSON.stringify({ format_version: 1, files: Object.fromEntries(entries) });
}

/** What huggingface_hub or `formatStored` keeps; `undefined` when it is of another format, or names a file outside. */
export function parseStored(text: string, location: string): HubFile[] | undefined {
  try {
    const { format_version: version, files } = JSON.parse(text) as { format_version: unknown; files: Fields };
    if (version !== 1) return undefined;
    return Object.entries(files).map(([name, value]) => {
      checkName(name, location);
      const { size, blob_id: oid, lfs_sha256: sha256, lfs_size: large, xet_hash: xet } = value as Fields;
      const sizeBytes = large ?? size;
      if (!isSize(sizeBytes)) throw new TypeError("no size");
      return hubFile(name, sizeBytes, oid, sha256, xet);
    });
  } catch {
    return undefined; // it is asked for again
  }
}
