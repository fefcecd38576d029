import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A request as a test sees it: `GET /path?query`, and the range asked for. */
export interface Seen {
  readonly line: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly authorization: string | undefined;
}

/** Starts a server on this machine for the running test; returns its address and what it was asked. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string; seen: Seen[]; close: () => Promise<void> }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const { range, authorization, "if-range": ifRange } = request.headers;
    seen.push({
      line: `${request.method} ${request.url}`,
      range,
      ifRange: ifRange as string | undefined,
      authorization,
    });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(close);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, close };
}

/**
 * Answers with a file, or the range of it that was asked for.
 *
 * @param options - `etag` as it is sent, quotes included; `cutAt` is the byte of the file at which the connection breaks.
 */
export function sendRange(
  request: IncomingMessage,
  response: ServerResponse,
  content: Uint8Array,
  { etag, cutAt, headers = {} }: { etag?: string; cutAt?: number | undefined; headers?: Record<string, string> } = {},
): void {
  const always = { ...headers, ...(etag === undefined ? {} : { etag }) };
  const { range, "if-range": guard } = request.headers;
  const isSame = guard === undefined || guard === etag;
  const [, first, last] = (isSame ? /^bytes=(\d+)-(\d*)$/.exec(range ?? "") : null) ?? [];
  const from = Number(first ?? 0);
  if (first !== undefined && from >= content.length) {
    response.writeHead(416, { ...always, "content-range": `bytes */${content.length}` }).end();
    return;
  }
  const piece = content.subarray(from, last === undefined || last === "" ? content.length : Number(last) + 1);
  const contentRange = { "content-range": `bytes ${from}-${from + piece.length - 1}/${content.length}` };
  response.writeHead(first === undefined ? 200 : 206, {
    ...always,
    ...(first === undefined ? {} : contentRange),
    "content-length": piece.length,
  });
  if (request.method === "HEAD") response.end();
  else if (cutAt === undefined || cutAt < from || cutAt >= from + piece.length) response.end(piece);
  else if (cutAt === from) response.destroy();
  else response.write(piece.subarray(0, cutAt - from), () => setTimeout(() => response.destroy(), 20));
}
