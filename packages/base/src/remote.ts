import { FileError } from "./errors.ts";
import { checkName, checkRange, collectBytes, type FileErrorReason, type Files } from "./files.ts";
import { addressOf, bodyOf, type HttpOptions, request } from "./http.ts";
import { checkOptions } from "./options.ts";

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
 * @param url - Address of the folder, `http:` or `https:`. A query stays at the end of every request.
 * @example
 * const config = await readJson(remote("https://example.org/models/small"), "config.json");
 */
export function remote(url: string, options: HttpOptions = {}): Files {
  checkOptions("remote", options, ["headers", "fetch"]);
  const location = url.replace(/\/+$/, "");
  let whole: { readonly name: string; readonly bytes: Uint8Array } | undefined;

  async function send(
    name: string,
    init: { method?: string; headers?: Record<string, string> } = {},
  ): Promise<Response> {
    checkName(name, location);
    return request(addressOf(location, name), { name, location, ...init }, options);
  }

  /** Keeps the body of an answer that is a whole file. */
  async function keep(name: string, response: Response): Promise<Uint8Array> {
    const bytes = await collectBytes(bodyOf(response, name));
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
    const bytes = await collectBytes(bodyOf(response, name));
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
    const total = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
    const sizeBytes = total ?? (await send(name, { method: "HEAD" })).headers.get("content-length");
    if (sizeBytes !== null) return Number(sizeBytes);
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
        return whole?.name === name ? whole.bytes.slice() : collectBytes(bodyOf(await send(name), name));
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
