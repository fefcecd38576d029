/**
 * Tools of services that are described by an OpenAPI document, and the manifests of BMTools.
 *
 * @module
 */
export type { Finding } from "../imported/inspect-definition.ts";
export type { Credential, Secret } from "./credentials.ts";
export { type OpenApiImport, openApiTools } from "./open-api-tools.ts";
export type { ApiReview, OpenApiOptions } from "./options.ts";
export { type PluginManifest, readPluginManifest } from "./plugin.ts";
