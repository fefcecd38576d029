/** OpenAPI documents: reading them, and what they refer to. */
import { ConfigError, FormatError } from "@cambium/base";
import { parse } from "yaml";
import { follow, Unusable } from "../json-schema/bundle-schema.ts";
import { isObject } from "../json-schema/keywords.ts";
import { excerptOf, messageOf } from "../tools/hostile.ts";

/** Part of a document, whatever it may hold. */
export type Part = Readonly<Record<string, unknown>>;

/** A document that was read. */
export interface ApiDocument {
  readonly root: Part;
  /** Whether its schemas are those of OpenAPI 3.0. */
  readonly isOpenApi30: boolean;
}

/** Longest document. Characters. */
const LONGEST = 32 * 1024 * 1024;

function readText(text: string): unknown {
  if (text.length > LONGEST) {
    throw new FormatError({
      message: `openApiTools: the document has ${text.length} characters, ${LONGEST} are the most`,
    });
  }
  try {
    return /^\s*\{/.test(text) ? JSON.parse(text) : parse(text, { maxAliasCount: 100 });
  } catch (cause) {
    throw new FormatError({
      message: `openApiTools: the document is neither JSON nor YAML: ${excerptOf(messageOf(cause), 200)}`,
      cause,
    });
  }
}

/**
 * Reads a document.
 *
 * @param given - JSON or YAML, or what came of it.
 * @throws {FormatError} When it is none of OpenAPI 3.
 */
export function readDocument(given: unknown): ApiDocument {
  const root = typeof given === "string" ? readText(given) : given;
  if (!isObject(root)) throw new FormatError({ message: "openApiTools: the document is no object" });
  const version = root["openapi"];
  if (typeof version !== "string" || !/^3\.\d/.test(version)) {
    const found =
      root["swagger"] === undefined ? JSON.stringify(version) : `Swagger ${JSON.stringify(root["swagger"])}`;
    throw new FormatError({
      message: `openApiTools: the document must be one of OpenAPI 3, got ${found ?? "no version"}; convert it first`,
    });
  }
  if (!isObject(root["paths"] ?? {}))
    throw new FormatError({ message: "openApiTools: the document's paths are no object" });
  return { root, isOpenApi30: version.startsWith("3.0") };
}

/**
 * A part, or what it refers to.
 *
 * @throws {Unusable} When the reference leads nowhere, in a circle or to another document, or there is no object.
 */
export function resolve({ root }: ApiDocument, part: unknown, what: string): Part {
  const reference = isObject(part) ? part["$ref"] : undefined;
  const target = typeof reference === "string" ? follow(root, reference).target : part;
  if (!isObject(target)) throw new Unusable(`${what} is no object`);
  return target;
}

/** The parts of a list. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The address of a server, with its variables filled in. */
export function serverUrl(server: unknown, documentUrl: string | undefined): string | undefined {
  if (!isObject(server) || typeof server["url"] !== "string") return undefined;
  const variables = isObject(server["variables"]) ? server["variables"] : {};
  const filled = server["url"].replaceAll(/\{([^{}]{1,100})\}/g, (whole, name: string) => {
    const variable = Object.hasOwn(variables, name) ? variables[name] : undefined;
    return isObject(variable) && variable["default"] !== undefined ? String(variable["default"]) : whole;
  });
  if (URL.canParse(filled)) return filled;
  return documentUrl !== undefined && URL.canParse(filled, documentUrl) ? new URL(filled, documentUrl).href : undefined;
}

/** Checks the address that a caller names. @throws {ConfigError} */
export function checkUrl(key: string, url: string): void {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return;
  throw new ConfigError({ message: `openApiTools: ${key} must be an address of the web, got "${url}"`, key });
}
