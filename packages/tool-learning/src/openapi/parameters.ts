/**
 * Parameters in all places and styles.
 *
 * @see OpenAPI Specification 3.1.1, §4.8.12 (Parameter Object), and RFC 6570
 */
import type { Json, JsonObject } from "@cambium/base";
import { Unusable } from "../json-schema/bundle-schema.ts";
import { isObject } from "../json-schema/keywords.ts";
import { ToolError } from "../tools/failure.ts";
import { type ApiDocument, listOf, type Part, resolve } from "./document.ts";

const PLACES = ["path", "query", "header", "cookie"] as const;
type Place = (typeof PLACES)[number];

const STYLES: Readonly<Record<Place, readonly string[]>> = {
  path: ["simple", "label", "matrix"],
  query: ["form", "spaceDelimited", "pipeDelimited", "deepObject"],
  header: ["simple"],
  cookie: ["form"],
};

/** A parameter of an operation. */
export interface Parameter {
  readonly name: string;
  /** Its name among the arguments of the tool. */
  argument: string;
  readonly place: Place;
  readonly style: string;
  readonly explode: boolean;
  readonly allowReserved: boolean;
  /** Whether the value is sent as JSON. */
  readonly isJson: boolean;
  readonly required: boolean;
  readonly schema: unknown;
  readonly description: string | undefined;
}

/** Headers that are not for the caller to set. */
const OWN_HEADERS = /^(?:accept|content-type|authorization|host|cookie|content-length|transfer-encoding|connection)$/i;

function readParameter(document: ApiDocument, given: unknown): Parameter | undefined {
  const part = resolve(document, given, "a parameter");
  const { name, in: at, description } = part;
  const place = PLACES.find((each) => each === at);
  if (typeof name !== "string" || name === "" || place === undefined) {
    throw new Unusable(`a parameter has no name, or no place that exists (${JSON.stringify(at)})`);
  }
  if (place === "header" && OWN_HEADERS.test(name)) return undefined;
  const style = (part["style"] as string | undefined) ?? STYLES[place][0]!;
  if (!STYLES[place].includes(style))
    throw new Unusable(`the parameter "${name}" has the style ${JSON.stringify(style)}, which is none of ${place}`);
  const content = isObject(part["content"]) ? Object.entries(part["content"])[0] : undefined;
  const isJson = content !== undefined && /json/i.test(content[0]);
  const inContent = content !== undefined && isObject(content[1]) ? content[1]["schema"] : undefined;
  return {
    name,
    argument: name,
    place,
    style,
    explode: typeof part["explode"] === "boolean" ? part["explode"] : style === "form",
    allowReserved: part["allowReserved"] === true,
    isJson,
    required: place === "path" || part["required"] === true,
    schema: part["schema"] ?? inContent ?? {},
    description: typeof description === "string" ? description : undefined,
  };
}

/** The parameters of an operation: its own, and those of its path that it does not have itself. */
export function readParameters(document: ApiDocument, path: Part, operation: Part): readonly Parameter[] {
  const byKey = new Map<string, Parameter>();
  for (const given of [...listOf(path["parameters"]), ...listOf(operation["parameters"])]) {
    const parameter = readParameter(document, given);
    if (parameter !== undefined) byKey.set(`${parameter.place} ${parameter.name}`, parameter);
  }
  const all = [...byKey.values()];
  // Two parameters may have one name in two places.
  for (const parameter of all) {
    const isTwice = all.some((other) => other !== parameter && other.name === parameter.name);
    if (isTwice) parameter.argument = `${parameter.name}_${parameter.place}`;
  }
  return all;
}

const scalar = (value: Json | undefined): string =>
  typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);

/** Percent-encoding; with `allowReserved` the characters that divide addresses stay. */
function encode(text: string, isReserved = false): string {
  const encoded = encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return isReserved
    ? encoded.replaceAll(/%(?:3A|2F|3F|23|5B|5D|40|21|24|26|27|28|29|2A|2B|2C|3B|3D)/g, (code) =>
        decodeURIComponent(code),
      )
    : encoded;
}

const pairsOf = (value: JsonObject): [string, Json][] =>
  Object.entries(value).filter((pair): pair is [string, Json] => pair[1] !== undefined);

/** A value in a path. @throws {ToolError} When it would lead to another path. */
export function inPath({ name, style, explode, isJson }: Parameter, value: Json): string {
  const write = (inner: Json | undefined): string => encode(scalar(inner));
  const [lead, divider] = { simple: ["", ","], label: [".", explode ? "." : ","], matrix: [";", explode ? ";" : ","] }[
    style
  ]!;
  const named = style === "matrix" ? `${encode(name)}=` : "";
  let written: string;
  if (isJson || !isObject(value)) {
    const items =
      Array.isArray(value) && !isJson
        ? (value as Json[]).map(write)
        : [isJson ? encode(JSON.stringify(value)) : write(value)];
    written =
      lead +
      (style === "matrix" && explode ? items.map((item) => named + item).join(divider) : named + items.join(divider));
  } else {
    const pairs = pairsOf(value as JsonObject).map(
      ([key, inner]) => `${encode(key)}${explode ? "=" : ","}${write(inner)}`,
    );
    written =
      lead + (style === "matrix" && explode ? pairs.join(divider) : named + pairs.join(explode ? divider : ","));
  }
  if (value === null || written === "" || /^\.{1,2}$/.test(written)) {
    throw new ToolError({
      message: `"${name}": ${JSON.stringify(value)} cannot stand in an address; pass another value`,
    });
  }
  return written;
}

/** A value in a query, or in the body of a form: `name=value` pairs, encoded. */
export function inQuery(
  {
    name,
    style,
    explode,
    allowReserved,
    isJson,
  }: Omit<Parameter, "argument" | "place" | "required" | "schema" | "description">,
  value: Json,
): readonly string[] {
  const write = (inner: Json | undefined): string => encode(scalar(inner), allowReserved);
  const key = encode(name);
  if (isJson) return [`${key}=${encode(JSON.stringify(value))}`];
  if (Array.isArray(value)) {
    const items = (value as Json[]).map(write);
    if (explode && style === "form") return items.map((item) => `${key}=${item}`);
    const divider = { spaceDelimited: "%20", pipeDelimited: "%7C" }[style] ?? ",";
    return explode ? items.map((item) => `${key}=${item}`) : [`${key}=${items.join(divider)}`];
  }
  if (!isObject(value)) return [`${key}=${write(value)}`];
  const pairs = pairsOf(value as JsonObject);
  if (style === "deepObject") return deep(key, value as JsonObject, write);
  if (explode) return pairs.map(([inner, each]) => `${encode(inner)}=${write(each)}`);
  const divider = { spaceDelimited: "%20", pipeDelimited: "%7C" }[style] ?? ",";
  return [`${key}=${pairs.flatMap(([inner, each]) => [encode(inner), write(each)]).join(divider)}`];
}

/** `name[a][b]=c`: objects in objects as most services read them, which the specification leaves open. */
function deep(key: string, value: JsonObject, write: (inner: Json) => string): readonly string[] {
  return pairsOf(value).flatMap(([inner, each]) => {
    const at = `${key}[${encode(inner)}]`;
    if (Array.isArray(each)) return (each as Json[]).map((item) => `${at}=${write(item)}`);
    return isObject(each) ? deep(at, each as JsonObject, write) : [`${at}=${write(each)}`];
  });
}

/** A value in a header. */
export function inHeader({ name, explode, isJson }: Parameter, value: Json): string {
  const text =
    isJson || (!Array.isArray(value) && !isObject(value))
      ? isJson
        ? JSON.stringify(value)
        : scalar(value)
      : Array.isArray(value)
        ? (value as Json[]).map(scalar).join(",")
        : pairsOf(value as JsonObject)
            .map(([key, inner]) => `${key}${explode ? "=" : ","}${scalar(inner)}`)
            .join(",");
  if (/[^\t\u0020-\u007E\u0080-\u00FF]/.test(text)) {
    throw new ToolError({ message: `"${name}": a header holds one line of Latin characters; pass another value` });
  }
  return text;
}
