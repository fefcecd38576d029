/** What a command sees of the world: tests bring their own. */
export interface Io {
  /** Writes a line for the reader, or for the machine with `--json`. */
  out(line: string): void;
  /** Writes a line that is no result: a failure, progress. */
  error(line: string): void;
  /** Writes text as it is, such as a piece of an answer. */
  write(text: string): void;
  /** What is typed or piped in. */
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  /** Whether `out` is a terminal that can be drawn on. */
  readonly isTerminal: boolean;
  /** Shows a line that the next one replaces: progress. Absent where nobody watches. */
  readonly live?: (line: string) => void;
  /** Aborted by Ctrl-C, and when the process is asked to end. */
  readonly signal: AbortSignal;
}

/** What the command ends with: see `main.ts`. */
export const EXIT = { done: 0, failed: 1, wrongUse: 2, stopped: 130 } as const;

/** A failure that the user caused and can mend: shown without a stack, ends with `wrongUse`. */
export class UseError extends Error {
  readonly code = "use";
}
