/** What a path means in a browser: an address beside the page. Node's counterpart is `open-folder.node.ts`. */
import { StateError } from "./errors.ts";
import type { Files } from "./files.ts";
import { remote } from "./remote.ts";

export function openFolder(path: string): Files {
  return remote(new URL(path, globalThis.location.href).href);
}

export function folder(path: string): Files {
  throw new StateError({
    message: `folder: a browser cannot open the path "${path}"; use directory(handle), remote(url) or hub(repository)`,
    path,
  });
}
