/** Manifests of the plugin format that BMTools speaks: what a service is for, and where its OpenAPI document is. */
import { FormatError, parseConfig } from "@cambium/base";
import * as z from "zod";
import { showText } from "../imported/hidden-text.ts";
import { signsOf } from "../imported/instructions.ts";
import { messageOf } from "../tools/hostile.ts";

/** What a manifest says. */
export interface PluginManifest {
  /** For models: a word. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** For models, without hidden characters. */
  readonly description: string;
  /** For people. */
  readonly about: string;
  /** Where the OpenAPI document is. */
  readonly documentUrl: string;
  /** How the service lets callers in: `none`, `user_http`, `service_http` or `oauth`. */
  readonly auth: string;
  /** What in the description speaks to the model instead of describing. */
  readonly signs: readonly string[];
}

const schema = z.looseObject({
  schema_version: z.string(),
  name_for_model: z.string().min(1),
  name_for_human: z.string().optional(),
  description_for_model: z.string(),
  description_for_human: z.string().optional(),
  auth: z.looseObject({ type: z.string() }).optional(),
  api: z.looseObject({ type: z.literal("openapi"), url: z.string().min(1) }),
});

/**
 * Reads a manifest. Fetch the document at `documentUrl`, and give it to `openApiTools`.
 *
 * @param manifest - JSON.
 * @param url - Where the manifest is, for a document that is given relative to it.
 * @throws {FormatError} When it is no manifest. @throws {ConfigError} When a field is missing.
 * @see OpenBMB BMTools, and the retired plugin format of OpenAI, `ai-plugin.json`
 */
export function readPluginManifest(manifest: string, url?: string): PluginManifest {
  let given: unknown;
  try {
    given = JSON.parse(manifest);
  } catch (cause) {
    throw new FormatError({ message: `readPluginManifest: the manifest is no JSON: ${messageOf(cause)}`, cause });
  }
  parseConfig("readPluginManifest", schema, given);
  const {
    name_for_model: name,
    name_for_human: title = name,
    description_for_model: told,
    ...rest
  } = given as z.infer<typeof schema>;
  const documentUrl = URL.canParse(rest.api.url, url) ? new URL(rest.api.url, url).href : undefined;
  if (documentUrl === undefined || !/^https?:/.test(documentUrl)) {
    throw new FormatError({
      message: `readPluginManifest: "${rest.api.url}" is no address; pass the address of the manifest`,
    });
  }
  return {
    name: name
      .replaceAll(/[^A-Za-z0-9_-]+/g, "_")
      .replace(/^(?=[^A-Za-z_])/, "_")
      .slice(0, 32),
    title: showText(title).text,
    description: showText(told).text,
    about: showText(rest.description_for_human ?? "").text,
    documentUrl,
    auth: rest.auth?.type ?? "none",
    signs: signsOf(told).map(({ what }) => what),
  };
}
