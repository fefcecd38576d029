import { FileError } from "./errors.ts";
import { type FileErrorReason, missingFile } from "./files.ts";

/** How requests are made. */
export interface HttpOptions {
  /** Sent with every request, such as `{ Authorization: "Bearer …" }`. @default {} */
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes the requests. @default the platform's `fetch` */
  readonly fetch?: typeof fetch;
}

/** Address of the file `name` in the folder `url`, whose query stays at the end. */
export function addressOf(url: string, name: string): string {
  const address = new URL(url);
  address.pathname = [address.pathname.replace(/\/+$/, ""), ...name.split("/").map(encodeURIComponent)].join("/");
  return address.href;
}

const reasons: Readonly<Record<number, readonly [FileErrorReason, advice: string]>> = {
  401: ["forbidden", "it is private or does not exist; give a token that may read it"],
  403: ["forbidden", "access is denied; give a token that may read it"],
  416: ["range", "the range lies outside the file; is the file truncated?"],
};

/**
 * A successful answer to a request, its body not yet read.
 *
 * @throws {FileError} When the server cannot be reached or answers with an error.
 */
export async function request(
  url: string,
  {
    name,
    location,
    method = "GET",
    headers = {},
  }: { name: string; location: string; method?: string; headers?: Record<string, string> },
  options: HttpOptions,
): Promise<Response> {
  const { fetch: send = globalThis.fetch } = options;
  let response: Response;
  try {
    response = await send(url, { method, headers: { ...options.headers, ...headers } });
  } catch (cause) {
    throw new FileError({
      message: `remote: ${url} cannot be reached; is the network up?`,
      cause,
      name,
      url,
      reason: "other",
    });
  }
  if (response.ok) return response;
  await response.body?.cancel();
  const { status } = response;
  if (status === 404 || status === 410) throw missingFile(name, location);
  const [reason, advice] = reasons[status] ?? ["other", "try again later"];
  throw new FileError({
    message: `remote: the server answered ${status} for ${url}: ${advice}`,
    name,
    url,
    status,
    reason,
  });
}

/**
 * The body of an answer, as it arrives.
 *
 * @throws {FileError} When the connection breaks.
 */
export async function* bodyOf(response: Response, name: string): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (cause) {
    throw new FileError({
      message: `remote: the connection broke while "${name}" was read; read it again`,
      cause,
      name,
      reason: "other",
    });
  } finally {
    await reader.cancel().catch(() => undefined); // what is left unread is not wanted
  }
}
