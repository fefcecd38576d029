import { ConfigError, nearest, parseConfig } from "@cambium/base";
import * as z from "zod";
import type { Finding } from "../imported/inspect-definition.ts";
import type { Effects, ToolLimits } from "../tools/tool.ts";
import type { Credential } from "./credentials.ts";
import { checkUrl } from "./document.ts";

/** An operation that is to be approved. */
export interface ApiReview {
  /** Its `operationId`, or method and path. */
  readonly operation: string;
  readonly localName: string;
  readonly findings: readonly Finding[];
}

/** Settings of `openApiTools`. */
export interface OpenApiOptions {
  /** Name of the service here: the first word of its tools' names. Letters, digits, `_` and `-`, at most 32. */
  readonly name: string;
  /**
   * Address of the service. With credentials it must be given: a document must not decide who sees them. An address that stands
   * here may be a private one. @default the first server of the document
   */
  readonly server?: string;
  /** Where the document came from, for servers that are given relative to it. */
  readonly documentUrl?: string;
  /** Which operations are wanted: those that meet all that is given. @default all */
  readonly only?: {
    readonly tags?: readonly string[];
    readonly methods?: readonly string[];
    /** Ids, or `get /path`. */
    readonly operations?: readonly string[];
  };
  /** What security schemes are met with, by their names in the document. @default none */
  readonly credentials?: Readonly<Record<string, Credential>>;
  /** Sent with every request. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** What operations do, by id, or `get /path`. @default `reads` for GET and HEAD, else `destroys`, which asks first */
  readonly effects?: Readonly<Record<string, Effects>>;
  /** Decides over operations in whose texts something suspicious was found. @default they are left out */
  approve?(review: ApiReview): boolean;
  readonly limits?: Partial<ToolLimits>;
}

const isFunction = z.custom<() => unknown>((value) => typeof value === "function", "must be a function");
const secret = z.union([z.string(), isFunction]);

const schema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,31}$/, "must be 1 to 32 letters, digits, _ and -, and begin with a letter or _"),
  server: z.string().optional(),
  documentUrl: z.string().optional(),
  only: z
    .strictObject({
      tags: z.array(z.string()).optional(),
      methods: z.array(z.enum(["get", "put", "post", "delete", "patch", "head", "options"])).optional(),
      operations: z.array(z.string()).optional(),
    })
    .optional(),
  credentials: z
    .record(z.string(), z.union([secret, z.strictObject({ user: z.string(), password: secret })]))
    .optional(),
  headers: z.record(z.string(), z.string()).optional(),
  effects: z.record(z.string(), z.enum(["none", "reads", "writes", "destroys"])).optional(),
  approve: isFunction.optional(),
  limits: z.looseObject({}).optional(),
});

/** Checks options. @throws {ConfigError} */
export function checkOpenApi(options: OpenApiOptions): void {
  parseConfig("openApiTools", schema, options);
  const { server, documentUrl, credentials, headers } = options;
  if (server !== undefined) checkUrl("server", server);
  if (documentUrl !== undefined) checkUrl("documentUrl", documentUrl);
  const secrets = Object.keys({ ...credentials, ...headers }).length;
  if (secrets > 0 && server === undefined) {
    throw new ConfigError({
      message:
        "openApiTools: credentials and headers go where the document says; pass server, so that you say it yourself",
      key: "server",
    });
  }
}

/** Refuses names that the document does not have. @throws {ConfigError} */
export function checkNames(what: string, given: Iterable<string>, known: ReadonlySet<string>): void {
  for (const name of given) {
    if (known.has(name)) continue;
    const near = nearest(name, known);
    const hint =
      near === undefined ? `there are ${[...known].slice(0, 20).join(", ") || "none"}` : `is "${near}" meant?`;
    throw new ConfigError({
      message: `openApiTools: ${what} names "${name}", which the document does not have; ${hint}`,
      key: name,
    });
  }
}
