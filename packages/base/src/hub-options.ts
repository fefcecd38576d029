import { ConfigError } from "./errors.ts";
import type { Files } from "./files.ts";
import type { HttpOptions } from "./http.ts";

/** Which version of a repository, how to reach it, and where to keep it. What is not given, Node's environment says. */
export interface HubOptions extends Omit<HttpOptions, "headers"> {
  /** Branch, tag, pull request (`"refs/pr/1"`) or commit, whole or short. Only a commit names the same files for ever. @default "main" */
  readonly revision?: string;
  /**
   * Where files are kept, in the layout of Python's huggingface_hub: a folder's path in Node, or any folder that can be
   * written. `false` keeps nothing: ranges are then asked of the hub. @default in Node `$HF_HUB_CACHE`, `$HF_HOME/hub` or
   * `~/.cache/huggingface/hub`; in a browser `false`
   */
  readonly cache?: string | Files | false;
  /** Whether to use no network at all. @default whether `HF_HUB_OFFLINE` is `1` */
  readonly offline?: boolean;
  /** Address of the hub. @default `HF_ENDPOINT`, or `"https://huggingface.co"` */
  readonly endpoint?: string;
  /**
   * Access token, for private and gated repositories, sent to `endpoint` only; `false` sends none. @default `HF_TOKEN`, or what
   * the file `$HF_TOKEN_PATH` or `$HF_HOME/token` holds, which `hf auth login` writes
   */
  readonly token?: string | false;
}

/** Every key of `HubOptions`. */
export const HUB_KEYS = [
  "revision",
  "cache",
  "offline",
  "endpoint",
  "token",
  "fetch",
  "retries",
  "retryDelayMs",
  "signal",
  "onProgress",
] as const;
const NAME = /^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/;
/** Throws for what cannot be meant. */
export function checkHub(repository: string, revision: string, endpoint: string, cache: HubOptions["cache"]): void {
  if (!NAME.test(repository)) {
    throw new ConfigError({ message: `hub: "${repository}" is no repository; write "organisation/name"`, repository });
  }
  const isPath = revision.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (!isPath || /[\\\p{Cc}]/u.test(revision)) {
    const message = `hub: "${revision}" is no revision; write a branch, a tag or a commit, such as "main"`;
    throw new ConfigError({ message, revision });
  }
  if (!/^https?:\/\/[^/?#]/i.test(endpoint)) {
    const message = `hub: the endpoint "${endpoint}" is no address; write one such as "https://huggingface.co"`;
    throw new ConfigError({ message, endpoint });
  }
  if (typeof cache === "string" && /^https?:\/\//i.test(cache)) {
    throw new ConfigError({ message: `hub: nothing can be kept at "${cache}"; give cache a folder`, cache });
  }
}

/** The header that carries a token. */
export function authorization(token: string | undefined): Record<string, string> {
  if (token === undefined) return {};
  if (/^[\x21-\x7e]+$/.test(token)) return { Authorization: `Bearer ${token}` };
  throw new ConfigError({ message: "hub: the token has blanks or strange characters; is it copied whole?" });
}
