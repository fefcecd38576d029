import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { add } from "../agent/agent.fixture.ts";
import { callTool } from "../tools/call-tool.ts";
import { connectMcp } from "./connect-mcp.ts";
import { type McpLogin, type McpOAuthOptions, mcpOAuth } from "./oauth.ts";
import { serveMcp } from "./serve-mcp.ts";

const TOKEN = "access-token-of-the-test";

/** An authorization server and a server that asks for its token: codes with PKCE, registration, refresh. */
async function startServers() {
  const inner = await serveMcp([add], { name: "inner", over: { token: TOKEN } });
  const codes = new Map<string, string>();
  const seen = { registered: 0, refreshed: 0, exchanged: 0 };
  let valid = true;
  const http = createServer(async (request, response) => {
    const { port } = http.address() as AddressInfo;
    const base = `http://127.0.0.1:${port}`;
    const url = new URL(request.url!, base);
    let body = "";
    for await (const chunk of request) body += chunk;
    const json = (value: object, status = 200, headers = {}) =>
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
    if (url.pathname === "/.well-known/oauth-protected-resource/mcp")
      return json({ resource: `${base}/mcp`, authorization_servers: [base] });
    if (url.pathname === "/.well-known/oauth-authorization-server") {
      return json({
        ...{ issuer: base, authorization_endpoint: `${base}/authorize`, token_endpoint: `${base}/token` },
        ...{ registration_endpoint: `${base}/register`, response_types_supported: ["code"] },
        ...{ code_challenge_methods_supported: ["S256"], token_endpoint_auth_methods_supported: ["none"] },
      });
    }
    if (url.pathname === "/register") {
      seen.registered++;
      return json({ ...JSON.parse(body), client_id: "client-1" }, 201);
    }
    if (url.pathname === "/authorize") {
      codes.set("code-1", url.searchParams.get("code_challenge")!);
      const back = new URL(url.searchParams.get("redirect_uri")!);
      back.searchParams.set("code", "code-1");
      back.searchParams.set("state", url.searchParams.get("state")!);
      return response.writeHead(302, { location: back.href }).end();
    }
    if (url.pathname === "/token") {
      const form = new URLSearchParams(body);
      const isRefresh = form.get("grant_type") === "refresh_token" && form.get("refresh_token") === "refresh-1";
      const challenge = createHash("sha256")
        .update(form.get("code_verifier") ?? "")
        .digest("base64url");
      if (!isRefresh && codes.get(form.get("code")!) !== challenge) return json({ error: "invalid_grant" }, 400);
      if (isRefresh) seen.refreshed++;
      else seen.exchanged++;
      valid = true;
      return json({ access_token: TOKEN, token_type: "Bearer", expires_in: 3600, refresh_token: "refresh-1" });
    }
    if (url.pathname !== "/mcp") return json({}, 404);
    if (!valid || request.headers.authorization !== `Bearer ${TOKEN}`) {
      return json({}, 401, {
        "www-authenticate": `Bearer resource_metadata="${base}/.well-known/oauth-protected-resource/mcp"`,
      });
    }
    const { host: _, connection: __, "content-length": ___, ...headers } = request.headers as Record<string, string>;
    const passed = await fetch(inner.url!, { method: request.method!, headers, ...(body === "" ? {} : { body }) });
    response.writeHead(passed.status, { "content-type": passed.headers.get("content-type") ?? "text/plain" });
    response.end(new Uint8Array(await passed.arrayBuffer()));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
    await inner.close();
  });
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  return {
    url,
    seen,
    expire: () => {
      valid = false;
    },
  };
}

/** A person who says yes: follows the page to where it sends the browser. */
const signIn = async (page: URL): Promise<string> =>
  (await fetch(page, { redirect: "manual" })).headers.get("location")!;

const options = (more: Partial<McpOAuthOptions> = {}): McpOAuthOptions => ({
  redirectUrl: "http://localhost:3334/back",
  signIn,
  ...more,
});

async function connect(url: string, auth: ReturnType<typeof mcpOAuth>) {
  const connection = await connectMcp({ url, auth }, { name: "srv", protocol: "2025-11-25" });
  onTestFinished(() => connection.close());
  return connection;
}

test("a person signs in once; what is kept of it lets the next connection in", async () => {
  const { url, seen } = await startServers();
  let login: McpLogin | undefined;
  const { tools } = await connect(
    url,
    mcpOAuth(
      options({
        onLogin: (kept) => {
          login = kept;
        },
      }),
    ),
  );
  expect(await callTool(tools[0]!, { a: 1, b: 2 })).toMatchObject({ ok: true, value: "3" });
  expect(login).toMatchObject({ client: { client_id: "client-1" }, tokens: { access_token: TOKEN } });
  const never = () => Promise.reject(new Error("nobody is asked twice"));
  expect((await connect(url, mcpOAuth(options({ login: login!, signIn: never })))).tools).toHaveLength(1);
  expect(seen).toEqual({ registered: 1, refreshed: 0, exchanged: 1 });
});

test("a token that has expired is refreshed in the middle of a run", async () => {
  const { url, seen, expire } = await startServers();
  const { tools } = await connect(url, mcpOAuth(options()));
  expire();
  expect(await callTool(tools[0]!, { a: 2, b: 2 })).toMatchObject({ ok: true, value: "4" });
  expect(seen).toMatchObject({ refreshed: 1, exchanged: 1 });
});

test("a client that is registered already is used", async () => {
  const { url, seen } = await startServers();
  await connect(url, mcpOAuth(options({ client: { id: "mine" } })));
  expect(seen.registered).toBe(0);
});

test("a registration is shown to nobody but whom it was made with", async () => {
  const { url, seen } = await startServers();
  const client = { id: "mine", secret: "of another", issuer: "https://another.example" };
  await expect(connect(url, mcpOAuth(options({ client })))).rejects.toMatchObject({ code: expect.any(String) });
  expect(seen.exchanged).toBe(0);
});

test("a browser that comes back from another sign-in is refused", async () => {
  const { url, seen } = await startServers();
  const forged = async (page: URL) => (await signIn(page)).replace(/state=[^&]+/, "state=forged");
  await expect(connect(url, mcpOAuth(options({ signIn: forged })))).rejects.toMatchObject({
    code: "STATE",
    message: expect.stringContaining("another sign-in"),
  });
  expect(seen.exchanged).toBe(0);
});

test("a person who does not want to ends the connection", async () => {
  const { url } = await startServers();
  const no = () => Promise.reject(new Error("no, thank you"));
  await expect(connect(url, mcpOAuth(options({ signIn: no })))).rejects.toThrow("no, thank you");
});

test("options that do not exist are refused", () => {
  expect(() => mcpOAuth({ ...options(), redirectUri: "x" } as never)).toThrow('is "redirectUrl" meant?');
});
