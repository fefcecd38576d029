import { run } from "./program.ts";

/** What a command wrote and how it ended. */
export interface Recorded {
  readonly code: number;
  readonly out: readonly string[];
  readonly errors: readonly string[];
}

/** Runs the command without a terminal. */
export async function recorded(args: readonly string[]): Promise<Recorded> {
  const [out, errors]: [string[], string[]] = [[], []];
  const code = await run(args, {
    out: (line) => void out.push(line),
    error: (line) => void errors.push(line),
    isTerminal: false,
    signal: new AbortController().signal,
  });
  return { code, out, errors };
}
