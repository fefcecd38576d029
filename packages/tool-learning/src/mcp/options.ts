import { ConfigError, type Json, type JsonObject, parseConfig } from "@cambium/base";
import type { AuthProvider, OAuthClientProvider, Transport } from "@modelcontextprotocol/client";
import * as z from "zod";
import type { Finding } from "../imported/inspect-definition.ts";
import type { Effects, ToolLimits } from "../tools/tool.ts";
import type { McpPins } from "./pins.ts";

/** A server that is started as a process and spoken to over its input and output. */
export interface McpProcess {
  readonly command: string;
  readonly args?: readonly string[];
  /** Added to the few variables that a server gets: no keys of this process reach it unless they stand here. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A server on the web (streamable HTTP). */
export interface McpUrl {
  readonly url: string;
  /** Sent with every request to this server. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How to sign in: `mcpOAuth`, a provider of the SDK, or a function that gives a token. */
  readonly auth?: OAuthClientProvider | AuthProvider;
}

/** A server by any transport of the SDK, such as one in memory. */
export interface McpTransport {
  /** Makes a new transport; called again when the connection is lost. */
  transport(): Transport | Promise<Transport>;
}

/** Where a server is. */
export type McpServer = McpProcess | McpUrl | McpTransport;

/** What a person who approves a tool is shown. */
export interface McpReview {
  /** The server's name of the tool. */
  readonly name: string;
  /** What the tool is called here. */
  readonly localName: string;
  /** Whether it was approved before, is new, or is not what was approved. */
  readonly status: "approved" | "new" | "changed";
  readonly findings: readonly Finding[];
  /** What differs from what was approved, a line for each place. */
  readonly difference: readonly string[];
  /** The definition as the server gives it. */
  readonly definition: JsonObject;
}

/** A question of a server to the user. The texts are the server's. */
export interface McpQuestion {
  /** Name of the server. */
  readonly server: string;
  readonly message: string;
  /** JSON Schema of the answer; absent when the user shall open `url`. */
  readonly schema?: Json;
  /** A page that the user shall open. */
  readonly url?: string;
}

/** The user's answer. */
export type McpAnswer =
  | { readonly action: "accept"; readonly content?: Readonly<Record<string, string | number | boolean | string[]>> }
  /** The user says no. */
  | { readonly action: "decline" }
  /** The user does not answer. */
  | { readonly action: "cancel" };

/** How far a call is. */
export interface McpProgress {
  readonly server: string;
  readonly tool: string;
  readonly callId: string;
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

/** Settings of `connectMcp`. */
export interface McpOptions {
  /** Name of the server here: the first word of its tools' names. Letters, digits, `_` and `-`, at most 32. */
  readonly name: string;
  /** What was approved before, as `pins` of a connection gave it. @default nothing was approved before */
  readonly pins?: McpPins;
  /**
   * Decides over tools that are new, changed or suspicious; without it, what is new is taken on the first connection (no `pins`)
   * unless something suspicious was found, and everything else is withheld.
   */
  approve?(review: McpReview): boolean | Promise<boolean>;
  /** Names of the server's tools that are wanted. @default all */
  readonly only?: readonly string[];
  /**
   * What calls do to the world. Hints of a server are claims: `"as claimed"` believes them. A record says it by the server's name
   * of each tool. @default every tool may destroy something, so that it asks first
   */
  readonly effects?: "as claimed" | Readonly<Record<string, Effects>>;
  readonly limits?: Partial<ToolLimits>;
  /** Asks the user what the server wants to know. @default the server is told that nobody can be asked */
  elicit?(question: McpQuestion, context: { readonly signal: AbortSignal }): McpAnswer | Promise<McpAnswer>;
  /** Called when a server tells how far a call is. */
  onProgress?(progress: McpProgress): void;
  /** Called when the server's tools are others than before, after they were reviewed. */
  onChange?(reviews: readonly McpReview[]): void;
  /**
   * Revision of the protocol: `"auto"` asks the server for the newest (with a process of its own for that, where the server is
   * one) and falls back to 2025-11-25. @default "auto" for a URL, else "2025-11-25"
   */
  readonly protocol?: "auto" | "2025-11-25";
  /** Time for connecting and for listing the tools. Ms. @default 30000 */
  readonly connectMs?: number;
  /** Stops connecting. */
  readonly signal?: AbortSignal;
}

const isFunction = z.custom<() => unknown>((value) => typeof value === "function", "must be a function");
const effects = z.enum(["none", "reads", "writes", "destroys"]);

const optionsSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,31}$/, "must be 1 to 32 letters, digits, _ and -, and begin with a letter or _"),
  pins: z.looseObject({ version: z.literal(1), tools: z.record(z.string(), z.looseObject({})) }).optional(),
  approve: isFunction.optional(),
  only: z.array(z.string()).optional(),
  effects: z.union([z.literal("as claimed"), z.record(z.string(), effects)]).optional(),
  limits: z.looseObject({}).optional(),
  elicit: isFunction.optional(),
  onProgress: isFunction.optional(),
  onChange: isFunction.optional(),
  protocol: z.enum(["auto", "2025-11-25"]).optional(),
  connectMs: z.number().positive().optional(),
  signal: z.custom<AbortSignal>((value) => typeof (value as AbortSignal | undefined)?.aborted === "boolean").optional(),
});

const texts = z.record(z.string(), z.string());
const serverSchemas = {
  command: z.strictObject({
    command: z.string().min(1),
    args: z.array(z.string()).optional(),
    env: texts.optional(),
    cwd: z.string().optional(),
  }),
  url: z.strictObject({
    url: z.url({ protocol: /^https?$/ }),
    headers: texts.optional(),
    auth: z.custom<AuthProvider>((value) => typeof value === "object" && value !== null).optional(),
  }),
  transport: z.strictObject({ transport: isFunction }),
};

/** Checks where a server is and how it is used. @throws {ConfigError} */
export function checkMcp(server: McpServer, options: McpOptions): void {
  parseConfig("connectMcp", optionsSchema, options);
  const kinds = (["command", "url", "transport"] as const).filter((kind) => Object(server)[kind] !== undefined);
  if (kinds.length !== 1) {
    throw new ConfigError({
      message: `connectMcp: a server is one of { command }, { url } and { transport }, got ${kinds.join(" and ") || "none of them"}`,
    });
  }
  parseConfig("connectMcp: server", serverSchemas[kinds[0]!] as z.ZodType, server);
  const { pins, name } = options;
  if (pins !== undefined && pins.server !== name) {
    throw new ConfigError({
      message: `connectMcp: the pins are of "${pins.server}", and the server's name is "${name}"; pass those of this server`,
    });
  }
}
