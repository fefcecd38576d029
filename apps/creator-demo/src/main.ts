/** Ten problems, solved with tools that a model writes for them. The program is in `demo.ts`; this is the command around it. */
import { runDemo } from "./demo.ts";

const EXIT: Readonly<Record<string, number>> = { USAGE: 2, CONFIG: 2, usage: 2 };

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    if (stop.signal.aborted) process.exit(130);
    process.stdout.write("\nstopping …\n");
    stop.abort();
  });
}

const world = {
  write: (line: string) => void process.stdout.write(`${line}\n`),
  env: process.env,
  signal: stop.signal,
};
process.exitCode = await runDemo(process.argv.slice(2), world).catch((error: Error & { code?: string }) => {
  process.stderr.write(`creator-demo: ${error.message}\n`);
  return EXIT[error.code ?? ""] ?? 1;
});
