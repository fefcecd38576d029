/** What a server answers to a call, as the result of a tool. */
import type { Json, JsonObject } from "@cambium/base";
import type { FilePart } from "@cambium/llm";
import type { CallToolResult } from "@modelcontextprotocol/client";

/** The result of a call. */
export interface McpResult {
  /** Structured content; else the text; else a list of what came. */
  readonly value: Json;
  /** For the model: the texts, and a line for everything that is none. */
  readonly text: string;
  /** Images and sounds, and what else came as bytes. */
  readonly files: readonly FilePart[];
}

type Block = CallToolResult["content"][number];

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));

function fileOf(block: Block): FilePart | undefined {
  if (block.type === "image" || block.type === "audio") {
    return { type: "file", mediaType: block.mimeType, data: bytesOf(block.data) };
  }
  if (block.type !== "resource" || !("blob" in block.resource)) return undefined;
  const { blob, mimeType = "application/octet-stream", uri } = block.resource;
  return { type: "file", mediaType: mimeType, data: bytesOf(blob), name: uri };
}

function textOf(block: Block): string {
  switch (block.type) {
    case "text":
      return block.text;
    case "image":
    case "audio":
      return `[${block.type}, ${block.mimeType}]`;
    case "resource_link":
      return `[${block.name}: ${block.uri}${block.description === undefined ? "" : `, ${block.description}`}]`;
    case "resource":
      return "text" in block.resource ? block.resource.text : `[file ${block.resource.uri}]`;
    default:
      return `[${JSON.stringify(block)}]`;
  }
}

/** A block as JSON, without its bytes. */
function described(block: Block): Json {
  if (block.type === "image" || block.type === "audio") {
    return { type: block.type, mimeType: block.mimeType, sizeBytes: bytesOf(block.data).length };
  }
  if (block.type !== "resource" || !("blob" in block.resource)) return block as unknown as JsonObject;
  const { blob, ...rest } = block.resource;
  return { type: "resource", resource: { ...(rest as unknown as JsonObject), sizeBytes: bytesOf(blob).length } };
}

/** Reads a result. */
export function readResult({ content = [], structuredContent }: CallToolResult): McpResult {
  const text = content.map(textOf).join("\n");
  const files = content.map(fileOf).filter((file) => file !== undefined);
  const isPlain = content.every(({ type }) => type === "text");
  const value =
    structuredContent === undefined ? (isPlain ? text : content.map(described)) : (structuredContent as Json);
  return {
    value,
    text: text === "" && structuredContent !== undefined ? JSON.stringify(structuredContent) : text,
    files,
  };
}
