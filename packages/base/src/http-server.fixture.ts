import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A request as a test sees it: `GET /path?query`, and the range asked for. */
export interface Seen {
  readonly line: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** Starts a server on this machine for the running test; returns its address and what it was asked. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const { range, authorization } = request.headers;
    seen.push({ line: `${request.method} ${request.url}`, range, authorization });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

/** Answers with a file, or the range of it that was asked for. */
export function sendRange(request: IncomingMessage, response: ServerResponse, content: Uint8Array): void {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
  if (first === undefined) {
    response.writeHead(200, { "content-length": content.length });
    response.end(request.method === "HEAD" ? undefined : content);
  } else if (Number(first) >= content.length) {
    response.writeHead(416, { "content-range": `bytes */${content.length}` }).end();
  } else {
    const piece = content.subarray(Number(first), Number(last) + 1);
    const range = `bytes ${first}-${Number(first) + piece.length - 1}/${content.length}`;
    response.writeHead(206, { "content-range": range, "content-length": piece.length }).end(piece);
  }
}
