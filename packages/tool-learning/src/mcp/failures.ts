/** What the SDK throws, in this library's words. */
import { CambiumError, CancelledError, FormatError } from "@cambium/base";
import { ForbiddenError, RateLimitedError, UnauthorizedError, UnavailableError } from "@cambium/llm";
import { type ThrownToolCode, ToolError } from "../tools/failure.ts";
import { excerptOf, messageOf } from "../tools/hostile.ts";

interface Thrown {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly status?: unknown;
  readonly data?: { readonly status?: unknown; readonly url?: unknown } | null;
}

/** What is known of an error: of the SDK, of `fetch`, of a process. */
export interface Fault {
  readonly code: ThrownToolCode | "CANCELLED" | "FORMAT";
  readonly message: string;
  /** Whether nothing was sent, or the server does not know the session: the same request may be made on a new connection. */
  readonly isLost: boolean;
}

const byStatus = (status: number): ThrownToolCode => {
  if (status === 401) return "UNAUTHORIZED";
  if (status === 402 || status === 403) return "FORBIDDEN";
  if (status === 429) return "RATE_LIMITED";
  return status >= 500 || status === 408 ? "UNAVAILABLE" : "TOOL_ERROR";
};

const LOST: ReadonlySet<unknown> = new Set(["NOT_CONNECTED", "CONNECTION_CLOSED", "SEND_FAILED"]);
const SILENT: ReadonlySet<unknown> = new Set([
  ...["REQUEST_TIMEOUT", "CLIENT_HTTP_FAILED_TO_OPEN_STREAM", "ERA_NEGOTIATION_FAILED", "ENOENT", "EACCES", "EPIPE"],
  ...["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "ETIMEDOUT", "UND_ERR_SOCKET", "UND_ERR_CONNECT_TIMEOUT"],
]);

/** Reads an error. */
export function faultOf(thrown: unknown): Fault {
  const { name, code, status: own, data } = Object(thrown) as Thrown;
  const status = Number(data?.status ?? own ?? Number.NaN);
  const cause = (Object(thrown) as { cause?: unknown }).cause;
  const inner = Object(cause) as { code?: unknown };
  const message = excerptOf(`${messageOf(thrown)}${cause === undefined ? "" : ` (${messageOf(cause)})`}`, 500);
  const fault = (kind: Fault["code"], isLost = false): Fault => ({ code: kind, message, isLost });
  if (name === "AbortError") return fault("CANCELLED");
  if (name === "UnauthorizedError" || code === "CLIENT_HTTP_AUTHENTICATION") return fault("UNAUTHORIZED");
  if (code === "CLIENT_HTTP_FORBIDDEN") return fault("FORBIDDEN");
  // A server that was started again answers a session of before with 404, or with 400.
  if (status === 404 || (status === 400 && /session/i.test(message))) return fault("UNAVAILABLE", true);
  if (Number.isFinite(status) && status >= 400) return fault(byStatus(status));
  if (LOST.has(code) || /not connected/i.test(message)) return fault("UNAVAILABLE", code !== "CONNECTION_CLOSED");
  if (SILENT.has(code) || SILENT.has(inner.code) || message.startsWith("fetch failed")) return fault("UNAVAILABLE");
  if (code === "INVALID_RESULT" || thrown instanceof SyntaxError) return fault("FORMAT");
  return fault("TOOL_ERROR");
}

/** What a tool throws for an error of its server. */
export function toolErrorOf(server: string, thrown: unknown): Error {
  if (thrown instanceof ToolError) return thrown;
  const { code, message } = faultOf(thrown);
  const known: ThrownToolCode = code === "CANCELLED" || code === "FORMAT" ? "TOOL_ERROR" : code;
  return new ToolError({ code: known, message: `server "${server}": ${message}`, cause: thrown });
}

/** What `connectMcp` throws. */
export function connectErrorOf(caller: string, server: string, thrown: unknown): Error {
  if (thrown instanceof CambiumError) return thrown;
  const { code, message: told } = faultOf(thrown);
  const message = `${caller}: "${server}" ${code === "UNAUTHORIZED" ? "does not let us in" : "cannot be used"}: ${told}`;
  switch (code) {
    case "UNAUTHORIZED":
      return new UnauthorizedError({ message, cause: thrown });
    case "FORBIDDEN":
      return new ForbiddenError({ message, cause: thrown });
    case "RATE_LIMITED":
      return new RateLimitedError({ message, cause: thrown });
    case "CANCELLED":
      return new CancelledError({ message, cause: thrown });
    case "FORMAT":
      return new FormatError({ message, cause: thrown });
    default:
      return new UnavailableError({ message, cause: thrown });
  }
}
