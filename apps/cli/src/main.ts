#!/usr/bin/env node
/**
 * `cambium <verb> …`. Exit code 0 done, 1 failed, 2 wrong use, 130 stopped by Ctrl-C with what was done kept.
 */
import { EXIT, type Io } from "./io.ts";
import { run } from "./program.ts";

/** Aborted by the first Ctrl-C; the second one ends the process at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(EXIT.stopped);
      stop.abort();
    });
  }
  return stop.signal;
}

// Whoever reads the results, such as `head`, may have enough of them.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.done);
  throw error;
});

const clearLine = process.stderr.isTTY ? "\r\x1b[2K" : "";

const io: Io = {
  out: (line) => process.stdout.write(`${process.stdout.isTTY ? clearLine : ""}${line}\n`),
  write: (text) => void process.stdout.write(text),
  input: process.stdin,
  error: (line) => process.stderr.write(`${clearLine}${line}\n`),
  ...(process.stderr.isTTY
    ? {
        live: (line: string) =>
          process.stderr.write(`${clearLine}${line.slice(0, (process.stderr.columns ?? 80) - 1)}`),
      }
    : {}),
  isTerminal: process.stdout.isTTY === true,
  signal: stopSignal(),
};

process.exitCode = await run(process.argv.slice(2), io);
