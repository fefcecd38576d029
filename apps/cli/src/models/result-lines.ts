import { createWriteStream, existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { finished } from "node:stream/promises";
import { type Io, UseError } from "../io.ts";

/** Where results go, line by line. */
export interface ResultLines {
  write(line: string): void;
  /** Ends the file; it has its name from then on. */
  close(): Promise<void>;
  /** Removes what was written. */
  discard(): Promise<void>;
}

/** Lines to a file, which is there whole or not at all, or to standard output. */
function resultLines(io: Io, out: string | undefined): ResultLines {
  if (out === undefined) return { write: io.out, close: async () => {}, discard: async () => {} };
  if (!existsSync(dirname(out))) throw new UseError(`--out ${out}: there is no folder ${dirname(out)}; make it first`);
  const part = `${out}.${process.pid}.part`;
  const stream = createWriteStream(part);
  const done = finished(stream);
  done.catch(() => undefined); // `close` throws it
  return {
    write: (line) => void stream.write(`${line}\n`),
    async close() {
      stream.end();
      await done;
      await rename(part, out);
    },
    async discard() {
      stream.destroy();
      await done.catch(() => undefined);
      await rm(part, { force: true });
    },
  };
}

/** Runs work that writes lines: the file gets its name when all went well. */
export async function writeResults(
  io: Io,
  out: string | undefined,
  work: (lines: ResultLines) => Promise<void>,
): Promise<void> {
  const lines = resultLines(io, out);
  try {
    await work(lines);
    if (io.signal.aborted) await lines.discard();
    else await lines.close();
  } catch (error) {
    await lines.discard();
    throw error;
  }
}
