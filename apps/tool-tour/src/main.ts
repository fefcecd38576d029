/** All kits before a model. The program is in `tour.ts`; this is the command around it. */
import { runTour } from "./tour.ts";

const EXIT: Readonly<Record<string, number>> = { USAGE: 2, CONFIG: 2 };

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    if (stop.signal.aborted) process.exit(130);
    process.stdout.write("\nstopping …\n");
    stop.abort();
  });
}

const world = { write: (line: string) => void process.stdout.write(`${line}\n`), signal: stop.signal };
process.exitCode = await runTour(process.argv.slice(2), world).catch((error: Error & { code?: string }) => {
  process.stderr.write(`tool-tour: ${error.message}\n`);
  return EXIT[error.code ?? ""] ?? 1;
});
