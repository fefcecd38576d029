import type { JsonObject } from "@cambium/base";
import type { FilePart } from "../messages/message.ts";

/** A file as an OpenAI content part: images by URL or data URL, sounds and documents by their bytes. */
export function fileToWire({ mediaType, data, name }: FilePart): JsonObject {
  const base64 = data instanceof URL ? undefined : Buffer.from(data).toString("base64");
  const url = data instanceof URL ? data.href : `data:${mediaType};base64,${base64}`;
  if (mediaType.startsWith("audio/") && base64 !== undefined) {
    const format = mediaType === "audio/mpeg" ? "mp3" : mediaType.replace(/^audio\/(x-)?/, "");
    return { type: "input_audio", input_audio: { data: base64, format } };
  }
  if (mediaType.startsWith("image/")) return { type: "image_url", image_url: { url } };
  return { type: "file", file: { ...(name === undefined ? {} : { filename: name }), file_data: url } };
}

function fromUrl(url: string, name?: string): FilePart {
  const [, mediaType, base64] = /^data:([^;,]*)(?:;[^,]*)?;base64,(.*)$/s.exec(url) ?? [];
  const named = name === undefined ? {} : { name };
  if (base64 === undefined) return { type: "file", mediaType: "image/*", data: new URL(url), ...named };
  return { type: "file", mediaType: mediaType!, data: new Uint8Array(Buffer.from(base64, "base64")), ...named };
}

/** The file of an OpenAI content part; `undefined` when it is none. */
export function fileFromWire(part: JsonObject): FilePart | undefined {
  const inner = part[String(part["type"])] as JsonObject | undefined;
  if (part["type"] === "image_url") return fromUrl(String(inner?.["url"]));
  if (part["type"] === "file") {
    return fromUrl(String(inner?.["file_data"]), inner?.["filename"] as string | undefined);
  }
  if (part["type"] !== "input_audio") return undefined;
  const format = inner?.["format"] === "mp3" ? "mpeg" : inner?.["format"];
  const data = new Uint8Array(Buffer.from(String(inner?.["data"]), "base64"));
  return { type: "file", mediaType: `audio/${format}`, data };
}
