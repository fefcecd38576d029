/** A child process: does one job, says how far it is, and obeys the word "stop". */
import { inspect } from "node:util";
import type { ChildMessage, Job, JobKind, StartMessage } from "./job.ts";
import { openRunFolder } from "./run-folder.ts";

/** Each job is imported when it is asked for, so that its memory is its own. */
const jobs: { readonly [Kind in JobKind]: () => Promise<Job<Kind>> } = {
  prepare: async () => (await import("./jobs/prepare.ts")).prepare,
  bagOfWords: async () => (await import("./jobs/bag-of-words-row.ts")).bagOfWordsRow,
  tune: async () => (await import("./jobs/tune.ts")).tune,
  reload: async () => (await import("./jobs/reload.ts")).reload,
  fewShot: async () => (await import("./jobs/few-shot.ts")).fewShot,
};

const stop = new AbortController();

/** Tells the parent, while there is one. */
function tell(message: ChildMessage, then: () => void = () => {}): void {
  if (process.connected) process.send!(message, then);
  else then();
}

/** Says the last word and ends the process once it is on its way. */
function finish(message: ChildMessage): void {
  tell(message, () => process.exit(message.type === "error" ? 1 : 0));
}

async function work({ kind, input, settings, out }: StartMessage): Promise<void> {
  try {
    const run = (await jobs[kind]()) as Job<typeof kind>;
    const result = await run(input as never, {
      settings,
      folder: openRunFolder(out, settings),
      report: (text) => tell({ type: "progress", text }),
      signal: stop.signal,
    });
    if (result === undefined) return finish({ type: "stopped" });
    finish({ type: "result", result, peakMiB: process.resourceUsage().maxRSS / 1024 });
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    finish({ type: "error", code, message: message ?? String(error), stack: inspect(error) }); // with causes
  }
}

process.on("SIGINT", () => {}); // a terminal tells the whole group; the parent decides
process.on("disconnect", () => stop.abort());
process.on("message", (message: StartMessage | "stop") => {
  if (message === "stop") stop.abort();
  else void work(message);
});
