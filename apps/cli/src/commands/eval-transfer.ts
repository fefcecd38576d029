import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { paperGrader, strictGrader } from "@cambium/evaluation";
import { runTransfer, transferReport, transferText } from "@cambium/tool-learning";
import type { Io } from "../io.ts";
import { type EvalFlags, type Left, refuseOld } from "./eval-flags.ts";
import type { MethodSetup } from "./eval-methods.ts";
import type { ProblemSet } from "./problem-sets.ts";

/** Makes and transfers the tools of every set, and writes a report. */
export async function runTransferSets(
  io: Io,
  set: Extract<ProblemSet, { format: "transfer" }>,
  setup: MethodSetup,
  flags: EvalFlags,
): Promise<Left> {
  refuseOld(flags, ["transfer"]);
  const { model, sandbox, sampling, demonstrations, thought, rounds } = setup;
  const options = {
    model,
    sandbox,
    sampling,
    demonstrations,
    thought,
    rounds,
    mode: setup.faithful ? ("faithful" as const) : ("extended" as const),
  };
  const sets = set.sets.slice(0, flags.limit);
  const grader = flags.grader === "paper" ? paperGrader : strictGrader;
  const run = runTransfer(options, sets, {
    grader,
    results: join(flags.out, "transfer"),
    concurrency: flags.concurrency,
    signal: io.signal,
  });
  for await (const event of run) {
    if (event.type === "set") {
      const text = `transfer ${event.done}/${event.total} sets`;
      if (flags.json)
        io.out(JSON.stringify({ type: "set", id: event.record.id, done: event.done, total: event.total }));
      else if (io.live !== undefined) io.live(text);
      else io.error(text);
    }
    if (event.type !== "end") continue;
    const page = await transferReport(event.records, { title: `Transfer of tools: ${set.name}` });
    await mkdir(flags.out, { recursive: true });
    await writeFile(join(flags.out, "report.html"), page.html());
    if (flags.json)
      io.out(
        JSON.stringify({
          type: "end",
          reason: event.reason,
          summary: event.summary,
          open: sets.length - event.records.length,
          isSets: true,
        }),
      );
    else io.out(transferText(event.summary));
    return {
      open: sets.length - event.records.length,
      isSets: true,
      ...(event.failure === undefined ? {} : { why: event.failure.message }),
    };
  }
  return { open: 0 };
}
