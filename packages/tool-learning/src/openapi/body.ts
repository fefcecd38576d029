/** Bodies of requests. */
import type { Json, JsonObject } from "@cambium/base";
import { Unusable } from "../json-schema/bundle-schema.ts";
import { isObject } from "../json-schema/keywords.ts";
import { type ApiDocument, type Part, resolve } from "./document.ts";
import { inQuery } from "./parameters.ts";

/** What an operation takes as its body. */
export interface Body {
  readonly mediaType: string;
  readonly kind: "json" | "form" | "multipart" | "text";
  readonly required: boolean;
  readonly schema: unknown;
  readonly description: string | undefined;
  /** How fields of a form are written, by name. */
  readonly encoding: Part;
}

const KINDS: readonly (readonly [kind: Body["kind"], expression: RegExp])[] = [
  ["json", /^(?:application\/(?:.+\+)?json|\*\/\*|application\/\*)\s*(?:;|$)/i],
  ["form", /^application\/x-www-form-urlencoded\b/i],
  ["multipart", /^multipart\/form-data\b/i],
  ["text", /^text\//i],
];

/** The body of an operation; `undefined` for none. */
export function readBody(document: ApiDocument, operation: Part): Body | undefined {
  if (operation["requestBody"] === undefined) return undefined;
  const { required, description, content } = resolve(document, operation["requestBody"], "the body");
  if (!isObject(content)) throw new Unusable("the body has no content");
  for (const [kind, expression] of KINDS) {
    const found = Object.entries(content).find(([mediaType]) => expression.test(mediaType));
    if (found === undefined) continue;
    const media = isObject(found[1]) ? found[1] : {};
    return {
      mediaType: found[0].includes("*") ? "application/json" : found[0],
      kind,
      required: required === true,
      schema: media["schema"] ?? {},
      description: typeof description === "string" ? description : undefined,
      encoding: isObject(media["encoding"]) ? media["encoding"] : {},
    };
  }
  if (required !== true) return undefined;
  throw new Unusable(`a body must be sent, and its types are not written here: ${Object.keys(content).join(", ")}`);
}

function formPairs({ encoding }: Body, value: JsonObject): readonly string[] {
  return Object.entries(value).flatMap(([name, inner]) => {
    if (inner === undefined) return [];
    const how = isObject(encoding[name]) ? encoding[name] : {};
    const style = typeof how["style"] === "string" ? how["style"] : "form";
    const isPlain = how["style"] === undefined && how["explode"] === undefined;
    const isJson = isPlain && isObject(inner); // without a style, objects are sent as JSON
    const explode = typeof how["explode"] === "boolean" ? how["explode"] : style === "form";
    return inQuery({ name, style, explode, allowReserved: how["allowReserved"] === true, isJson }, inner);
  });
}

function multipart(value: JsonObject): FormData {
  const form = new FormData();
  for (const [name, inner] of Object.entries(value)) {
    for (const each of Array.isArray(inner) ? (inner as Json[]) : [inner]) {
      if (each === undefined) continue;
      form.append(
        name,
        typeof each === "object" && each !== null
          ? new Blob([JSON.stringify(each)], { type: "application/json" })
          : String(each),
      );
    }
  }
  return form;
}

/** A body as it is sent, with its type. */
export async function writeBody(
  body: Body,
  value: Json,
): Promise<{ readonly bytes: Uint8Array; readonly mediaType: string }> {
  const text = (written: string, mediaType = body.mediaType) => ({
    bytes: new TextEncoder().encode(written),
    mediaType,
  });
  switch (body.kind) {
    case "json":
      return text(JSON.stringify(value));
    case "text":
      return text(typeof value === "string" ? value : JSON.stringify(value));
    case "form":
      return text(formPairs(body, isObject(value) ? (value as JsonObject) : {}).join("&"));
    case "multipart": {
      const response = new Response(multipart(isObject(value) ? (value as JsonObject) : {}));
      return { bytes: new Uint8Array(await response.arrayBuffer()), mediaType: response.headers.get("content-type")! };
    }
  }
}
