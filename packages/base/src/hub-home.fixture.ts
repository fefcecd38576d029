import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, vi } from "vitest";

const NAMES = `HF_HOME HF_HUB_CACHE HUGGINGFACE_HUB_CACHE HF_HUB_OFFLINE TRANSFORMERS_OFFLINE HF_TOKEN HF_TOKEN_PATH
  HUGGING_FACE_HUB_TOKEN HF_ENDPOINT HF_HUB_DISABLE_SYMLINKS HF_HUB_DISABLE_IMPLICIT_TOKEN XDG_CACHE_HOME`;

/** Gives every test of a file an empty `HF_HOME`, and nothing else of the caller's environment that speaks of the hub. */
export function useEmptyHome(): { readonly path: string; readonly repository: string } {
  let path = "";
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "hub-"));
    for (const name of NAMES.split(/\s+/)) vi.stubEnv(name, "");
    vi.stubEnv("HF_HOME", path);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(path, { recursive: true });
  });
  return {
    get path() {
      return path;
    },
    /** The folder of `org/name` in the cache. */
    get repository() {
      return join(path, "hub/models--org--name");
    },
  };
}
