import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  type EvaluationEvent,
  type EvaluationOptions,
  type EvaluationSummary,
  type Task as EvaluationTask,
  type Grader,
  paperGrader,
  type Row,
  runEvaluation,
  type Solver,
  strictGrader,
} from "@cambium/evaluation";
import { byHints, type Task, withHints } from "@cambium/tool-learning";
import { type Io, UseError } from "../io.ts";
import { costText, countText, durationText } from "./cost-text.ts";
import { type EvalFlags, type Left, refuseOld } from "./eval-flags.ts";
import { METHODS, type MethodSetup } from "./eval-methods.ts";
import { writeEvaluations } from "./eval-page.ts";
import type { ProblemSet } from "./problem-sets.ts";

/** A run in a line. */
function summaryLine(name: string, { total, accuracy, executionErrors, firstTry, cost }: EvaluationSummary): string {
  const shares = Object.entries(accuracy).map(([grader, { rate, low, high }]) => {
    const [share, from, to] = [rate, low, high].map((value) => (value * 100).toFixed(1));
    return `${grader} ${share} % (${from} to ${to})`;
  });
  return `${name}: ${countText(total, "row")}, ${shares.join(", ")}, no answer ${executionErrors.count}, first try ${(firstTry.rate * 100).toFixed(1)} %; ${costText(cost)}`;
}

/** Shows how far a run is: a live line on a terminal, else a line for every twentieth of it. */
function showProgress(io: Io, name: string, event: Extract<EvaluationEvent, { type: "row" }>, right: number): void {
  const { done, total, spent, remainingMs } = event;
  const left = remainingMs === undefined ? "" : `, ${durationText(remainingMs)} left`;
  const text = `${name} ${done}/${total ?? "?"}, ${right} right of this run, ${costText(spent)}${left}`;
  if (io.live !== undefined) io.live(text);
  else if (total === undefined || done === total || done % Math.max(1, Math.round(total / 20)) === 0) io.error(text);
}

/** A method over rows, and where its results go. */
export interface Run<Asked extends EvaluationTask> {
  readonly name: string;
  readonly solver: Solver<Asked>;
  readonly rows: readonly Row<Asked>[];
  readonly graders: readonly Grader[];
  readonly groups?: EvaluationOptions<Asked>["groups"];
  readonly folder: string;
}

/** Runs of any tasks. */
// biome-ignore lint/suspicious/noExplicitAny: a list of runs may hold tasks of several types, which only `any` is compatible with
type AnyRun = Run<any>;

/** Runs one method; returns what is still open. */
async function runOne<Asked extends EvaluationTask>(
  io: Io,
  { name, solver, rows, graders, groups, folder }: Run<Asked>,
  flags: EvalFlags,
): Promise<Left> {
  const run = runEvaluation(solver, rows, {
    grader: graders,
    results: folder,
    concurrency: flags.concurrency,
    sample: flags.sample,
    signal: io.signal,
    ...(groups === undefined ? {} : { groups }),
  });
  let right = 0;
  const reasons = new Set<string>(); // why rows were put off: each is printed once
  for await (const event of run) {
    if (event.type === "row" && event.record.outcome === "right") right++;
    if (flags.json) io.out(JSON.stringify(forMachines(name, event)));
    else if (event.type === "row") showProgress(io, name, event, right);
    else if (event.type === "postponed" && !io.signal.aborted && !reasons.has(event.failure.message)) {
      io.error(`${name}: row ${event.id} is put off: ${event.failure.message}`);
      reasons.add(event.failure.message);
    } else if (event.type === "resumed") io.error(`${name}: ${countText(event.rows, "row")} done before`);
    if (event.type !== "end") continue;
    if (!flags.json) io.out(summaryLine(name, event.summary));
    if (event.reason === "stopped" && !flags.json)
      io.error(`${name}: stopped; the same command with --resume continues`);
    return { open: event.open ?? 0, ...(event.failure === undefined ? {} : { why: event.failure.message }) };
  }
  return { open: 0 };
}

/** An event without trajectories: those are in the results. */
function forMachines(method: string, event: EvaluationEvent): object {
  if (event.type !== "row") return { method, ...event };
  const { record, ...progress } = event;
  const { trajectory: _, ...row } = record;
  return { method, ...progress, record: row };
}

/** Runs every method over the rows, and writes a report. */
export async function runRows(
  io: Io,
  set: Exclude<ProblemSet, { format: "transfer" }>,
  setup: MethodSetup,
  flags: EvalFlags,
): Promise<readonly Left[]> {
  const problems = set.rows.slice(0, flags.limit);
  if (problems.length === 0)
    throw new UseError(
      `tools eval: ${set.name} holds no problems${flags.numbersOnly ? " with a plain number as answer" : ""}`,
    );
  const several = flags.hints.length > 1;
  const rows = flags.hints.flatMap((level) =>
    problems.map((problem) => ({ ...withHints(problem, level), id: several ? `${problem.id}#${level}` : problem.id })),
  );
  const graders = flags.grader === "paper" ? [paperGrader, strictGrader] : [strictGrader, paperGrader];
  const runs = flags.method.map(
    (name): Run<Task> => ({
      ...{ name, solver: METHODS[name]!(setup), rows, graders, groups: { hints: byHints } },
      folder: join(flags.out, name),
    }),
  );
  refuseOld(flags, flags.method);
  return runAll(io, `${set.name}: ${flags.method.join(", ")}`, runs, flags);
}

/** Does the runs one after the other, and writes their report. */
export async function runAll(
  io: Io,
  title: string,
  runs: readonly AnyRun[],
  flags: EvalFlags,
): Promise<readonly Left[]> {
  const left: Left[] = [];
  for (const run of runs) {
    if (io.signal.aborted) break;
    left.push(await runOne(io, run, flags));
  }
  await mkdir(flags.out, { recursive: true });
  const done = runs.filter(({ folder }) => existsSync(join(folder, "manifest.json")));
  const path = await writeEvaluations(done, flags.out, { title });
  if (flags.json) io.out(JSON.stringify({ type: "report", path }));
  else io.out(`report: ${path}`);
  return left;
}
