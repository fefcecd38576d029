/** Keys of services: given by the caller, sent where they belong, and never seen by a model. */
import { isObject } from "../json-schema/keywords.ts";
import { type ApiDocument, listOf, type Part } from "./document.ts";

/** A secret, or a function that gives it when a request is sent. */
export type Secret = string | (() => string | Promise<string>);

/** What a security scheme of the document is met with. */
export type Credential =
  /** An API key, or a token of OAuth 2 or OpenID Connect. */
  Secret | { readonly user: string; readonly password: Secret };

interface Scheme {
  readonly name: string;
  readonly part: Part;
  readonly credential: Credential;
}

/** How an operation is let in. */
export type Security = readonly Scheme[];

/**
 * The first way to be let in for which all credentials are there.
 *
 * @returns The names that are missing, where there is none.
 */
export function chooseSecurity(
  { root }: ApiDocument,
  operation: Part,
  credentials: Readonly<Record<string, Credential>>,
): { readonly ok: true; readonly security: Security } | { readonly ok: false; readonly missing: string } {
  const components = isObject(root["components"]) ? root["components"] : {};
  const schemes = isObject(components["securitySchemes"]) ? components["securitySchemes"] : {};
  const alternatives = listOf(operation["security"] ?? root["security"]).filter(isObject);
  if (alternatives.length === 0) return { ok: true, security: [] };
  for (const alternative of alternatives) {
    const names = Object.keys(alternative);
    const met = names.every((name) => Object.hasOwn(credentials, name) && isObject(schemes[name]));
    if (!met) continue;
    return {
      ok: true,
      security: names.map((name) => ({ name, part: schemes[name] as Part, credential: credentials[name]! })),
    };
  }
  return { ok: false, missing: alternatives.map((each) => Object.keys(each).join(" and ")).join(", or ") };
}

const reveal = async (secret: Secret): Promise<string> => (typeof secret === "function" ? secret() : secret);

/** Puts credentials into a request. */
export async function authorise(security: Security, url: URL, headers: Record<string, string>): Promise<void> {
  for (const { part, credential } of security) {
    const { type, scheme, in: place, name } = part;
    if (typeof credential === "object") {
      const pair = `${credential.user}:${await reveal(credential.password)}`;
      headers["authorization"] = `Basic ${Buffer.from(pair).toString("base64")}`;
      continue;
    }
    const secret = await reveal(credential);
    if (type !== "apiKey")
      headers["authorization"] =
        `${typeof scheme === "string" && /^basic$/i.test(scheme) ? "Basic" : "Bearer"} ${secret}`;
    else if (place === "query") {
      const pair = `${encodeURIComponent(String(name))}=${encodeURIComponent(secret)}`;
      url.search = url.search === "" ? pair : `${url.search}&${pair}`; // what stands there stays as it is written
    } else if (place === "cookie")
      headers["cookie"] = [headers["cookie"], `${String(name)}=${encodeURIComponent(secret)}`]
        .filter(Boolean)
        .join("; ");
    else headers[String(name).toLowerCase()] = secret;
  }
}
