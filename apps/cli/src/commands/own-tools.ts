/** Tools of others for `cambium tools run`: MCP servers by the file that other programs read, services by their OpenAPI documents. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { nearest } from "@cambium/base";
import type { AnyTool } from "@cambium/tool-learning";
import type { McpConnection, McpPins, McpReview, McpServer } from "@cambium/tool-learning/mcp";
import { type Command, InvalidArgumentError } from "commander";
import { type Io, UseError } from "../io.ts";

/** What the flags hold. */
export interface OwnToolFlags {
  readonly mcp?: string;
  readonly pins?: string;
  readonly openapi: Pairs;
  readonly server: Pairs;
  readonly credential: Pairs;
  readonly yes?: true;
  readonly json?: true;
}

/** Values by name. */
type Pairs = Readonly<Record<string, string>>;

/** `name=value`, given as often as there are names. */
function addPair(text: string, before: Pairs): Pairs {
  const at = text.indexOf("=");
  const [name, value] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  if (at < 0 || name === "" || value === "") throw new InvalidArgumentError("Write name=value.");
  if (Object.hasOwn(before, name)) throw new InvalidArgumentError(`"${name}" is given twice.`);
  return { ...before, [name]: value };
}

/** Adds the flags to a command. */
export function addOwnToolFlags(command: Command): Command {
  return command
    .option("--mcp <file>", "MCP servers: JSON with mcpServers, each { command, args, env } or { url, headers }")
    .option(
      "--pins <file>",
      "what was approved of the servers' tools is kept there, and a change since then is noticed",
    )
    .option(
      "--openapi <name=document>",
      "a service by its OpenAPI document, a file or an address; repeatable",
      addPair,
      {},
    )
    .option("--server <name=address>", "where that service is (default: as the document says)", addPair, {})
    .option(
      "--credential <name.scheme=variable>",
      "the environment variable that holds what a security scheme of the service asks for",
      addPair,
      {},
    );
}

/** Whether tools of others are asked for. */
export const hasOwnTools = ({ mcp, openapi }: OwnToolFlags): boolean =>
  mcp !== undefined || Object.keys(openapi).length > 0;

/** Tools that have to be closed. */
export interface OwnTools {
  readonly tools: readonly AnyTool[];
  close(): Promise<void>;
}

function readJson(file: string, what: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UseError(`tools run: cannot read ${what} ${file} (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new UseError(`tools run: ${what} ${file} is no JSON: ${(error as Error).message}`);
  }
}

/** A text with `${NAME}` or `${env:NAME}` in it, as other programs write them. */
function filled(text: string, where: string): string {
  return text.replace(/\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => {
    const value = process.env[name];
    if (value === undefined) throw new UseError(`tools run: ${where} reads $${name}, which is not set`);
    return value;
  });
}

function fillAll(value: unknown, where: string): unknown {
  if (typeof value === "string") return filled(value, where);
  if (Array.isArray(value)) return value.map((each) => fillAll(each, where));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fillAll(each, where)]));
}

/** Ways of speaking that a file may name beside `command` or `url`. */
const TYPES = ["stdio", "http", "streamable-http", "streamableHttp"];

/** The servers of a file, by name. */
function serversIn(file: string): readonly (readonly [name: string, server: McpServer])[] {
  const given = readJson(file, "the file of MCP servers") as { mcpServers?: unknown; servers?: unknown } | null;
  const listed = given?.mcpServers ?? given?.servers;
  if (typeof listed !== "object" || listed === null || Array.isArray(listed))
    throw new UseError(`tools run: ${file} has no mcpServers, an object of servers by name`);
  const servers = Object.entries(listed as Record<string, Record<string, unknown>>).flatMap(([name, entry]) => {
    const { type, disabled, ...server } = Object(entry) as Record<string, unknown>;
    if (disabled === true) return [];
    if (type !== undefined && !TYPES.includes(String(type)))
      throw new UseError(`tools run: ${file}: "${name}" speaks ${String(type)}; ${TYPES.join(", ")} are known`);
    return [[name, fillAll(server, `${file}: "${name}"`) as McpServer] as const];
  });
  if (servers.length === 0) throw new UseError(`tools run: ${file} has no server that is not disabled`);
  return servers;
}

/** Pins by server. */
function readPins(file: string | undefined): Record<string, McpPins> {
  if (file === undefined || !existsSync(file)) return {};
  const given = readJson(file, "the pins");
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new UseError(`tools run: ${file} holds no pins`);
  return given as Record<string, McpPins>;
}

const described = ({ name, status, difference, findings }: McpReview): string =>
  [`${name} is ${status}`, ...difference, ...findings.map(({ at, message }) => `${at}: ${message}`)].join("; ");

/** Asks at the terminal about a tool that is new, changed or suspicious. */
function approval(io: Io, server: string, { json }: OwnToolFlags) {
  if (io.input.isTTY !== true || json) return {};
  return {
    async approve(review: McpReview): Promise<boolean> {
      const lines = createInterface({ input: io.input });
      io.error(`${server}: ${described(review)}. Offer it to the model? [y/N]`);
      const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
      try {
        return /^y(es)?$/i.test((await Promise.race([lines.question(""), closed])).trim());
      } finally {
        lines.close();
      }
    },
  };
}

async function connectAll(io: Io, flags: OwnToolFlags): Promise<readonly McpConnection[]> {
  if (flags.mcp === undefined) return [];
  const { connectMcp } = await import("@cambium/tool-learning/mcp");
  const kept = readPins(flags.pins);
  const open: McpConnection[] = [];
  try {
    for (const [name, server] of serversIn(flags.mcp)) {
      const pins = kept[name];
      const connection = await connectMcp(server, {
        ...{ name, signal: io.signal, ...approval(io, name, flags) },
        ...(pins === undefined ? {} : { pins }),
      });
      open.push(connection);
      for (const review of connection.reviews)
        if (!review.isOffered) io.error(`${name}: withheld: ${described(review)}`);
      kept[name] = connection.pins;
    }
    if (flags.pins !== undefined) writeFileSync(flags.pins, `${JSON.stringify(kept, null, 2)}\n`);
    return open;
  } catch (error) {
    await Promise.all(open.map((connection) => connection.close()));
    throw error;
  }
}

async function readDocument(place: string, io: Io): Promise<string> {
  if (!/^https?:\/\//.test(place)) {
    try {
      return readFileSync(place, "utf8");
    } catch (error) {
      throw new UseError(`tools run: cannot read ${place} (${(error as NodeJS.ErrnoException).code})`);
    }
  }
  const response = await fetch(place, { signal: io.signal });
  if (!response.ok) throw new Error(`tools run: ${place} answers ${response.status}`);
  return response.text();
}

/** Refuses a name that no service has. */
function checkNamed(flag: string, names: readonly string[], known: readonly string[]): void {
  const wrong = names.find((name) => !known.includes(name));
  if (wrong === undefined) return;
  const near = nearest(wrong, known);
  const hint = near === undefined ? `--openapi names ${known.join(", ") || "none"}` : `is "${near}" meant?`;
  throw new UseError(`tools run: ${flag} is for a service "${wrong}"; ${hint}`);
}

/** What a service's schemes are met with: `name.scheme` by environment variable. */
function credentialsOf(service: string, credential: Pairs): Record<string, () => string> {
  const own = Object.entries(credential).filter(([key]) => key.startsWith(`${service}.`));
  return Object.fromEntries(
    own.map(([key, variable]) => {
      const value = process.env[variable];
      if (value === undefined)
        throw new UseError(`tools run: --credential ${key} reads $${variable}, which is not set`);
      return [key.slice(service.length + 1), () => value];
    }),
  );
}

async function importServices(io: Io, flags: OwnToolFlags): Promise<readonly AnyTool[]> {
  const { openapi, server, credential } = flags;
  const services = Object.keys(openapi);
  checkNamed("--server", Object.keys(server), services);
  checkNamed(
    "--credential",
    Object.keys(credential).map((key) => key.split(".")[0]!),
    services,
  );
  if (services.length === 0) return [];
  const { openApiTools } = await import("@cambium/tool-learning/openapi");
  const tools: AnyTool[] = [];
  for (const [name, place] of Object.entries(openapi)) {
    const credentials = credentialsOf(name, credential);
    const { tools: made, skipped } = openApiTools(await readDocument(place, io), {
      name,
      ...(server[name] === undefined ? {} : { server: server[name] }),
      ...(/^https?:/.test(place) ? { documentUrl: place } : {}),
      ...(Object.keys(credentials).length === 0 ? {} : { credentials }),
    });
    for (const { operation, reason } of skipped) io.error(`${name}: left out ${operation}: ${reason}`);
    tools.push(...made);
  }
  return tools;
}

/** Connects to what the flags name, and tells what is withheld or left out. */
export async function openOwnTools(io: Io, flags: OwnToolFlags): Promise<OwnTools> {
  if (flags.pins !== undefined && flags.mcp === undefined) throw new UseError("tools run: --pins needs --mcp");
  const services = await importServices(io, flags);
  const connections = await connectAll(io, flags);
  return {
    tools: [...connections.flatMap(({ tools }) => tools), ...services],
    async close() {
      await Promise.all(connections.map((connection) => connection.close()));
    },
  };
}
