/** What the program hands to its child processes, and what comes back. A row's process has its own peak of memory. */
import type { BagOfWordsRow } from "./jobs/bag-of-words-row.ts";
import type { FewShotRow } from "./jobs/few-shot.ts";
import type { MailCounts } from "./jobs/prepare.ts";
import type { Reloaded } from "./jobs/reload.ts";
import type { Method, TunedRow } from "./jobs/tune.ts";
import type { RunFolder } from "./run-folder.ts";
import type { Settings } from "./settings.ts";

/** The parts of a run, with what each is given and what it gives. */
export interface JobTable {
  prepare: { input: undefined; result: MailCounts };
  bagOfWords: { input: undefined; result: BagOfWordsRow };
  tune: { input: Method; result: TunedRow };
  reload: { input: undefined; result: Reloaded };
  fewShot: { input: number; result: FewShotRow };
}

/** A name in the table. */
export type JobKind = keyof JobTable;

/** What a part of a run can do besides computing. */
export interface JobContext {
  readonly settings: Settings;
  readonly folder: RunFolder;
  /** Says where things are. */
  report(progress: string): void;
  /** Aborted when the run is to stop with a checkpoint. */
  readonly signal: AbortSignal;
}

/** The work itself. `undefined` when it was stopped before its end. */
export type Job<Kind extends JobKind> = (
  input: JobTable[Kind]["input"],
  context: JobContext,
) => Promise<JobTable[Kind]["result"] | undefined>;

/** What a child process is told first. */
export interface StartMessage<Kind extends JobKind = JobKind> {
  readonly kind: Kind;
  readonly input: JobTable[Kind]["input"];
  readonly settings: Settings;
  readonly out: string;
}

/** What a child process says. */
export type ChildMessage =
  | { readonly type: "progress"; readonly text: string }
  | { readonly type: "result"; readonly result: unknown; readonly peakMiB: number }
  | { readonly type: "stopped" }
  | {
      readonly type: "error";
      readonly code: string | undefined;
      readonly message: string;
      readonly stack: string | undefined;
    };

/** A result, and the largest resident set of the process that made it, in MiB. */
export interface Measured<Result> {
  readonly result: Result;
  readonly peakMiB: number;
}
