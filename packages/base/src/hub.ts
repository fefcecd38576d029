/**
 * The Hugging Face hub as a folder. `hub-repository.ts` asks the hub; `hub-cache.ts` is what is kept of it, on disk by
 * `hub-disk.ts`; `hub-home.node.ts` reads the environment. Here they meet: which commit is meant, what is here already, what
 * may be asked for, and what holds when the hub cannot be reached.
 */
import { hubHome } from "#hub-home";
import { FileError } from "./errors.ts";
import { byName, checkName, type FileErrorReason, type Files, missingFile } from "./files.ts";
import type { HttpOptions } from "./http.ts";
import {
  cachedFiles,
  cachedSize,
  filesCache,
  type HubCache,
  isCommit,
  isKnownAbsent,
  noteListing,
  noteRef,
  readListing,
  readRef,
  snapshotName,
} from "./hub-cache.ts";
import type { HubFile } from "./hub-listing.ts";
import { authorization, checkHub, HUB_KEYS, type HubOptions } from "./hub-options.ts";
import { hubRepository } from "./hub-repository.ts";
import { checkOptions } from "./options.ts";
import { readOnly, remote } from "./remote.ts";
import { checkRetries, isUnavailable } from "./retry.ts";

/** Does something once, again only if it failed. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** How long the hub may take to say what a revision means, when the answer of last time is here. */
const QUICK_MS = 10_000;

/**
 * A model repository of the Hugging Face hub, to read from.
 *
 * In Node every file that is read comes into the cache that Python's huggingface_hub uses, once and whole, however small the
 * range asked for; what is there is read from there. All files come from one commit: what a branch or tag means is asked once,
 * at the first call, and where the hub cannot be reached, the answer of last time holds. Downloads that were cut are resumed,
 * also by a later process, sizes are checked, and checksums where the hub has them.
 *
 * Without a network the files that are here can be read. Which files there are is known where this library, `hf download` or
 * `snapshot_download` has asked. Where it is not, in offline mode those that are here are taken for all, as in Python; when
 * the hub is down, `list` and the presence of a file that is not here are errors.
 *
 * @param repository - `"organisation/name"`.
 * @throws {ConfigError} When `repository` is no such name, or an option does not exist or cannot be meant.
 * @throws {FileError} From its methods, when the repository or a file is absent, private, gated or cannot be reached, or a
 * file arrived damaged; `details.reason` and `details.status` tell which.
 * @throws {CancelledError} From its methods, when `signal` is aborted.
 * @example
 * const files = hub("sentence-transformers/all-MiniLM-L6-v2", { revision: "main" });
 * const config = await readJson(files, "config.json");
 */
export function hub(repository: string, options: HubOptions = {}): Files {
  checkOptions("hub", options, HUB_KEYS);
  checkRetries("hub", options);
  const home = hubHome();
  const { revision = "main", offline = home.offline, cache: where, token, endpoint: _, ...rest } = options;
  const endpoint = (options.endpoint ?? home.endpoint ?? "https://huggingface.co").replace(/\/+$/, "");
  checkHub(repository, revision, endpoint, where);
  const location = `${endpoint}/${repository} at ${revision}`;
  const cache = openCache();
  const server = hubRepository(endpoint, repository, location);
  const downloads = new Map<string, Promise<void>>();

  function openCache(): HubCache | undefined {
    if (where === false) return undefined;
    return typeof where === "object" ? filesCache(where, repository) : home.cache(repository, where);
  }

  const http = once(async (): Promise<HttpOptions> => {
    const given = token === false ? undefined : (token ?? (await home.token()));
    return { ...rest, headers: authorization(given) };
  });

  /** The error for what is not here while there must be no network. */
  function notHere(what: string, reason: FileErrorReason, name?: string): FileError {
    const place = cache === undefined ? "nothing is kept, by { cache: false }" : `it is not in ${cache.files.location}`;
    return new FileError({
      message: `hub: ${what} of ${location} cannot be read: offline mode is on (HF_HUB_OFFLINE, or the option offline), and ${place}; download it once with a network`,
      location,
      reason,
      ...(name === undefined ? {} : { name }),
    });
  }

  const pin = once(async (): Promise<string> => {
    if (isCommit(revision)) return revision;
    const kept = cache === undefined ? undefined : await readRef(cache, revision);
    if (offline) {
      if (kept !== undefined) return kept;
      throw notHere(`the commit "${revision}"`, "unavailable");
    }
    const options = await http();
    if (kept === undefined) return server.resolve(revision, options);
    const quick = AbortSignal.timeout(QUICK_MS);
    const signal = options.signal === undefined ? quick : AbortSignal.any([options.signal, quick]);
    try {
      return await server.resolve(revision, { ...options, retries: 0, signal });
    } catch (error) {
      const late = quick.aborted && options.signal?.aborted !== true;
      if (late || isUnavailable(error)) return kept;
      throw error;
    }
  });

  /** All files of the commit, where that is known without a network. */
  const stored = once(async () => (cache === undefined ? undefined : readListing(cache, await pin())));
  let asked: readonly HubFile[] | undefined;
  let kept: readonly HubFile[] | undefined;

  const ask = once(async () => {
    asked = await server.list(await pin(), await http());
    return asked;
  });

  /** All files of the commit; in offline mode without a list, those that are here. */
  async function listing(): Promise<readonly { readonly name: string; readonly sizeBytes: number }[]> {
    const commit = await pin();
    const known = asked ?? (await stored());
    if (known !== undefined) return known;
    const here = cache === undefined ? [] : await cachedFiles(cache, commit);
    if (offline && here.length === 0) throw notHere("the listing", "unavailable");
    if (offline) return here;
    try {
      return await ask();
    } catch (error) {
      if (here.length === 0 || !isUnavailable(error)) throw error;
      // Part of the files taken for all of them would be another model on a day when the network is down.
      const message = `hub: the hub cannot be reached, and which files ${location} has is not known; with { offline: true } or HF_HUB_OFFLINE=1 the ${here.length} that are here are taken for all`;
      throw new FileError({ message, cause: error, location, reason: "unavailable" });
    }
  }

  /** Keeps a listing that was asked for, once there is a file to keep beside it. */
  async function keepListing(): Promise<void> {
    if (cache === undefined || asked === undefined || asked === kept) return;
    kept = asked;
    await noteListing(cache, await pin(), asked);
  }

  /** Brings a file into the cache. */
  async function bring(to: HubCache, commit: string, name: string): Promise<void> {
    const known = asked ?? (await stored());
    const entry = known?.find((file) => file.name === name);
    if (entry === undefined && (known !== undefined || (await isKnownAbsent(to, commit, name)))) {
      throw missingFile(
        name,
        location,
        known?.map((file) => file.name),
      );
    }
    if (offline) throw notHere(`"${name}"`, entry === undefined ? "missing" : "unavailable", name);
    const blob = await server.open(commit, name, entry, await http());
    try {
      await to.install(commit, name, blob);
    } finally {
      await blob.release();
    }
    await keepListing();
  }

  const direct = once(async () => remote(server.contentUrl(await pin()), await http()));
  const noteMeaning = once(async () => cache && noteRef(cache, revision, await pin()));

  return {
    location,
    name: repository,
    async list() {
      const found = (await listing()).map(({ name, sizeBytes }) => ({ name, sizeBytes }));
      return found.sort(byName);
    },
    async read(name, range) {
      checkName(name, location);
      if (cache === undefined) {
        if (offline) throw notHere(`"${name}"`, "unavailable", name);
        return (await direct()).read(name, range);
      }
      const commit = await pin();
      if ((await cachedSize(cache, commit, name)) === undefined) {
        let arrival = downloads.get(name);
        if (arrival === undefined) {
          arrival = bring(cache, commit, name).finally(() => downloads.delete(name));
          downloads.set(name, arrival);
        }
        await arrival;
      }
      await noteMeaning();
      return cache.files.read(snapshotName(commit, name), range);
    },
    async write(name) {
      throw readOnly(location, name);
    },
    async remove(name) {
      throw readOnly(location, name);
    },
    async size(name) {
      checkName(name, location);
      const here = cache === undefined ? undefined : await cachedSize(cache, await pin(), name);
      if (here !== undefined) return here;
      const listed = await listing();
      const found = listed.find((file) => file.name === name);
      if (found !== undefined) return found.sizeBytes;
      throw missingFile(
        name,
        location,
        listed.map((file) => file.name),
      );
    },
  };
}
