/**
 * The bytes of a file over HTTP, through cut connections. After a cut the rest is asked for with `Range`, guarded by
 * `If-Range`, so that two versions of a file are never glued together; where that cannot be, the file is read from its start.
 */
import { FileError } from "./errors.ts";
import { collectBytes } from "./files.ts";
import { type HttpOptions, request } from "./http.ts";
import { cancelled, waitToRetry } from "./retry.ts";

/** A file, or the end of one, to be read. */
export interface Source {
  readonly url: string;
  readonly name: string;
  readonly location: string;
  /** First byte wanted. @default 0 */
  readonly from?: number;
  /** End of what is wanted, exclusive. @default the file's end */
  readonly to?: number;
  /** An answer that has come already to the request for these bytes. */
  readonly first?: Response;
  /** Strong `ETag` of the version of which the bytes before `from` are. */
  readonly validator?: string;
  /** Whether a checksum is taken at the end, so that parts may be joined without a validator. @default false */
  readonly isChecked?: boolean;
  /** Size of the whole file in bytes, where it is known. */
  readonly sizeBytes?: number;
}

/** What is here is of no use: the rest cannot be joined to it, or the whole is not what was announced. */
export class Changed extends Error {
  /** The error when reading again did not help. */
  readonly final: FileError | undefined;

  constructor(details: { readonly cause?: unknown; readonly final?: FileError } = {}) {
    super("internal: changed content", details);
    this.final = details.final;
  }
}

const ATTEMPTS = 3;
/** Bytes that must arrive between two cuts for the second to count as a first one. */
const PROGRESS_BYTES = 2 ** 16;

/** Not compressed: of a compressed body neither sizes nor ranges mean the file's. Browsers do not let this be said. */
const PLAIN = { "Accept-Encoding": "identity" };

/** The `ETag` of an answer when it is a strong one, by which ranges may be guarded. */
export function strongETag(headers: Headers): string | undefined {
  const etag = headers.get("etag");
  return etag !== null && /^"[^"]*"$/.test(etag) ? etag : undefined;
}

/** Size of the whole file, by `Content-Range` or `Content-Length`; `undefined` when the server does not say. */
export function sizeOf(response: Response): number | undefined {
  const { headers, status } = response;
  if (headers.has("content-encoding")) return undefined;
  const stated =
    status === 206 ? /\/(\d+)\s*$/.exec(headers.get("content-range") ?? "")?.[1] : headers.get("content-length");
  return stated === null || stated === undefined || !/^\d+$/.test(stated) ? undefined : Number(stated);
}

/** Where the bytes of an answer begin in the file; `undefined` where a browser hides it. */
function startOf({ status, headers }: Response): number | undefined {
  if (status !== 206) return 0;
  const first = /^bytes (\d+)-/.exec(headers.get("content-range") ?? "")?.[1];
  return first === undefined ? undefined : Number(first);
}

/** The pieces of a body. What is left unread is not wanted. */
async function* pieces(response: Response): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function rangeOf(from: number, to: number | undefined, validator: string | undefined): Record<string, string> {
  if (from === 0 && to === undefined) return PLAIN;
  const range = { ...PLAIN, Range: `bytes=${from}-${to === undefined ? "" : to - 1}` };
  return validator === undefined ? range : { ...range, "If-Range": validator };
}

/** Asks for the bytes from `at`. Those before it, if any, are here. */
async function askRest(
  source: Source,
  at: number,
  validator: string | undefined,
  options: HttpOptions,
): Promise<Response> {
  const { url, name, location, to } = source;
  let response: Response;
  try {
    const headers = rangeOf(at, to, validator);
    response = await request({ url, name, location, headers, workedBefore: at > 0 }, options);
  } catch (error) {
    if (error instanceof FileError && error.details["reason"] === "range") throw new Changed(); // the file is shorter now
    throw error;
  }
  if (at === 0 || !response.headers.has("content-encoding")) return response;
  await response.body?.cancel();
  throw new Changed();
}

/**
 * The bytes of a source as they arrive, cuts mended.
 *
 * @throws {FileError} When the server fails, or the connection is cut again and again.
 */
async function* mended(source: Source, options: HttpOptions): AsyncGenerator<Uint8Array> {
  const { from = 0, to, name, isChecked = false } = source;
  let { validator, first } = source;
  let [at, lastCut, cuts] = [from, from, 0];
  for (;;) {
    if (first === undefined && at > 0 && at === source.sizeBytes) return; // whole already, as far as sizes say
    const response = first ?? (await askRest(source, at, validator, options));
    first = undefined;
    if ((startOf(response) ?? at) !== at) {
      await response.body?.cancel();
      throw new Changed();
    }
    const total = sizeOf(response) ?? source.sizeBytes;
    validator = response.headers.has("content-encoding") ? undefined : (strongETag(response.headers) ?? validator);
    const end = to === undefined ? total : Math.min(to, total ?? to);
    let cause: unknown;
    try {
      for await (const piece of pieces(response)) {
        at += piece.length;
        if (to === undefined) options.onProgress?.({ name, receivedBytes: at, totalBytes: total });
        yield piece;
      }
      if (end === undefined || at >= end) return;
    } catch (error) {
      cause = error;
    }
    if (options.signal?.aborted === true) throw cancelled(options.signal);
    cuts = at - lastCut >= PROGRESS_BYTES ? 1 : cuts + 1;
    lastCut = at;
    if (!(await waitToRetry(cuts, options))) throw broken(name, at, total, cause);
    if (at > 0 && validator === undefined && !isChecked) throw new Changed({ cause });
  }
}

function broken(name: string, at: number, total: number | undefined, cause: unknown): FileError {
  const state = `${at} of ${total ?? "an unknown number of"} bytes`;
  return new FileError({
    message: `remote: the connection broke while "${name}" was read, after ${state}; read it again`,
    cause,
    name,
    reason: "unavailable",
  });
}

/**
 * Consumes a file's bytes, again from the start when the rest does not fit what is here.
 *
 * @param source - What to read; asked for at each attempt.
 * @param consume - Takes the bytes. At a later attempt what it took before is void.
 * @throws {FileError} When the file changes at each attempt, or the server fails.
 */
export async function readContent<T>(
  source: (attempt: number) => Source | Promise<Source>,
  options: HttpOptions,
  consume: (content: AsyncGenerator<Uint8Array>) => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    const given = await source(attempt);
    try {
      return await consume(mended(given, options));
    } catch (error) {
      if (!(error instanceof Changed)) throw error;
      if (attempt + 1 < (error.final === undefined ? ATTEMPTS : 2)) continue;
      if (error.final !== undefined) throw error.final;
      const message = `remote: "${given.name}" cannot be read in one piece: it changes, or its server sends no ranges after a cut; read it again`;
      throw new FileError({ message, cause: error.cause, name: given.name, url: given.url, reason: "unavailable" });
    }
  }
}

/** The bytes of a source in one array. */
export async function readBytes(source: Source, options: HttpOptions): Promise<Uint8Array> {
  const { first, ...again } = source;
  return readContent((attempt) => (attempt === 0 ? source : again), options, collectBytes);
}
