/** A repository of a hub over HTTP: what a revision means, which files a commit has, and their contents. */
import { readContent, type Source, sizeOf, strongETag } from "./content.ts";
import { FileError } from "./errors.ts";
import { sha256 as hash } from "./hash.ts";
import { addressOf, type HttpOptions, request } from "./http.ts";
import { type Blob, isCommit } from "./hub-cache.ts";
import { askForListing, asSha256, type HubFile } from "./hub-listing.ts";

/** A repository over HTTP. */
export interface HubRepository {
  /** The full commit that a branch, tag, pull request's reference or short commit means now. */
  resolve(revision: string, http: HttpOptions): Promise<string>;
  /** Every file of a commit. */
  list(commit: string, http: HttpOptions): Promise<HubFile[]>;
  /** Address of the folder of a commit's files. */
  contentUrl(commit: string): string;
  /** A file's content. `release` ends what was not read. */
  open(
    commit: string,
    name: string,
    known: HubFile | undefined,
    http: HttpOptions,
  ): Promise<Blob & { release(): Promise<void> }>;
}

/** The commit that an answer belongs to. */
function commitOf({ headers }: Response): string | undefined {
  const commit = headers.get("x-repo-commit");
  return commit !== null && isCommit(commit) ? commit : undefined;
}

/** An `ETag` without its marks. */
function bareETag(etag: string | null): string | undefined {
  return etag?.trim().replace(/^W\//, "").replace(/^"|"$/g, "") || undefined;
}

function asSize(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** What the headers of the hub itself say of a file; those of the storage that it redirects to say other things. */
function describe(answer: Response, known: HubFile | undefined): Omit<Blob, "read" | "etag"> & { etag?: string } {
  const { headers } = answer;
  const linked = bareETag(headers.get("x-linked-etag"));
  const etag = linked ?? bareETag(headers.get("etag")) ?? known?.sha256;
  const sizeBytes =
    asSize(headers.get("x-linked-size")) ?? (answer.ok ? sizeOf(answer) : undefined) ?? known?.sizeBytes;
  const sha256 = asSha256(linked) ?? known?.sha256;
  return {
    canResume: sha256 !== undefined || (answer.ok && strongETag(headers) !== undefined),
    ...(etag === undefined ? {} : { etag }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}

/**
 * A repository of a hub.
 *
 * @param endpoint - The hub, without a slash at its end.
 * @param location - How messages name the repository.
 */
export function hubRepository(endpoint: string, repository: string, location: string): HubRepository {
  const contentUrl = (revision: string): string => `${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}`;
  const api = (route: string, revision: string): string =>
    `${endpoint}/api/models/${repository}/${route}/${encodeURIComponent(revision)}`;
  const fail = (message: string, url: string): FileError => new FileError({ message, url, location, reason: "other" });

  /** What the route of revisions says; `undefined` where a mirror has no such route. */
  async function askRevision(revision: string, http: HttpOptions): Promise<string | undefined> {
    const ask = { url: api("revision", revision), name: `revision ${revision}`, location, isFile: false };
    const noRoute = ({ status, headers }: Response): boolean => status === 404 && !headers.has("x-error-code");
    const response = await request({ ...ask, accept: noRoute }, http);
    const answer = (await response.json().catch(() => undefined)) as { readonly sha?: unknown } | null | undefined;
    const sha = response.ok ? answer?.sha : undefined;
    return typeof sha === "string" && isCommit(sha) ? sha : undefined;
  }

  /** What the headers of any file say, also of an absent one. */
  async function askHeaders(revision: string, http: HttpOptions): Promise<string | undefined> {
    const ask = { url: `${contentUrl(revision)}/config.json`, name: `revision ${revision}`, location, isFile: false };
    const response = await request({ ...ask, accept: (each) => commitOf(each) !== undefined }, http);
    await response.body?.cancel();
    return commitOf(response);
  }

  return {
    contentUrl,
    async resolve(revision, http) {
      const commit = (await askRevision(revision, http)) ?? (await askHeaders(revision, http));
      if (commit !== undefined) return commit;
      throw fail(
        `hub: ${endpoint} does not say which commit of ${repository} "${revision}" is; is it a hub?`,
        endpoint,
      );
    },
    async list(commit, http) {
      const url = `${api("tree", commit)}?recursive=true`;
      return askForListing({ url, name: "the listing", location, isFile: false }, http);
    },
    async open(commit, name, known, http) {
      const url = addressOf(contentUrl(commit), name);
      const headers = { "Accept-Encoding": "identity" };
      const accept = (response: Response): boolean => response.status < 400 && response.headers.has("x-linked-etag");
      const answer = await request({ url, name, location, headers, accept }, http);
      let first = answer.ok ? answer : undefined;
      const release = async (): Promise<void> => {
        await first?.body?.cancel().catch(() => undefined);
        first = undefined;
      };
      const served = answer.headers.get("x-repo-commit");
      if (served !== null && served !== commit) {
        await release();
        throw fail(`hub: ${url} is answered with commit ${served}; is ${endpoint} a hub?`, url);
      }
      const described = describe(answer, known);
      const { sizeBytes, sha256 } = described;
      const validator = answer.ok ? strongETag(answer.headers) : undefined;

      /** What to read when `from` bytes are here. */
      async function sourceAt(from: number): Promise<Source> {
        const opened = from === 0 ? first : undefined;
        if (opened === undefined) await release();
        first = undefined;
        return {
          ...{ url, name, location, from, isChecked: sha256 !== undefined },
          ...(sizeBytes === undefined ? {} : { sizeBytes }),
          ...(opened === undefined ? {} : { first: opened }),
          ...(validator === undefined ? {} : { validator }),
        };
      }

      return {
        ...described,
        etag: described.etag ?? hash(`${commit}/${name}`),
        release,
        async read(from, consume) {
          let at = 0;
          const source = async (attempt: number): Promise<Source> => {
            at = await from(attempt);
            return sourceAt(at);
          };
          return readContent(source, http, (content) => consume(content, at));
        },
      };
    },
  };
}
