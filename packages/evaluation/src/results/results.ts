/**
 * Where the results of a run are kept: a manifest that says what was run, and one line of JSON for each row. A line is
 * written whole or is cut off by the end of the process; what was cut off is dropped when the folder is opened again.
 */
import { type FileHandle, mkdir, open, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "@cambium/base";

/** Kept results. */
export interface Results {
  /** The manifest as JSON text, if one was written. */
  manifest(): Promise<string | undefined>;
  /** Replaces the manifest, whole or not at all. */
  writeManifest(text: string): Promise<void>;
  /** The lines so far, in the order in which they were added. */
  lines(): AsyncIterable<string>;
  /** Adds a line; it is on its way to the disk when the promise resolves. Calls may overlap. */
  append(line: string): Promise<void>;
  /** Frees what was opened; adding opens it again. */
  close(): Promise<void>;
}

/** Results of this process only. */
export function memoryResults(): Results {
  let manifest: string | undefined;
  const lines: string[] = [];
  return {
    manifest: async () => manifest,
    writeManifest: async (text) => {
      manifest = text;
    },
    async *lines() {
      yield* lines;
    },
    append: async (line) => {
      lines.push(line);
    },
    close: async () => {},
  };
}

const MANIFEST = "manifest.json";
const ROWS = "rows.jsonl";

const isMissing = (error: unknown): boolean => (error as { code?: string }).code === "ENOENT";

/** Length of the file up to the end of its last whole line. Bytes. */
async function wholeLength(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  const chunk = Buffer.alloc(65_536);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunk.length);
    const { bytesRead } = await file.read(chunk, 0, end - start, start);
    const at = chunk.subarray(0, bytesRead).lastIndexOf(10);
    if (at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}

/** Results in a folder: `manifest.json` and `rows.jsonl`. */
export function folderResults(path: string): Results {
  let file: Promise<FileHandle> | undefined;
  let last: Promise<void> = Promise.resolve();

  async function guard<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const reason = (cause as { code?: string }).code === "ENOSPC" ? "the disk is full" : (cause as Error).message;
      throw new FileError({ message: `results: ${join(path, what)} could not be used: ${reason}`, cause, path });
    }
  }

  async function openRows(): Promise<FileHandle> {
    await mkdir(path, { recursive: true });
    const opened = await open(join(path, ROWS), "a+");
    await opened.truncate(await wholeLength(opened));
    return opened;
  }

  return {
    manifest: () =>
      guard(MANIFEST, () =>
        readFile(join(path, MANIFEST), "utf8").catch((error) => {
          if (isMissing(error)) return undefined;
          throw error;
        }),
      ),
    writeManifest: (text) =>
      guard(MANIFEST, async () => {
        await mkdir(path, { recursive: true });
        await writeFile(join(path, `${MANIFEST}.new`), text);
        await rename(join(path, `${MANIFEST}.new`), join(path, MANIFEST));
      }),
    async *lines() {
      const opened = await guard(ROWS, async () => {
        try {
          return await open(join(path, ROWS), "r");
        } catch (error) {
          if (isMissing(error)) return undefined;
          throw error;
        }
      });
      if (opened === undefined) return;
      try {
        const end = await wholeLength(opened);
        if (end === 0) return;
        for await (const line of opened.readLines({ start: 0, end: end - 1, autoClose: false }))
          if (line !== "") yield line;
      } finally {
        await opened.close();
      }
    },
    append(line) {
      file ??= openRows();
      const opening = file;
      last = last
        .catch(() => {})
        .then(() => guard(ROWS, async () => void (await (await opening).appendFile(`${line}\n`))));
      return last;
    },
    async close() {
      await last.catch(() => {});
      const opened = await file?.catch(() => undefined);
      file = undefined;
      await opened?.close();
    },
  };
}
