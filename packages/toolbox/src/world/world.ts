/**
 * One simulated world behind an HTTP server on this machine's loopback address: the tools ask it as they would ask a service
 * on the web. What it answers follows from the seed and the clock alone.
 */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { checkOptions, type Json } from "@cambium/base";
import { ToolError } from "@cambium/tool-learning";
import { fullSetup, type Setup } from "../setup.ts";
import { makeGeography } from "./geography.ts";
import { makeMarket } from "./market.ts";
import { RequestError, ROUTES, type WorldData } from "./routes.ts";

/** A world that tools of several kits may share. */
export interface World {
  readonly data: WorldData;
  /** Address of the server, which starts when it is first asked. */
  url(): Promise<string>;
  /**
   * Asks one of the services.
   *
   * @throws {ToolError} With the service's own words, or `UNAVAILABLE` when it cannot be reached.
   */
  get(path: string, query: Readonly<Record<string, string | number | undefined>>, signal?: AbortSignal): Promise<Json>;
  /** Stops the server; the next request starts it again. */
  close(): Promise<void>;
}

const LONGEST_ADDRESS = 2000;

function reply(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" })
    .end(JSON.stringify(body));
}

function serve(data: WorldData): Server {
  return createServer((request, response) => {
    try {
      if (request.method !== "GET") throw new RequestError(405, "only GET is answered");
      const address = request.url ?? "";
      if (address.length > LONGEST_ADDRESS) throw new RequestError(414, "the address is too long");
      const { pathname, searchParams } = new URL(address, "http://world");
      const route = ROUTES.get(pathname);
      if (route === undefined) throw new RequestError(404, `nothing is at ${pathname}`);
      reply(response, 200, route(data, Object.fromEntries(searchParams)));
    } catch (error) {
      reply(response, error instanceof RequestError ? error.status : 500, { error: (error as Error).message });
    }
  });
}

/**
 * The world of a seed: eighteen cities with roads, places and weather, and twelve companies.
 *
 * @example
 * const world = openWorld({ seed: 7 });
 * const kits = [weather({ world }), maps({ world })];
 * await world.close();
 */
export function openWorld(options: Setup = {}): World {
  checkOptions("openWorld", options, ["seed", "clock"]);
  const { seed, clock } = fullSetup("openWorld", options);
  const today = clock.slice(0, 10);
  const data = { seed, today, geography: makeGeography(seed), market: makeMarket(seed, today) };
  let started: Promise<{ server: Server; url: string }> | undefined;
  const start = (): Promise<{ server: Server; url: string }> =>
    new Promise((resolve, reject) => {
      const server = serve(data);
      server.on("error", reject).listen(0, "127.0.0.1", () => {
        server.unref();
        resolve({ server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
      });
    });
  const url = async (): Promise<string> => {
    started ??= start();
    return (await started).url;
  };
  return {
    data,
    url,
    async get(path, query, signal) {
      const given = Object.entries(query).flatMap(([key, value]) =>
        value === undefined ? [] : [[key, String(value)]],
      );
      let status: number;
      let body: Json;
      try {
        const response = await fetch(
          `${await url()}${path}?${new URLSearchParams(given)}`,
          signal === undefined ? {} : { signal },
        );
        status = response.status;
        body = (await response.json()) as Json;
      } catch (cause) {
        throw new ToolError({ message: "the service cannot be reached", code: "UNAVAILABLE", cause });
      }
      if (status === 200) return body;
      const message = String((body as { readonly error?: unknown }).error);
      throw new ToolError({ message, code: status >= 500 ? "UNAVAILABLE" : "TOOL_ERROR" });
    },
    async close() {
      const running = started;
      started = undefined;
      if (running === undefined) return;
      const { server } = await running;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Options of the kits that ask a world. */
export interface WorldOptions extends Setup {
  /** A world to share; the kit does not close it. @default one of its own, from seed and clock */
  readonly world?: World;
}

/** The world that a kit asks, and what its `close` does. */
export function worldOf(
  caller: string,
  options: WorldOptions,
): { readonly world: World; readonly close: () => Promise<void> } {
  checkOptions(caller, options, ["seed", "clock", "world"]);
  const { world, ...setup } = options;
  if (world !== undefined) return { world, close: async () => {} };
  const own = openWorld(setup);
  return { world: own, close: () => own.close() };
}
