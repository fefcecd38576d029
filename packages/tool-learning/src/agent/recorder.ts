/**
 * The steps of a run, each kept in a journal before it is acted upon. A run that is started again finds its steps here: it
 * takes the same way, and does again only what has no step yet.
 */
import { ConfigError, FormatError, type Json, StateError } from "@cambium/base";
import { folderResults, type Results, type Step } from "@cambium/evaluation";
import { stopOf } from "./stop.ts";

/** What tells the content of a step. */
function contentOf(step: Step): string {
  switch (step.kind) {
    case "model":
      return step.promptHash;
    case "run":
      return step.sourceHash;
    case "query":
      return step.query;
    case "tool":
      return `${step.call.name} ${step.call.arguments}`;
  }
}

/** Where steps are kept. */
export interface Recorder {
  /** By index. While calls run side by side there may be holes. */
  readonly steps: readonly Step[];
  /** Steps of an earlier process. */
  readonly resumed: number;
  /** Time that they took. Ms. */
  readonly resumedMs: number;
  /** The index of the next step. */
  reserve(): number;
  /**
   * The step of an earlier process at this index.
   *
   * @throws {StateError} When it is not the same step.
   */
  recorded<Kind extends Step["kind"]>(
    index: number,
    kind: Kind,
    stage: string,
    content: string,
  ): Extract<Step, { kind: Kind }> | undefined;
  /** Steps of an earlier process that were taken within this one; their indices are used up. */
  within(index: number): readonly Step[];
  /** Whether an earlier process began this step and did not end it. */
  wasBegun(index: number): boolean;
  /** Notes that a step begins whose end may never be known. */
  begin(index: number): Promise<void>;
  /** Keeps a step in the trajectory only: what failed outside of the run is tried again when it is resumed. */
  note(step: Step): void;
  /** Keeps a step. @throws {Stop} When the journal cannot be written; the step is in `steps` all the same. */
  keep(step: Step): Promise<void>;
  close(): Promise<void>;
}

/** What a journal belongs to. */
export interface JournalOwner {
  readonly id: string;
  readonly method: string;
  readonly settings: Json;
}

interface Kept {
  readonly steps: ReadonlyMap<number, Step>;
  readonly begun: ReadonlySet<number>;
}

async function readJournal(journal: Results, owner: JournalOwner): Promise<Kept> {
  const manifest = { version: 1, kind: "agent", ...owner };
  const text = await journal.manifest();
  const steps = new Map<number, Step>();
  const begun = new Set<number>();
  if (text === undefined) {
    await journal.writeManifest(`${JSON.stringify(manifest, null, 2)}\n`);
    return { steps, begun };
  }
  let before: { kind?: unknown; version?: unknown; id?: unknown };
  try {
    before = JSON.parse(text) as typeof before;
  } catch (cause) {
    throw new FormatError({ message: "runAgent: the journal's manifest is no JSON; use another folder", cause });
  }
  if (before.kind !== "agent" || before.version !== 1) {
    throw new FormatError({
      message: "runAgent: the journal is not one of this version of runAgent; use another folder",
    });
  }
  if (before.id !== owner.id) {
    throw new ConfigError({
      message:
        "runAgent: the journal is of another run: task, model, tools, planner or settings differ; use another folder, or the same options",
      before: before.id,
      now: owner.id,
    });
  }
  for await (const line of journal.lines()) {
    const entry = JSON.parse(line) as { begin?: number; step?: Step };
    if (entry.begin !== undefined) begun.add(entry.begin);
    if (entry.step !== undefined) steps.set(entry.step.index, entry.step);
  }
  return { steps, begun };
}

/** The failure that a broken journal means. */
function journalStop(error: unknown): Error {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return stopOf({
    code: code === "STORE" ? "STORE" : "FILE",
    message: `the journal could not be written, and the run stopped: ${String(message)}; its steps so far are in the trajectory`,
  });
}

/**
 * A recorder.
 *
 * @param resume - Steps of an earlier process, in any order.
 * @throws {ConfigError} When the journal belongs to another run.
 */
export async function createRecorder(
  owner: JournalOwner,
  given: string | Results | undefined,
  resume: readonly Step[],
): Promise<Recorder> {
  const journal = typeof given === "string" ? folderResults(given) : given;
  const kept = journal === undefined ? undefined : await readJournal(journal, owner);
  const before = new Map([...resume.map((step) => [step.index, step] as const), ...(kept?.steps ?? [])]);
  const steps: Step[] = [];
  let next = 0;

  async function append(entry: { readonly begin: number } | { readonly step: Step }): Promise<void> {
    try {
      await journal?.append(JSON.stringify(entry));
    } catch (error) {
      throw journalStop(error);
    }
  }

  return {
    steps,
    resumed: before.size,
    resumedMs: [...before.values()].reduce((sum, { durationMs }) => sum + durationMs, 0),
    reserve: () => next++,
    recorded<Kind extends Step["kind"]>(index: number, kind: Kind, stage: string, content: string) {
      const step = before.get(index);
      if (step === undefined) return undefined;
      if (step.kind !== kind || step.stage !== stage || contentOf(step) !== content) {
        throw new StateError({
          message: `runAgent: step ${index} is ${step.stage} of another run; resume with the same task, options and sample`,
          index,
        });
      }
      steps[index] = step;
      return step as Extract<Step, { kind: Kind }>;
    },
    within(index) {
      const inside: Step[] = [];
      const above = new Set([index]);
      for (const step of [...before.values()].sort((a, b) => a.index - b.index)) {
        if (step.parent === undefined || !above.has(step.parent) || step.index <= index) continue;
        // What has a later parent of its own belongs to the path after this step.
        if (step.parent === index && step.kind === "model") continue;
        above.add(step.index);
        inside.push(step);
      }
      for (const step of inside) {
        steps[step.index] = step;
        next = Math.max(next, step.index + 1);
      }
      return inside;
    },
    wasBegun: (index) => kept?.begun.has(index) === true,
    note(step) {
      steps[step.index] = step;
    },
    begin: (index) => append({ begin: index }),
    async keep(step) {
      steps[step.index] = step;
      await append({ step });
    },
    close: async () => {
      if (typeof given === "string") await journal?.close();
    },
  };
}
