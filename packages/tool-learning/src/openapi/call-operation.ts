/** One call of an operation: the request of the arguments, and the result of the answer. */
import type { Json, JsonObject } from "@cambium/base";
import type { FilePart } from "@cambium/llm";
import { type ThrownToolCode, ToolError } from "../tools/failure.ts";
import { excerptOf } from "../tools/hostile.ts";
import { type Body, writeBody } from "./body.ts";
import { authorise, type Security } from "./credentials.ts";
import { inHeader, inPath, inQuery, type Parameter } from "./parameters.ts";
import type { Answered, Send } from "./send.ts";

/** An operation, ready to be called. */
export interface Operation {
  readonly method: string;
  /** With `{name}` for parameters. */
  readonly path: string;
  /** Without a slash at its end. */
  readonly base: string;
  readonly parameters: readonly Parameter[];
  readonly body: (Body & { readonly argument: string }) | undefined;
  readonly security: Security;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a call came to. */
export interface Reply {
  readonly value: Json;
  readonly files: readonly FilePart[];
}

/** Redirects that are followed. */
const MOST_REDIRECTS = 5;

function addressOf({ base, path, parameters }: Operation, input: JsonObject): URL {
  // A query has no null: what is null is not sent. In a path it is refused.
  const isGiven = ({ argument, place }: Parameter): boolean =>
    (place === "path" || input[argument] !== null) && input[argument] !== undefined;
  const given = parameters.filter(isGiven);
  const filled = path.replaceAll(/\{([^{}]+)\}/g, (whole, name: string) => {
    const parameter = given.find((each) => each.place === "path" && each.name === name);
    return parameter === undefined ? whole : inPath(parameter, input[parameter.argument]!);
  });
  const url = new URL(base + filled);
  const query = given.filter(({ place }) => place === "query").flatMap((each) => inQuery(each, input[each.argument]!));
  if (query.length > 0) url.search = [url.search.slice(1), ...query].filter(Boolean).join("&");
  return url;
}

function headersOf({ parameters, headers }: Operation, input: JsonObject): Record<string, string> {
  const out: Record<string, string> = { accept: "application/json, text/*;q=0.9, */*;q=0.5" };
  for (const [name, value] of Object.entries(headers)) out[name.toLowerCase()] = value;
  const cookies: string[] = [];
  for (const parameter of parameters) {
    const value = input[parameter.argument];
    if (value === undefined || value === null) continue;
    if (parameter.place === "header") out[parameter.name.toLowerCase()] = inHeader(parameter, value);
    if (parameter.place === "cookie") cookies.push(...inQuery(parameter, value));
  }
  if (cookies.length > 0) out["cookie"] = cookies.join("; ");
  return out;
}

const header = ({ headers }: Answered, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === "string" ? value : value?.[0];
};

/** Time after which the service wants to be asked again. Ms. */
function retryAfterOf(answered: Answered): number | undefined {
  const written = header(answered, "retry-after");
  if (written === undefined) return undefined;
  const seconds = Number(written);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(written) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

const codeOf = (status: number): ThrownToolCode => {
  if (status === 401) return "UNAUTHORIZED";
  if (status === 403) return "FORBIDDEN";
  if (status === 429) return "RATE_LIMITED";
  return status >= 500 || status === 408 ? "UNAVAILABLE" : "TOOL_ERROR";
};

const textOf = ({ body }: Answered): string => new TextDecoder().decode(body);

function failureOf(answered: Answered): ToolError {
  const { status } = answered;
  const said = textOf(answered).replaceAll(/\s+/g, " ").trim();
  const retryAfterMs = retryAfterOf(answered);
  return new ToolError({
    code: codeOf(status),
    message: `the service answered ${status}${said === "" ? "" : `: ${excerptOf(said, 1000)}`}`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function replyOf(answered: Answered): Reply {
  const type = (header(answered, "content-type") ?? "").split(";")[0]!.trim().toLowerCase();
  if (answered.body.byteLength === 0) return { value: "", files: [] };
  if (/^application\/(?:.+\+)?json$/.test(type)) {
    try {
      return { value: JSON.parse(textOf(answered)) as Json, files: [] };
    } catch (cause) {
      throw new ToolError({
        message: `the service says that it answers JSON, and does not: ${excerptOf(textOf(answered), 300)}`,
        cause,
      });
    }
  }
  if (type === "" || type.startsWith("text/") || /(?:xml|javascript|yaml|x-www-form-urlencoded)$/.test(type)) {
    return { value: textOf(answered), files: [] };
  }
  const file: FilePart = { type: "file", mediaType: type, data: answered.body };
  return { value: { mediaType: type, sizeBytes: answered.body.byteLength }, files: [file] };
}

/** Follows redirects that stay at the origin and do not change anything. */
async function follow(
  send: Send,
  operation: Operation,
  first: URL,
  headers: Record<string, string>,
  body: Uint8Array | undefined,
  options: Parameters<Send>[1],
) {
  let url = first;
  for (let i = 0; i <= MOST_REDIRECTS; i++) {
    const answered = await send({ method: operation.method.toUpperCase(), url, headers, body }, options);
    const to = header(answered, "location");
    if (answered.status < 300 || answered.status >= 400 || to === undefined) return answered;
    const next = URL.canParse(to, url) ? new URL(to, url) : undefined;
    const isHarmless = operation.method === "get" || operation.method === "head";
    if (next?.origin !== first.origin || !isHarmless) {
      throw new ToolError({
        code: "FORBIDDEN",
        message: `the service sends the request on to "${excerptOf(to, 200)}", where it may not go`,
      });
    }
    url = next;
  }
  throw new ToolError({ message: "the service sends the request on without an end" });
}

/** Calls an operation. @throws {ToolError} When the service refuses or fails. */
export async function callOperation(
  operation: Operation,
  input: JsonObject,
  send: Send,
  options: Parameters<Send>[1],
): Promise<Reply> {
  const url = addressOf(operation, input);
  const headers = headersOf(operation, input);
  const { body, security } = operation;
  const given = body === undefined ? undefined : input[body.argument];
  const written = given === undefined ? undefined : await writeBody(body!, given);
  if (written !== undefined) headers["content-type"] = written.mediaType;
  await authorise(security, url, headers);
  let answered: Answered;
  try {
    answered = await follow(send, operation, url, headers, written?.bytes, options);
  } catch (thrown) {
    if (thrown instanceof ToolError) throw thrown;
    const { message, code } = Object(thrown) as { message?: unknown; code?: unknown };
    throw new ToolError({
      code: "UNAVAILABLE",
      message: `the service cannot be reached: ${String(message || code)}`,
      cause: thrown,
    });
  }
  if (answered.status >= 200 && answered.status < 300) return replyOf(answered);
  throw failureOf(answered);
}
