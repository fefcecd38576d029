import { realpath } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { checkName, type Files, folder, isMissingFile } from "@cambium/base";
import { refuse } from "../refuse.ts";

/** The files of a simulated folder: their texts by name. */
export type FilesState = { files: { [name: string]: string } } | null;

/** Where the files of a kit are. */
export interface Store {
  list(): Promise<readonly { readonly name: string; readonly sizeBytes: number }[]>;
  read(name: string): Promise<string>;
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
}

/** Longest file, in bytes of UTF-8. */
export const MOST_BYTES: number = 1024 * 1024;
export const MOST_FILES = 1000;

const bytesOf = (text: string): number => Buffer.byteLength(text, "utf8");

function checked(name: string): string {
  try {
    checkName(name, "the folder");
  } catch {
    refuse(`"${name}" is no name of a file; use relative names such as "notes/today.txt", without ".." and "\\"`);
  }
  return name;
}

const missing = (name: string): never => refuse(`no file "${name}"; list the files first`);

/** A folder that is part of the kit's state. */
export function simulatedStore({ files }: { files: { [name: string]: string } }): Store {
  const has = (name: string): boolean => Object.hasOwn(files, checked(name));
  return {
    list: async () => Object.entries(files).map(([name, text]) => ({ name, sizeBytes: bytesOf(text) })),
    read: async (name) => (has(name) ? files[name]! : missing(name)),
    async write(name, text) {
      if (!has(name) && Object.keys(files).length >= MOST_FILES)
        refuse(`the folder holds ${MOST_FILES} files, which are the most`);
      Object.defineProperty(files, name, { value: text, writable: true, enumerable: true, configurable: true }); // also "__proto__"
    },
    async remove(name) {
      if (!has(name)) missing(name);
      delete files[name];
    },
  };
}

/** Files of the user. */
export function realStore(source: string | Files): Store {
  const files = typeof source === "string" ? folder(source) : source;
  /** Links out of the folder are not followed. */
  async function inside(name: string): Promise<string> {
    checked(name);
    if (typeof source !== "string") return name;
    const root = await realpath(resolve(source)).catch(() => resolve(source));
    const parts = name.split("/");
    for (let depth = parts.length; depth > 0; depth--) {
      const real = await realpath(join(root, ...parts.slice(0, depth))).catch(() => undefined);
      if (real === undefined) continue; // not there yet: its folder decides
      if (real !== root && !real.startsWith(`${root}${sep}`)) refuse(`"${name}" leads out of the folder`);
      break;
    }
    return name;
  }
  return {
    list: () => files.list(),
    async read(name) {
      try {
        const bytes = await files.read(await inside(name));
        if (bytes.length > MOST_BYTES) refuse(`"${name}" has ${bytes.length} bytes, ${MOST_BYTES} are the most`);
        return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      } catch (error) {
        if (isMissingFile(error)) missing(name);
        if ((error as { readonly code?: unknown }).code === "ERR_ENCODING_INVALID_ENCODED_DATA")
          refuse(`"${name}" is no text`);
        throw error;
      }
    },
    async write(name, text) {
      await files.write(await inside(name), text);
    },
    async remove(name) {
      await files.remove(await inside(name));
    },
  };
}
