import { ConfigError, FileError } from "./errors.ts";
import { byName, checkName, type Files, hasFile } from "./files.ts";
import { addressOf, bodyOf, type HttpOptions, request } from "./http.ts";
import { openFiles } from "./open-files.ts";
import { checkOptions } from "./options.ts";
import { readJson } from "./read-json.ts";
import { readOnly, remote } from "./remote.ts";

/** Which version of a repository, and how to reach it. */
export interface HubOptions {
  /** Branch, tag or commit. Only a commit names the same files for ever. @default "main" */
  readonly revision?: string;
  /**
   * Where files are kept, such as `"cache"`. What is there, the listing included, is never asked for again, so a
   * model that was loaded once loads without a network. Without it every read goes to the hub.
   */
  readonly cache?: string | Files;
  /** Address of the hub. @default "https://huggingface.co" */
  readonly endpoint?: string;
  /** Access token, for private and gated repositories. */
  readonly token?: string;
  /** Makes the requests. @default the platform's `fetch` */
  readonly fetch?: typeof fetch;
}

/** One row of the hub's answer about the files of a revision. */
interface TreeEntry {
  readonly type: string;
  readonly path: string;
  readonly size: number;
}

function isTree(value: unknown): value is TreeEntry[] {
  return (
    Array.isArray(value) &&
    value.every(
      (entry) => typeof entry?.type === "string" && typeof entry.path === "string" && Number.isSafeInteger(entry.size),
    )
  );
}

/** The address behind `rel="next"` in a `Link` header. */
function nextPage(response: Response): string | undefined {
  return /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.get("link") ?? "")?.[1];
}

/**
 * A model repository of the Hugging Face hub, to read from.
 *
 * @param repository - `"organisation/name"`.
 * @throws {ConfigError} When `repository` is no such name, or an option does not exist.
 * @throws {FileError} From its methods, when the repository or a file is absent, private or cannot be reached.
 * @example
 * const files = hub("sentence-transformers/all-MiniLM-L6-v2", { revision: "main", cache: "cache" });
 */
export function hub(repository: string, options: HubOptions = {}): Files {
  checkOptions("hub", options, ["revision", "cache", "endpoint", "token", "fetch"]);
  const { revision = "main", endpoint = "https://huggingface.co", token, fetch } = options;
  if (!/^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/.test(repository)) {
    throw new ConfigError({ message: `hub: "${repository}" is no repository; write "organisation/name"`, repository });
  }
  const cache = options.cache === undefined ? undefined : openFiles(options.cache);
  const location = `${endpoint}/${repository} at ${revision}`;
  const root = endpoint.replace(/\/+$/, "");
  const version = encodeURIComponent(revision);
  const http: HttpOptions = {
    ...(token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } }),
    ...(fetch === undefined ? {} : { fetch }),
  };
  const content = `${root}/${repository}/resolve/${version}`;
  const files = remote(content, http);
  const listingName = `${repository}/${version}.json`;
  const downloads = new Map<string, Promise<void>>();
  let listing: Promise<TreeEntry[]> | undefined;

  async function askForTree(): Promise<TreeEntry[]> {
    const tree: TreeEntry[] = [];
    let page: string | undefined = `${root}/api/models/${repository}/tree/${version}?recursive=true`;
    while (page !== undefined) {
      const response = await request(page, { name: "the listing", location }, http);
      const entries: unknown = await response.json().catch(() => undefined);
      if (!isTree(entries)) {
        throw new FileError({
          message: `hub: ${page} is no listing of files; is ${endpoint} a hub?`,
          location,
          reason: "other",
        });
      }
      tree.push(...entries.map(({ type, path, size }) => ({ type, path, size })));
      page = nextPage(response);
    }
    return tree;
  }

  async function tree(): Promise<TreeEntry[]> {
    if (cache === undefined) return askForTree();
    if (await hasFile(cache, listingName)) {
      const stored = await readJson(cache, listingName);
      if (isTree(stored)) return stored;
    }
    const entries = await askForTree();
    await cache.write(listingName, JSON.stringify(entries));
    return entries;
  }

  /** Brings a file into the cache, once however many ask for it at a time. */
  async function download(name: string, to: Files, cached: string): Promise<void> {
    if (await hasFile(to, cached)) return;
    const response = await request(addressOf(content, name), { name, location }, http);
    await to.write(cached, bodyOf(response, name));
  }

  return {
    location,
    async list() {
      listing ??= tree().catch((error) => {
        listing = undefined;
        throw error;
      });
      return (await listing)
        .filter((entry) => entry.type === "file")
        .map((entry) => ({ name: entry.path, sizeBytes: entry.size }))
        .sort(byName);
    },
    async read(name, range) {
      if (cache === undefined) return files.read(name, range);
      checkName(name, location);
      const cached = `${repository}/${version}/${name}`;
      let arrival = downloads.get(name);
      if (arrival === undefined) {
        arrival = download(name, cache, cached).finally(() => downloads.delete(name));
        downloads.set(name, arrival);
      }
      await arrival;
      return cache.read(cached, range);
    },
    async write(name) {
      throw readOnly(location, name);
    },
    async remove(name) {
      throw readOnly(location, name);
    },
  };
}
