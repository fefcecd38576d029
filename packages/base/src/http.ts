/**
 * One request over HTTP: redirects, which never take the caller's headers to another origin; repetition after failures that
 * pass; and the errors of those that do not. `content.ts` builds on it what goes on after a cut.
 */
import { FileError } from "./errors.ts";
import { type FileErrorReason, missingFile } from "./files.ts";
import { cancelled, type RetryOptions, retryAfterMs, waitToRetry } from "./retry.ts";

/** How requests are made. */
export interface HttpOptions extends RetryOptions {
  /**
   * Sent with every request to the address's own origin, such as `{ Authorization: "Bearer …" }`. A redirect to another
   * origin does not take them along. @default {}
   */
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes the requests. @default the platform's `fetch` */
  readonly fetch?: typeof fetch;
  /** Called as the bytes of a whole file arrive. */
  readonly onProgress?: (progress: Progress) => void;
}

/** How far the download of a file is. */
export interface Progress {
  readonly name: string;
  /** Bytes here, those kept from an earlier attempt included. It falls back to few where a file has to start again. */
  readonly receivedBytes: number;
  /** Size of the file in bytes, where the server says it. */
  readonly totalBytes: number | undefined;
}

/** What to ask for. */
export interface Ask {
  readonly url: string;
  /** File that errors name. */
  readonly name: string;
  readonly location: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Redirects not to follow and errors not to throw: such answers are returned. Browsers follow every redirect. */
  readonly accept?: (response: Response) => boolean;
  /** Whether a connection that is refused or an unknown host may be a passing failure: when it worked a moment ago. */
  readonly workedBefore?: boolean;
  /** Whether 404 means that the file `name` is missing. @default true */
  readonly isFile?: boolean;
}

/** Address of the file `name` in the folder `url`, whose query stays at the end. */
export function addressOf(url: string, name: string): string {
  const address = new URL(url);
  address.pathname = [address.pathname.replace(/\/+$/, ""), ...name.split("/").map(encodeURIComponent)].join("/");
  return address.href;
}

const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const MOST_REDIRECTS = 10;
/** Failures to connect that repetition does not mend: no such host, nothing listens. */
const FINAL_CAUSES: ReadonlySet<unknown> = new Set(["ENOTFOUND", "ECONNREFUSED"]);

const reasons: Readonly<Record<number, readonly [FileErrorReason, advice: string]>> = {
  401: ["forbidden", "it is private or does not exist; give a token that may read it"],
  403: ["forbidden", "access is denied; give a token that may read it"],
  404: ["other", "there is no such thing"],
  416: ["range", "the range lies outside the file; is the file truncated?"],
};

/** What the codes of the Hugging Face hub mean, in its header `X-Error-Code`. */
const hubReasons: Readonly<Record<string, readonly [FileErrorReason, advice: string]>> = {
  GatedRepo: ["forbidden", "the repository is gated; accept its terms on its page and give a token of that account"],
  RepoNotFound: [
    "other",
    "there is no such repository, or it is private; check the name, or give a token that may read it",
  ],
  RevisionNotFound: ["other", "the repository has no such revision"],
};

/** The error of an answer that is no success. */
function refusal(ask: Ask, response: Response): FileError {
  const { status, headers } = response;
  const hubCode = headers.get("x-error-code") ?? undefined;
  const known = hubReasons[hubCode ?? ""];
  if ((status === 404 || status === 410) && known === undefined && ask.isFile !== false) {
    return missingFile(ask.name, ask.location);
  }
  const asked = retryAfterMs(headers);
  const later = asked === undefined ? "try again later" : `try again in ${Math.ceil(asked / 1000)} s`;
  const [reason, advice] = known ?? reasons[status] ?? [PASSING.has(status) ? "unavailable" : "other", later];
  return new FileError({
    message: `remote: the server answered ${status} for ${ask.url}: ${advice}`,
    name: ask.name,
    url: ask.url,
    status,
    reason: status === 401 ? "forbidden" : reason,
    ...(hubCode === undefined ? {} : { hubCode }),
  });
}

/** The error of a server that cannot be reached. */
function unreachable({ name }: Ask, url: string, cause: unknown): FileError {
  const reason: FileErrorReason = "unavailable";
  return new FileError({ message: `remote: ${url} cannot be reached; is the network up?`, cause, name, url, reason });
}

function checkRedirect(ask: Ask, from: string, to: string): void {
  const protocols = [from, to].map((url) => new URL(url).protocol);
  if (protocols[1] === "https:" || (protocols[1] === "http:" && protocols[0] === "http:")) return;
  const message = `remote: ${from} redirects to ${to}, which is not safe; it was not followed`;
  throw new FileError({ message, name: ask.name, url: from, reason: "other" });
}

/** One attempt, redirects included. Nothing but the failure to connect throws a `TypeError`. */
async function send(ask: Ask, options: HttpOptions): Promise<Response> {
  const { fetch = globalThis.fetch, headers: secrets = {}, signal } = options;
  const { origin } = new URL(ask.url);
  const watched = ask.accept !== undefined || Object.keys(secrets).length > 0;
  let url = ask.url;
  for (let hops = 0; ; hops++) {
    const headers = { ...(new URL(url).origin === origin ? secrets : {}), ...ask.headers };
    const init: RequestInit = { method: ask.method ?? "GET", headers, ...(signal === undefined ? {} : { signal }) };
    const response = await fetch(url, { ...init, redirect: watched ? "manual" : "follow" });
    // A browser shows no redirect to a script; it drops `Authorization` itself at the border of an origin.
    if (response.type === "opaqueredirect") return fetch(url, init);
    const next = response.headers.get("location");
    if (!REDIRECTS.has(response.status) || next === null || hops === MOST_REDIRECTS) return response;
    if (ask.accept?.(response) === true) return response;
    await response.body?.cancel();
    const target = new URL(next, url).href;
    checkRedirect(ask, url, target);
    url = target;
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled(signal);
}

/** Whether another attempt to connect may help. */
function mayPass({ workedBefore = false }: Ask, error: unknown): boolean {
  const { code } = ((error as Error).cause ?? {}) as { code?: unknown };
  return workedBefore || (code !== undefined && !FINAL_CAUSES.has(code));
}

/**
 * A successful answer to a request, or one that `ask.accept` takes, its body not yet read.
 *
 * @throws {FileError} When the server cannot be reached or answers with an error.
 * @throws {CancelledError}
 */
export async function request(ask: Ask, options: HttpOptions): Promise<Response> {
  const { signal } = options;
  for (let failures = 1; ; failures++) {
    throwIfAborted(signal);
    let response: Response;
    try {
      response = await send(ask, options);
    } catch (cause) {
      throwIfAborted(signal);
      if (cause instanceof FileError) throw cause;
      if (!mayPass(ask, cause) || !(await waitToRetry(failures, options))) throw unreachable(ask, ask.url, cause);
      continue;
    }
    if (response.ok || ask.accept?.(response) === true) return response;
    await response.body?.cancel();
    const passing = PASSING.has(response.status);
    if (!passing || !(await waitToRetry(failures, options, retryAfterMs(response.headers)))) {
      throw refusal(ask, response);
    }
  }
}
