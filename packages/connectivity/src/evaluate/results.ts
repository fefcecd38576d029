/** Measured points in a folder, so that a run that was stopped or killed resumes, and never with the numbers of another one. */
import {
  ConfigError,
  canonicalJson,
  type Files,
  FormatError,
  hasFile,
  type JsonObject,
  openFiles,
  readJson,
  sha256,
} from "@cambium/base";
import { listed } from "../points/point.ts";
import type { Measurement } from "./evaluator.ts";

/** Results by key, one file each. */
export interface Results {
  read(key: string): Promise<JsonObject | undefined>;
  write(key: string, value: JsonObject): Promise<void>;
}

const INDEX = "identity.json";

/**
 * Opens a folder of results that belong to one identity.
 *
 * @param caller - Function to name in messages.
 * @param identity - All that the results depend on.
 * @throws {ConfigError} When the folder holds results of another identity; names what differs.
 */
export async function openResults(caller: string, at: string | Files, identity: JsonObject): Promise<Results> {
  const files = openFiles(at);
  if (await hasFile(files, INDEX)) {
    const stored = (await readJson(files, INDEX)) as JsonObject;
    const differing = [...new Set([...Object.keys(stored), ...Object.keys(identity)])].filter(
      (key) => canonicalJson([stored[key]]) !== canonicalJson([identity[key]]),
    );
    if (differing.length > 0) {
      throw new ConfigError({
        message: `${caller}: ${files.location} holds results of another run: ${listed(differing)} differ; choose another folder`,
        differing,
      });
    }
  } else {
    const present = await files.list();
    if (present.length > 0) {
      throw new ConfigError({
        message: `${caller}: ${files.location} holds other files (${listed(present.map(({ name }) => name))}); choose an empty folder for results`,
      });
    }
    await files.write(INDEX, `${JSON.stringify(identity, null, 1)}\n`);
  }
  const nameOf = (key: string): string => `${sha256(key).slice(0, 24)}.json`;
  return {
    async read(key) {
      if (!(await hasFile(files, nameOf(key)))) return undefined;
      const stored = (await readJson(files, nameOf(key))) as JsonObject;
      if (stored["key"] === key) return stored["value"] as JsonObject;
      throw new FormatError({ message: `${caller}: ${nameOf(key)} in ${files.location} is not the result of ${key}` });
    },
    write: (key, value) => files.write(nameOf(key), `${JSON.stringify({ key, value })}\n`),
  };
}

/** A measurement as JSON; arrays of floats as base64. */
export function toStored({ loss, accuracy, weights, values }: Measurement): JsonObject {
  return {
    loss,
    accuracy,
    weights: encode(weights),
    values: Object.fromEntries(Object.entries(values).map(([name, list]) => [name, encode(list)])),
  };
}

/** The measurement of `toStored`. */
export function fromStored(stored: JsonObject): Measurement {
  const { loss, accuracy, weights, values } = stored as {
    readonly loss: number;
    readonly accuracy?: number;
    readonly weights: string;
    readonly values: Readonly<Record<string, string>>;
  };
  return {
    loss,
    ...(accuracy !== undefined && { accuracy }),
    weights: decode(weights),
    values: Object.fromEntries(Object.entries(values).map(([name, text]) => [name, decode(text)])),
  };
}

function encode(list: Float32Array): string {
  const bytes = new Uint8Array(list.buffer, list.byteOffset, list.byteLength);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function decode(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}
