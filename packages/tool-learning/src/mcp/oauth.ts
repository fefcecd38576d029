import { randomBytes } from "node:crypto";
import { ConfigError, type Json, parseConfig, StateError } from "@cambium/base";
import type {
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from "@modelcontextprotocol/client";
import * as z from "zod";

/** What a sign-in leaves: tokens and the registration of the client. Secret. */
export interface McpLogin {
  readonly client?: Json;
  readonly tokens?: Json;
}

/** Settings of `mcpOAuth`. */
export interface McpOAuthOptions {
  /** Where the person is sent back to after signing in; an address that `signIn` watches. */
  readonly redirectUrl: string;
  /**
   * Sends the person to `url`, and gives the whole address to which the browser came back, with its `code` and `state`. Rejects
   * when the person does not want to.
   */
  signIn(url: URL): Promise<string | URL>;
  /** Shown to the person when signing in. @default "Cambium" */
  readonly clientName?: string;
  /** What is asked for, as the server names it. @default what the server asks for */
  readonly scope?: string;
  /** A registration made before, where the server does not register clients by itself; `issuer` is who it was made with. */
  readonly client?: { readonly id: string; readonly secret?: string; readonly issuer?: string };
  /** What an earlier sign-in left, as `onLogin` gave it. */
  readonly login?: McpLogin;
  /** Called whenever what is to be kept has changed. Keep it where secrets are kept. */
  onLogin?(login: McpLogin): void;
}

const schema = z.strictObject({
  redirectUrl: z.url(),
  signIn: z.custom<McpOAuthOptions["signIn"]>((value) => typeof value === "function", "must be a function"),
  clientName: z.string().min(1).optional(),
  scope: z.string().optional(),
  client: z
    .strictObject({ id: z.string().min(1), secret: z.string().optional(), issuer: z.string().optional() })
    .optional(),
  login: z.strictObject({ client: z.json().optional(), tokens: z.json().optional() }).optional(),
  onLogin: z
    .custom<McpOAuthOptions["onLogin"]>((value) => typeof value === "function", "must be a function")
    .optional(),
});

/** A sign-in that `connectMcp` brings to its end. */
export interface McpOAuth extends OAuthClientProvider {
  /** Where the browser came back to, once: then nothing. */
  takeReturn(): URLSearchParams | undefined;
}

/**
 * Signs in to a server by OAuth 2.1 with PKCE. The client registers itself where the server lets it; tokens are refreshed. Pass
 * it as `auth`.
 *
 * @throws {ConfigError} When the options cannot be meant.
 * @see Model Context Protocol, Authorization, revision 2025-11-25
 */
export function mcpOAuth(options: McpOAuthOptions): McpOAuth {
  parseConfig("mcpOAuth", schema, options);
  const { redirectUrl, signIn, clientName = "Cambium", scope, client: known, onLogin } = options;
  let client = options.login?.client as unknown as StoredOAuthClientInformation | undefined;
  let tokens = options.login?.tokens as unknown as StoredOAuthTokens | undefined;
  let verifier: string | undefined;
  let state: string | undefined;
  let returned: URLSearchParams | undefined;
  let discovered: OAuthDiscoveryState | undefined;
  let issuer = known?.issuer; // whom the registration is shown to: the first one, and nobody else
  const keep = (): void => {
    const login = { ...(client === undefined ? {} : { client }), ...(tokens === undefined ? {} : { tokens }) };
    onLogin?.(JSON.parse(JSON.stringify(login)) as McpLogin);
  };
  return {
    redirectUrl,
    clientMetadata: {
      client_name: clientName,
      redirect_uris: [redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: known?.secret === undefined ? "none" : "client_secret_post",
      ...(scope === undefined ? {} : { scope }),
    },
    state() {
      state = randomBytes(16).toString("base64url");
      return state;
    },
    clientInformation(context) {
      if (known === undefined) return client;
      issuer ??= context?.issuer;
      const { id, secret } = known;
      return {
        client_id: id,
        ...(secret === undefined ? {} : { client_secret: secret }),
        ...(issuer === undefined ? {} : { issuer }),
      };
    },
    discoveryState: () => discovered,
    saveDiscoveryState(fresh) {
      discovered = fresh;
    },
    saveClientInformation(information) {
      client = information;
      keep();
    },
    tokens: () => tokens,
    saveTokens(fresh) {
      tokens = fresh;
      keep();
    },
    saveCodeVerifier(fresh) {
      verifier = fresh;
    },
    codeVerifier() {
      if (verifier === undefined)
        throw new StateError({ message: "mcpOAuth: a code came back before one was asked for" });
      return verifier;
    },
    async redirectToAuthorization(url) {
      if (url.protocol !== "https:" && url.protocol !== "http:") {
        throw new ConfigError({
          message: `mcpOAuth: the server sends the person to "${url.protocol}", which is no web page`,
        });
      }
      const back = new URL(await signIn(url)).searchParams;
      if (back.get("state") !== state) {
        throw new StateError({
          message: "mcpOAuth: the browser came back with the state of another sign-in; nothing was accepted",
        });
      }
      returned = back;
    },
    invalidateCredentials(what) {
      if (what === "all" || what === "tokens") tokens = undefined;
      if (what === "all" || what === "client") client = undefined;
      if (what === "all" || what === "verifier") verifier = undefined;
      if (what === "all" || what === "discovery") discovered = undefined;
      keep();
    },
    takeReturn() {
      const taken = returned;
      returned = undefined;
      return taken;
    },
  };
}
