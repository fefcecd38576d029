/** Requests to services: bounded, within one origin, and to private addresses only where the caller named them. */
import { lookup } from "node:dns";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { ToolError } from "../tools/failure.ts";

/** A request. */
export interface Sent {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

/** An answer. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

/** Sends a request, and gives the answer whatever its status. */
export type Send = (
  sent: Sent,
  options: { readonly signal: AbortSignal; readonly limitBytes: number },
) => Promise<Answered>;

const PRIVATE = new BlockList();
for (const [address, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const)
  PRIVATE.addSubnet(address, bits, "ipv4");
for (const [address, bits] of [
  ["::", 127],
  ["64:ff9b::", 96],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const)
  PRIVATE.addSubnet(address, bits, "ipv6");

/** Whether an address is of this machine or its network. */
export function isPrivate(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return isPrivate(mapped);
  const family = isIP(address);
  return family === 0 || PRIVATE.check(address, family === 6 ? "ipv6" : "ipv4");
}

const refusal = (host: string): ToolError =>
  new ToolError({
    code: "FORBIDDEN",
    message: `"${host}" is an address of a private network; the service may not be there`,
  });

/** Looks a name up, and refuses private addresses: checked where the connection is made, so that a name cannot change in between. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, "", 4);
    if (addresses.some(({ address }) => isPrivate(address))) return callback(refusal(hostname), "", 4);
    if ((options as { all?: boolean }).all === true)
      return (callback as unknown as (e: null, a: unknown) => void)(null, addresses);
    const [first] = addresses;
    return callback(null, first!.address, first!.family);
  });
};

/**
 * Sends by HTTP.
 *
 * @param isPublicOnly - Whether private addresses are refused.
 */
export const sender =
  (isPublicOnly: boolean): Send =>
  ({ method, url, headers, body }, { signal, limitBytes }) =>
    new Promise<Answered>((settle, reject) => {
      const host = url.hostname.replace(/^\[|\]$/g, "");
      if (isPublicOnly && isIP(host) !== 0 && isPrivate(host)) return reject(refusal(host));
      const make = url.protocol === "https:" ? httpsRequest : httpRequest;
      const length = body === undefined ? {} : { "content-length": String(body.byteLength) };
      const lookUp = isPublicOnly ? { lookup: publicLookup } : {};
      const request = make(url, { method, headers: { ...headers, ...length }, signal, ...lookUp }, (response) => {
        const pieces: Uint8Array[] = [];
        let sizeBytes = 0;
        response.on("data", (piece: Buffer) => {
          sizeBytes += piece.byteLength;
          pieces.push(piece);
          if (sizeBytes <= limitBytes) return;
          const message = `the answer is longer than ${limitBytes} bytes; ask for less`;
          reject(new ToolError({ code: "OUTPUT_TOO_LARGE", message }));
          response.destroy();
        });
        response.on("end", () =>
          settle({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: new Uint8Array(Buffer.concat(pieces)),
          }),
        );
        response.on("error", reject);
        response.on("close", () => reject(new Error("the answer ended early")));
      });
      request.on("error", reject);
      request.end(body);
    });
