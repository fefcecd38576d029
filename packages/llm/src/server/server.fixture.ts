import { onTestFinished } from "vitest";
import { type Server, type ServerOptions, startServer } from "./server.ts";

/** A server for the running test. */
export async function testServer(options: ServerOptions): Promise<Server> {
  const server = await startServer(options);
  onTestFinished(() => server.close());
  return server;
}
