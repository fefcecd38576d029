/**
 * Tools of MCP servers. A server's descriptions are read by the model as if its user had written them, so each definition is
 * looked at, approved once, pinned by its hash, and withheld when it changes.
 *
 * @see Model Context Protocol, revisions 2025-11-25 and 2026-07-28, https://modelcontextprotocol.io/specification
 */
import { ConfigError, type JsonObject, nearest } from "@cambium/base";
import { differenceOf } from "../imported/difference.ts";
import { showText } from "../imported/hidden-text.ts";
import { type Finding, inspectDefinition, isSuspicious, isUsable } from "../imported/inspect-definition.ts";
import { localNames } from "../imported/local-names.ts";
import type { AnyTool } from "../tools/tool.ts";
import { createLink, type Listing } from "./link.ts";
import { type Entry, toolOf } from "./mcp-tool.ts";
import { checkMcp, type McpOptions, type McpReview, type McpServer } from "./options.ts";
import { hashOf, type McpPins, pinnedPart } from "./pins.ts";

/** A tool with what became of it. */
export interface McpReviewed extends McpReview {
  /** Whether it is among `tools`. */
  readonly isOffered: boolean;
}

/** A connection to a server. */
export interface McpConnection {
  /** Name of the server here. */
  readonly name: string;
  /** The tools that were approved, as they are now. A tool that changes later refuses its calls. */
  readonly tools: readonly AnyTool[];
  /** All tools of the server, with what was found in them and whether they are offered. */
  readonly reviews: readonly McpReviewed[];
  /** What is approved now: keep it, and pass it the next time. */
  readonly pins: McpPins;
  /** What the server says of its use, without hidden characters: a claim, shown to no model unless you do. */
  readonly instructions: string | undefined;
  /** What was found in `instructions`. */
  readonly instructionFindings: readonly Finding[];
  /** Revision of the protocol that is spoken. */
  readonly protocol: string | undefined;
  /** Reads the list of tools again, for servers that do not tell when it changes. */
  refresh(): Promise<void>;
  /** Ends the connection, and a server that it started. */
  close(): Promise<void>;
}

const MISSING: readonly Finding[] = [{ kind: "unusable", at: "name", message: "it has no name" }];
const TWICE: Finding = {
  kind: "unusable",
  at: "name",
  message: "the server has two tools of this name; none of them is offered",
};

/** A server's list by name; what is no tool at all has the name `?`. */
function readListing(listing: Listing): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const [i, given] of listing.entries()) {
    const parts = pinnedPart(Object(given) as Record<string, unknown>);
    const name = typeof parts["name"] === "string" && parts["name"] !== "" ? parts["name"] : `?${i}`;
    const inspected = inspectDefinition({ inputSchema: undefined, ...parts, name, ...texts(parts) } as never);
    const twin = entries.get(name);
    const more = [...(name.startsWith("?") ? MISSING : []), ...(twin === undefined ? [] : [TWICE])];
    const findings = [...more, ...inspected.findings];
    entries.set(name, { definition: parts, hash: hashOf(parts), inspected: { ...inspected, findings } });
  }
  return entries;
}

/** Texts that are none count as absent. */
const texts = ({ description, title }: JsonObject) => ({
  description: typeof description === "string" ? description : undefined,
  title: typeof title === "string" ? title : undefined,
});

function noTool(server: string, wanted: string, names: readonly string[]): ConfigError {
  const near = nearest(wanted, names);
  const hint = near === undefined ? `it has ${names.join(", ") || "none"}` : `is "${near}" meant?`;
  return new ConfigError({ message: `connectMcp: "${server}" has no tool "${wanted}"; ${hint}`, key: wanted });
}

/**
 * Connects to a server, looks at its tools, and gives those that are approved.
 *
 * @throws {ConfigError} When server or options cannot be meant.
 * @throws {UnavailableError} When the server cannot be reached or does not answer in time.
 * @throws {UnauthorizedError} When it does not let us in. @throws {ForbiddenError} When it refuses.
 * @throws {FormatError} When what it says is no MCP, or its list of tools does not end.
 * @throws {CancelledError} When the signal was aborted.
 * @example
 * const files = await connectMcp(
 *   { command: "npx", args: ["-y", "@modelcontextprotocol/server-filesystem", "notes"] },
 *   { name: "files", pins, effects: { read_text_file: "reads", write_file: "writes" } },
 * );
 * const run = runAgent({ model: chat, tools: [...files.tools, ...own] }, { instruction: "Sum up my notes." });
 */
export async function connectMcp(server: McpServer, options: McpOptions): Promise<McpConnection> {
  checkMcp(server, options);
  const { name, only, pins, approve, onChange } = options;
  const approved = new Map(Object.entries(pins?.tools ?? {}));
  let entries: ReadonlyMap<string, Entry> = new Map();
  let reviews: readonly McpReviewed[] = [];
  let tools: readonly AnyTool[] = [];
  let isFirst = pins === undefined;
  let reading: Promise<void> = Promise.resolve();

  const reread = (): void => {
    read().catch(() => {}); // what cannot be read now is read by the next call of refresh
  };
  const link = createLink(server, options, reread, settle);

  async function decide(review: McpReview): Promise<boolean> {
    if (!isUsable(review.findings)) return false;
    if (review.status === "approved") return true;
    if (approve !== undefined) return approve(review);
    return isFirst && review.status === "new" && !isSuspicious(review.findings);
  }

  async function settle(listing: Listing): Promise<void> {
    const listed = readListing(listing);
    const names = localNames(name, [...listed.keys()]);
    const decided: McpReviewed[] = [];
    for (const [own, { definition, hash, inspected }] of listed) {
      if (only !== undefined && !only.includes(own)) continue;
      const pin = approved.get(own);
      const status = pin === undefined ? "new" : pin.hash === hash ? "approved" : "changed";
      const difference = status === "changed" ? differenceOf(pin!.definition, definition) : [];
      const review: McpReview = {
        ...{ name: own, localName: names.get(own)!, status, findings: inspected.findings, difference, definition },
      };
      const isOffered = await decide(review);
      if (isOffered) approved.set(own, { hash, definition });
      decided.push({ ...review, isOffered });
    }
    const before = reviews;
    entries = listed;
    reviews = decided;
    isFirst = false;
    tools = decided
      .filter(({ isOffered }) => isOffered)
      .map((review) => toolOf(link, options, () => entries.get(review.name)?.hash, review, listed.get(review.name)!));
    const isSame = before.length === decided.length && differenceOf(before, decided, 1).length === 0;
    if (before.length > 0 && !isSame) onChange?.(decided);
  }

  /** One reading after the other: the last one counts. */
  function read(): Promise<void> {
    const next = reading.catch(() => {}).then(async () => settle(await link.list(options.signal)));
    reading = next;
    return next;
  }

  try {
    await read();
    const missing = (only ?? []).find((wanted) => !entries.has(wanted));
    if (missing !== undefined) throw noTool(name, missing, [...entries.keys()]);
  } catch (error) {
    await link.close();
    throw error;
  }
  const client = await link.client();
  const said = client.getInstructions();
  const inspected = inspectDefinition({ name, description: said ?? "", inputSchema: { type: "object" } });
  return {
    name,
    get tools() {
      return tools;
    },
    get reviews() {
      return reviews;
    },
    get pins() {
      return { version: 1, server: name, tools: Object.fromEntries(approved) } as const;
    },
    instructions: said === undefined ? undefined : showText(said).text,
    instructionFindings: said === undefined ? [] : inspected.findings,
    protocol: client.getNegotiatedProtocolVersion(),
    refresh: read,
    close: () => link.close(),
  };
}
