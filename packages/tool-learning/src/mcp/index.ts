/**
 * Tools over the Model Context Protocol: `connectMcp` gives those of a server, looked at, approved and pinned; `serveMcp` gives
 * yours to other programs. Needs `@modelcontextprotocol/client`, or `@modelcontextprotocol/server` and, for HTTP,
 * `@modelcontextprotocol/node`.
 *
 * @module
 */
export type { Finding } from "../imported/inspect-definition.ts";
export { connectMcp, type McpConnection, type McpReviewed } from "./connect-mcp.ts";
export { type McpLogin, type McpOAuth, type McpOAuthOptions, mcpOAuth } from "./oauth.ts";
export type {
  McpAnswer,
  McpOptions,
  McpProcess,
  McpProgress,
  McpQuestion,
  McpReview,
  McpServer,
  McpTransport,
  McpUrl,
} from "./options.ts";
export type { McpPin, McpPins } from "./pins.ts";
export { type McpHttp, type McpService, type ServeMcpOptions, serveMcp } from "./serve-mcp.ts";
