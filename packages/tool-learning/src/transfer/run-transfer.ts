/**
 * Runs a transfer of tools, set by set: `makeTool` makes the tool of one scenario and uses it for the others, `solveSet` does so
 * for all scenarios of a set, and the loop at the end keeps some sets under way and appends each record when it is whole.
 */

import { ConfigError, parseConfig, result, sha256 } from "@cambium/base";
import {
  costOf,
  type Failure,
  folderResults,
  type Grader,
  isOutside,
  memoryResults,
  type Results,
  settleManifest,
  strictGrader,
} from "@cambium/evaluation";
import * as z from "zod";
import { createTools } from "../creator/create-tools.ts";
import type { CreatorEnd } from "../creator/events.ts";
import { type CreatorOptions, planCreation } from "../creator/options.ts";
import { creatorSettings } from "../creator/settings.ts";
import { recordCalls, runTests } from "../library/guest-programs.ts";
import { type Problem, taskOf } from "../problem.ts";
import type { TransferSet } from "../readers/transfer.ts";
import { type FrozenUse, useFrozenTool } from "./frozen-tool.ts";
import type { TransferRecord, TransferTool, TransferUse } from "./record.ts";
import { summariseTransfer, type TransferSummary } from "./summary.ts";

/** Settings of `runTransfer`. */
export interface TransferOptions {
  /** @default `strictGrader` */
  readonly grader?: Grader;
  /** Sets under way at once. @default 4 */
  readonly concurrency?: number;
  /** Where results are kept, one line for each set. A run that finds some resumes after them. @default memory */
  readonly results?: string | Results;
  readonly signal?: AbortSignal;
}

/** What happens during a transfer. */
export type TransferEvent =
  | { readonly type: "resumed"; readonly rows: number }
  | { readonly type: "set"; readonly record: TransferRecord; readonly done: number; readonly total: number }
  | {
      readonly type: "end";
      readonly reason: "finished" | "stopped" | "budget_exceeded" | "unavailable";
      readonly summary: TransferSummary;
      readonly records: readonly TransferRecord[];
      readonly failure?: Failure;
    };

const schema = z.strictObject({
  grader: z.custom<Grader>((value) => typeof (value as Grader | undefined)?.grade === "function").optional(),
  concurrency: z.int().min(1).max(256).optional(),
  results: z
    .union([
      z.string().min(1),
      z.custom<Results>((value) => typeof (value as Results | undefined)?.append === "function"),
    ])
    .optional(),
  signal: z.custom<AbortSignal>((value) => typeof (value as AbortSignal | undefined)?.aborted === "boolean").optional(),
});

const hashOf = ({ scenarios }: TransferSet): string =>
  sha256(JSON.stringify(scenarios.map(({ question, answer }) => [question, answer])));

/** Thrown inside, never out: the set cannot be finished now. */
class Interrupted extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Whether the calls that were recorded of a tool's first use return the same again, twice. */
async function repeatsItself(options: CreatorOptions, { tool, call, status }: CreatorEnd): Promise<boolean> {
  if (status !== "done" || tool.name === "") return false;
  const trial = { sandbox: options.sandbox, ...(options.limits === undefined ? {} : { limits: options.limits }) };
  const tried = { name: tool.name, sources: [tool.source] };
  const tests = await recordCalls(tried, call, trial);
  const runs = [await runTests(tried, tests, trial), await runTests(tried, tests, trial)];
  return tests.length > 0 && runs.flat().every(({ passed }) => passed);
}

/**
 * Measures how well tools serve questions that they were not made for. For each scenario of a set a tool is made as usual and
 * frozen; every other scenario is solved with it by the decision stage alone. The summary has the mean over all pairs, the
 * oracle choice of the best tool in each set, and the validated choice by checks that know no right answers.
 *
 * @param options - As for `createTools`, without a library.
 * @throws {ConfigError} When options cannot be meant, two sets have one id, or the results belong to another run.
 * @see Qian et al. 2023, CREATOR, arXiv:2305.14318, §5.1. The released script makes one prompt for each set, takes the oracle
 *      choice, and counts one success more for each set; here every scenario gets its own, and nothing is added.
 * @example
 * const { summary } = await result(runTransfer({ model: chat, sandbox: quickjs() }, sets));
 * console.log(summary.pairMean.rate, summary.oracle, summary.validated);
 */
export async function* runTransfer(
  options: CreatorOptions,
  sets: readonly TransferSet[],
  { grader = strictGrader, concurrency = 4, signal, ...rest }: TransferOptions = {},
): AsyncGenerator<TransferEvent, void, undefined> {
  parseConfig("runTransfer", schema, { grader, concurrency, ...(signal === undefined ? {} : { signal }), ...rest });
  if (options.library !== undefined)
    throw new ConfigError({ message: "runTransfer: tools are frozen, so there is no library; leave it out" });
  const plan = planCreation("runTransfer", options);
  const repeated = sets.find(({ id }, i) => sets.findIndex((other) => other.id === id) !== i);
  if (repeated !== undefined)
    throw new ConfigError({ message: `runTransfer: two sets have the id "${repeated.id}"`, id: repeated.id });
  const results = typeof rest.results === "string" ? folderResults(rest.results) : (rest.results ?? memoryResults());
  await settleManifest("runTransfer", results, {
    version: 1,
    method: "creator-transfer",
    settings: creatorSettings(plan),
    graders: [grader.name],
    sample: 0,
    groups: {},
  });

  const records = new Map<string, TransferRecord>();
  for await (const line of results.lines()) {
    const record = JSON.parse(line) as TransferRecord;
    records.set(record.id, record);
  }
  const changed = sets.find((set) => records.has(set.id) && records.get(set.id)!.rowHash !== hashOf(set));
  if (changed !== undefined)
    throw new ConfigError({
      message: `runTransfer: set "${changed.id}" has changed since it was done; use another folder`,
    });
  if (records.size > 0) yield { type: "resumed", rows: records.size };

  const stop = new AbortController();
  const signals = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);

  function judgeUse({ id, answer: gold }: Problem, use: FrozenUse): TransferUse {
    const { answer, stdout, failure, steps } = use;
    if (failure !== undefined && isOutside(failure)) throw new Interrupted(failure);
    const grade =
      failure === undefined ? grader.grade({ answer, stdout }, gold) : ({ right: false, found: "nowhere" } as const);
    return {
      scenario: id,
      gold,
      ...(answer === undefined ? {} : { answer }),
      grade,
      ...(failure === undefined ? {} : { failure }),
      steps,
    };
  }

  async function makeTool(scenario: Problem, others: readonly Problem[]): Promise<TransferTool> {
    const made = await result(createTools(options, taskOf(scenario), { signal: signals }));
    if (made.failure !== undefined && isOutside(made.failure)) throw new Interrupted(made.failure);
    const uses = [];
    for (const other of others)
      uses.push(judgeUse(other, await useFrozenTool(plan, made.tool.source, other, { signal: signals })));
    const own =
      made.status === "done"
        ? grader.grade({ answer: made.answer, stdout: made.stdout }, scenario.answer)
        : ({ right: false, found: "nowhere" } as const);
    return {
      madeFor: scenario.id,
      source: made.tool.source,
      name: made.tool.name,
      own,
      validation: {
        loads: made.tool.valid,
        firstTry: made.firstTry,
        repeats: await repeatsItself(options, made),
        answered: uses.filter(({ answer }) => answer !== undefined).length / uses.length,
      },
      uses,
      trajectory: made.trajectory,
    };
  }

  async function solveSet(set: TransferSet): Promise<TransferRecord | Failure> {
    try {
      const tools = [];
      for (const scenario of set.scenarios)
        tools.push(
          await makeTool(
            scenario,
            set.scenarios.filter((other) => other !== scenario),
          ),
        );
      const steps = tools.flatMap((tool) => [...tool.trajectory.steps, ...tool.uses.flatMap((use) => use.steps)]);
      return { id: set.id, rowHash: hashOf(set), tools, cost: costOf(steps) };
    } catch (error) {
      if (error instanceof Interrupted) return error.failure;
      throw error;
    }
  }

  const open = sets.filter(({ id }) => !records.has(id));
  const running = new Map<string, Promise<{ id: string; done: TransferRecord | Failure }>>();
  let failure: Failure | undefined;
  try {
    for (;;) {
      while (running.size < concurrency && open.length > 0 && failure === undefined && !signal?.aborted) {
        const set = open.shift()!;
        running.set(
          set.id,
          solveSet(set).then((done) => ({ id: set.id, done })),
        );
      }
      if (running.size === 0) break;
      const { id, done } = await Promise.race(running.values());
      running.delete(id);
      if (!("tools" in done)) {
        failure ??= done;
        continue;
      }
      await results.append(JSON.stringify(done));
      records.set(id, done);
      yield { type: "set", record: done, done: records.size, total: sets.length };
    }
    const all = sets.flatMap(({ id }) => records.get(id) ?? []);
    const reason =
      all.length === sets.length
        ? "finished"
        : signal?.aborted
          ? "stopped"
          : failure?.code === "BUDGET_EXCEEDED"
            ? "budget_exceeded"
            : "unavailable";
    yield {
      type: "end",
      reason,
      summary: summariseTransfer(all),
      records: all,
      ...(reason === "finished" || failure === undefined ? {} : { failure }),
    };
  } finally {
    stop.abort();
    await Promise.allSettled(running.values());
    await results.close();
  }
}
