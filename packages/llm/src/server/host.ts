import { isIP } from "node:net";

/** The name in a `Host` header, without port and brackets, in lower case. */
function nameIn(host: string): string {
  const [, six, name] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host.trim().toLowerCase()) ?? [];
  return six ?? name ?? "";
}

/**
 * Whether a request for this host may be answered without a key. A web page can point its own name at this machine and
 * then ask it as if it were the page's own server; it cannot do so with an address, nor with `localhost`.
 *
 * @param host - The `Host` header.
 * @param allowed - Names beside addresses and `localhost`.
 */
export function isOwnHost(host: string | undefined, allowed: readonly string[]): boolean {
  const name = nameIn(host ?? "");
  if (isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost")) return true;
  return name !== "" && allowed.some((each) => nameIn(each) === name);
}
