import { readBytes, sizeOf } from "./content.ts";
import { FileError } from "./errors.ts";
import { type ByteRange, checkName, checkRange, type FileErrorReason, type Files } from "./files.ts";
import { addressOf, type HttpOptions, request } from "./http.ts";
import { checkOptions } from "./options.ts";
import { checkRetries } from "./retry.ts";

/** The error of every call that a read-only folder cannot serve. */
export function readOnly(location: string, name: string): FileError {
  const reason: FileErrorReason = "read-only";
  return new FileError({
    message: `remote: "${name}" in ${location} can only be read; write to a folder instead`,
    name,
    reason,
  });
}

/**
 * A folder on a web server, to read from.
 *
 * Ranges are asked for with HTTP's `Range`. A server that ignores them sends the whole file; that is kept until another
 * file is read, so that the next range costs nothing. There is no listing over HTTP: `list` throws.
 *
 * Failures that pass (a cut connection, 429, a server's error) are mended: after a cut the rest is asked for, if the server
 * can say that it is the same version, and else the whole again. Headers stay with the address's own origin.
 *
 * @param url - Address of the folder, `http:` or `https:`. A query stays at the end of every request.
 * @example
 * const config = await readJson(remote("https://example.org/models/small"), "config.json");
 */
export function remote(url: string, options: HttpOptions = {}): Files {
  checkOptions("remote", options, ["headers", "fetch", "retries", "retryDelayMs", "signal", "onProgress"]);
  checkRetries("remote", options);
  const location = url.replace(/\/+$/, "");
  let whole: { readonly name: string; readonly bytes: Uint8Array } | undefined;

  async function send(
    name: string,
    init: { method?: string; headers?: Record<string, string> } = {},
  ): Promise<Response> {
    checkName(name, location);
    return request({ url: addressOf(location, name), name, location, ...init }, options);
  }

  /** The bytes of a file or of a range, of which the first answer is here. */
  async function bytesOf(name: string, first?: Response, range?: ByteRange): Promise<Uint8Array> {
    checkName(name, location);
    const url = addressOf(location, name);
    return readBytes({ url, name, location, ...range, ...(first === undefined ? {} : { first }) }, options);
  }

  /** Keeps the body of an answer that is a whole file. */
  async function keep(name: string, response: Response): Promise<Uint8Array> {
    const bytes = await bytesOf(name, response);
    whole = { name, bytes };
    return bytes;
  }

  const cut = (name: string, bytes: Uint8Array, from: number, to: number): Uint8Array => {
    checkRange({ from, to }, bytes.length, name);
    return bytes.slice(from, to);
  };

  async function readRange(name: string, from: number, to: number): Promise<Uint8Array> {
    if (whole?.name === name) return cut(name, whole.bytes, from, to);
    const response = await send(name, { headers: { Range: `bytes=${from}-${to - 1}` } });
    if (response.status !== 206) return cut(name, await keep(name, response), from, to);
    const bytes = await bytesOf(name, response, { from, to });
    checkRange({ from, to }, from + bytes.length, name);
    return bytes.slice(0, to - from);
  }

  async function size(name: string): Promise<number> {
    if (whole?.name === name) return whole.bytes.length;
    let response: Response;
    try {
      response = await send(name, { headers: { Range: "bytes=0-0" } });
    } catch (error) {
      if ((error as Partial<FileError>).details?.["status"] === 416) return 0; // an empty file has no first byte
      throw error;
    }
    if (response.status !== 206) return (await keep(name, response)).length;
    await response.body?.cancel();
    // A browser shows the total only where the server exposes the header to other origins.
    const sizeBytes =
      sizeOf(response) ?? sizeOf(await send(name, { method: "HEAD", headers: { "Accept-Encoding": "identity" } }));
    if (sizeBytes !== undefined) return sizeBytes;
    throw new FileError({
      message: `remote: ${addressOf(location, name)} does not tell its size; serve it with Content-Length`,
      name,
      reason: "other",
    });
  }

  return {
    location,
    async list() {
      throw new FileError({
        message: `remote: ${location} has no listing; read its files by name`,
        location,
        reason: "other",
      });
    },
    async read(name, range) {
      if (range === undefined) {
        return whole?.name === name ? whole.bytes.slice() : bytesOf(name);
      }
      checkRange(range, Number.MAX_SAFE_INTEGER, name);
      return range.from === range.to ? new Uint8Array(0) : readRange(name, range.from, range.to);
    },
    async write(name) {
      throw readOnly(location, name);
    },
    async remove(name) {
      throw readOnly(location, name);
    },
    size,
  };
}
