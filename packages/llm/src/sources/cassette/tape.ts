import { appendFile, mkdir, readFile, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { FileError, FormatError, type JsonObject } from "@cambium/base";

/** Version of the lines; a cassette of another one is refused. */
const CASSETTE_VERSION = 1;

/** One recorded reply. */
export interface Recording {
  readonly key: string;
  /** Who was asked and what, as it stands in the key, but with the texts readable. */
  readonly request: JsonObject;
  readonly reply: JsonObject;
}

/** A cassette's file: a line that says what it is, then one line for each recording. */
export interface Tape {
  readonly recordings: ReadonlyMap<string, Recording>;
  add(recording: Recording): Promise<void>;
}

function parseLine(path: string, line: string, number: number): JsonObject {
  try {
    return JSON.parse(line) as JsonObject;
  } catch (cause) {
    const message = `recorded: ${path}:${number} is no JSON; take the line out, or record again`;
    throw new FormatError({ message, cause, path, line: number });
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as { code?: string }).code === "ENOENT") return undefined;
    throw new FileError({ message: `recorded: ${path} cannot be read: ${(cause as Error).message}`, cause, path });
  }
}

/**
 * Reads a cassette; one that is not there is empty. A last line without its end was cut off by a crash and does not count.
 *
 * @throws {FormatError} When the file is something else.
 */
export async function openTape(path: string): Promise<Tape> {
  const text = (await readIfThere(path)) ?? "";
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const [first, ...lines] = whole.split("\n").slice(0, -1);
  const recordings = new Map<string, Recording>();
  if (first !== undefined) {
    const { cassette } = parseLine(path, first, 1);
    if (cassette !== CASSETTE_VERSION) {
      const message = `recorded: ${path} has cassette version ${JSON.stringify(cassette)}, this library reads ${CASSETTE_VERSION}; record again`;
      throw new FormatError({ message, path, version: cassette });
    }
  }
  for (const [i, line] of lines.entries()) {
    const recording = parseLine(path, line, i + 2) as unknown as Recording;
    if (typeof recording.key !== "string" || typeof recording.reply !== "object") {
      throw new FormatError({ message: `recorded: ${path}:${i + 2} is no recording`, path, line: i + 2 });
    }
    recordings.set(recording.key, recording);
  }
  let isClean = whole.length === text.length;
  let isNew = first === undefined;

  async function write(recording: Recording): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    if (!isClean) await truncate(path, Buffer.byteLength(whole));
    isClean = true;
    const header = isNew ? `${JSON.stringify({ cassette: CASSETTE_VERSION })}\n` : "";
    isNew = false;
    await appendFile(path, `${header}${JSON.stringify(recording)}\n`);
  }

  let last: Promise<void> = Promise.resolve();
  return {
    recordings,
    async add(recording) {
      const turn = last.then(() => write(recording));
      last = turn.catch(() => {}); // the writer whose turn it was gets the error
      try {
        await turn;
      } catch (cause) {
        throw new FileError({
          message: `recorded: ${path} cannot be written: ${(cause as Error).message}`,
          cause,
          path,
        });
      }
      recordings.set(recording.key, recording);
    },
  };
}
