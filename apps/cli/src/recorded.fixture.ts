import { Readable } from "node:stream";
import type { Io } from "./io.ts";
import { run } from "./program.ts";

/** A world without a terminal that keeps nothing of what is written, but for the parts that are given. */
export function quietIo(parts: Partial<Io> = {}): Io {
  const none = (): void => {};
  return {
    ...{ out: none, error: none, write: none },
    input: Readable.from([]),
    isTerminal: false,
    signal: new AbortController().signal,
    ...parts,
  };
}

/** What a command wrote and how it ended. */
export interface Recorded {
  readonly code: number;
  readonly out: readonly string[];
  readonly errors: readonly string[];
  /** What was written without an end of a line. */
  readonly text: string;
}

/**
 * Runs the command without a terminal.
 *
 * @param input - What is piped in.
 */
export async function recorded(
  args: readonly string[],
  input: string | readonly (string | Uint8Array)[] = [],
): Promise<Recorded> {
  const [out, errors, texts]: [string[], string[], string[]] = [[], [], []];
  const io = quietIo({
    out: (line) => void out.push(line),
    error: (line) => void errors.push(line),
    write: (text) => void texts.push(text),
    input: Readable.from(typeof input === "string" ? [input] : input),
  });
  return { code: await run(args, io), out, errors, text: texts.join("") };
}
