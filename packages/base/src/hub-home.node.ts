/**
 * What the environment says of the hub, as Python's huggingface_hub reads it: the one place that looks. In a browser it says
 * nothing: `hub-home.browser.ts`.
 */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { env } from "node:process";
import { isMissingFile } from "./files.ts";
import type { HubHome } from "./hub-cache.ts";
import { diskCache } from "./hub-disk.ts";
import { system } from "./system.ts";

/** A path with `~` for the home folder and `$NAME` or `${NAME}` for variables. */
function expand(path: string): string {
  const known = path.replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, a?: string, b?: string) => env[a ?? b ?? ""] ?? whole);
  return known.replace(/^~(?=$|[/\\])/, () => homedir());
}

/** The first of these variables that is set and not empty. */
function read(...names: readonly string[]): string | undefined {
  return names.map((name) => env[name]).find((value) => value !== undefined && value !== "");
}

function isOn(...names: readonly string[]): boolean {
  return /^(1|on|yes|true)$/i.test(read(...names) ?? "");
}

async function readToken(home: string): Promise<string | undefined> {
  if (isOn("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return undefined;
  const given = read("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")?.trim();
  if (given !== undefined && given !== "") return given;
  const path = expand(read("HF_TOKEN_PATH") ?? join(home, "token"));
  try {
    const stored = (await system("read", path, () => readFile(path, "utf8"))).trim();
    return stored === "" ? undefined : stored;
  } catch (error) {
    if (isMissingFile(error)) return undefined;
    throw error;
  }
}

/** The environment's answers, at the time of the call. */
export function hubHome(): HubHome {
  const home = expand(read("HF_HOME") ?? join(read("XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "huggingface"));
  const path = expand(read("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? join(home, "hub"));
  const links = !isOn("HF_HUB_DISABLE_SYMLINKS");
  const endpoint = read("HF_ENDPOINT");
  return {
    ...(endpoint === undefined ? {} : { endpoint }),
    offline: isOn("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
    token: () => readToken(home),
    cache: (repository, given = path) => diskCache(given, repository, links),
  };
}
