/** In a browser there is no environment and no disk: nothing is kept unless a folder is given. Node's is `hub-home.node.ts`. */
import { ConfigError } from "./errors.ts";
import type { HubHome } from "./hub-cache.ts";

export function hubHome(): HubHome {
  return {
    offline: false,
    token: async () => undefined,
    cache(_repository, path) {
      if (path === undefined) return undefined;
      const message = `hub: a browser has no folder "${path}" to keep files in; give cache a folder, such as directory(handle)`;
      throw new ConfigError({ message, path });
    },
  };
}
