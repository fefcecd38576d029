/** Where progress goes: a terminal or a file. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** One line about what is going on now, and lines that stay. */
export interface Progress {
  /** Says where things are: replaces the line on a terminal; elsewhere a separate line, at most one in five seconds. */
  update(text: string): void;
  /** Writes a line that stays, in the place of the passing one. */
  line(text: string): void;
}

const CLEAR = "\r\u001b[2K";
const PLAIN_INTERVAL_MS = 5000;

/**
 * Progress on an output.
 *
 * @param now - The time in ms.
 */
export function createProgress(output: Output, now: () => number): Progress {
  const live = output.isTTY === true;
  let shown = "";
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    update(text) {
      if (live) {
        const fitted = text.slice(0, (output.columns || 80) - 1);
        if (fitted === shown) return;
        shown = fitted;
        output.write(CLEAR + fitted);
      } else if (now() - lastMs >= PLAIN_INTERVAL_MS) {
        lastMs = now();
        output.write(`${text}\n`);
      }
    },
    line(text) {
      output.write(`${shown === "" ? "" : CLEAR}${text}\n`);
      shown = "";
    },
  };
}
