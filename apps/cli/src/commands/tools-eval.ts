import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ChatModel } from "@cambium/llm";
import {
  creator,
  type DemonstrationSet,
  type EvaluationEvent,
  type EvaluationSummary,
  entangled,
  evaluationReport,
  type HintLevel,
  loadResults,
  type Problem,
  paperGrader,
  programOfThought,
  quickjs,
  type ReportedEvaluation,
  runEvaluation,
  runTransfer,
  type Sandbox,
  type Solver,
  strictGrader,
  toolUse,
  trajectoryReport,
  transferReport,
  transferText,
  vanilla,
  withHints,
} from "@cambium/tool-learning";
import { Command, InvalidArgumentError, Option } from "commander";
import { type Io, UseError } from "../io.ts";
import { costText, durationText } from "./cost-text.ts";
import { addModelFlags, type ModelFlags, openModel, parseCount } from "./model-flags.ts";
import {
  DEMONSTRATIONS,
  demonstrationsFor,
  FORMATS,
  type Format,
  loadProblems,
  type ProblemSet,
} from "./problem-sets.ts";

interface EvalFlags extends ModelFlags {
  readonly format?: Format;
  readonly method: readonly string[];
  readonly hints: readonly HintLevel[];
  readonly numbersOnly?: true;
  readonly limit?: number;
  readonly grader: "strict" | "paper";
  readonly concurrency: number;
  readonly sample: number;
  readonly rounds: number;
  readonly faithful?: true;
  readonly thought?: true;
  readonly demonstrations?: string;
  readonly out: string;
  readonly resume?: true;
  readonly json?: true;
}

const EXAMPLE = `
Example, without a key, on problems made from a seed (what the rules get right says nothing about models):
  $ cambium tools eval synthetic:creation --model rules --method creator,pot --out runs/try
Example, on your copy of MATH, stopped at two dollars and gone on with later:
  $ cambium tools eval MATH/test/algebra --numbers-only --model gpt-4o-mini --price 0.15/0.60 --budget usd=2 --out runs/algebra
  $ cambium tools eval MATH/test/algebra --numbers-only --model gpt-4o-mini --price 0.15/0.60 --budget usd=4 --out runs/algebra --resume`;

interface MethodSetup {
  readonly model: ChatModel;
  readonly sandbox: Sandbox;
  readonly sampling: object;
  readonly demonstrations: DemonstrationSet;
  readonly thought: boolean;
  readonly rounds: number;
  readonly faithful: boolean;
}

/** The methods by name. */
const METHODS: Readonly<Record<string, (setup: MethodSetup) => Solver>> = {
  creator: ({ faithful, ...setup }) => creator({ ...setup, mode: faithful ? "faithful" : "extended" }),
  entangled: ({ faithful: _, ...setup }) => entangled(setup),
  pot: ({ faithful: _, ...setup }) => programOfThought({ ...setup, rounds: 0 }),
  "pot-rectified": ({ faithful: _, ...setup }) => programOfThought(setup),
  vanilla: ({ model, sampling, demonstrations, thought }) => vanilla({ model, sampling, demonstrations, thought }),
  "tool-use": ({ model, sampling, thought }) => toolUse({ model, sampling, thought }),
};

function parseList<Name extends string>(known: readonly Name[]): (text: string) => readonly Name[] {
  return (text) => {
    const names = text.split(",").map((name) => name.trim());
    const wrong = names.find((name) => !known.includes(name as Name));
    if (wrong !== undefined) throw new InvalidArgumentError(`"${wrong}" is none of ${known.join(", ")}.`);
    return names as Name[];
  };
}

const PAGE = 200;

/** A run in a line. */
function summaryLine(name: string, { total, accuracy, executionErrors, firstTry, cost }: EvaluationSummary): string {
  const shares = Object.entries(accuracy).map(([grader, { rate, low, high }]) => {
    const [share, from, to] = [rate, low, high].map((value) => (value * 100).toFixed(1));
    return `${grader} ${share} % (${from} to ${to})`;
  });
  return `${name}: ${total} rows, ${shares.join(", ")}, no answer ${executionErrors.count}, first try ${(firstTry.rate * 100).toFixed(1)} %; ${costText(cost)}`;
}

/** Shows how far a run is: a live line on a terminal, else a line for every twentieth of it. */
function showProgress(
  io: Io,
  name: string,
  event: Extract<EvaluationEvent, { type: "row" | "postponed" }>,
  right: number,
): void {
  const { done, total, spent, remainingMs } = event;
  const left = remainingMs === undefined ? "" : `, ${durationText(remainingMs)} left`;
  const text = `${name} ${done}/${total ?? "?"}, ${right} right of this run, ${costText(spent)}${left}`;
  if (event.type === "postponed") io.error(`${name}: row ${event.id} is put off: ${event.failure.message}`);
  else if (io.live !== undefined) io.live(text);
  else if (total === undefined || done === total || done % Math.max(1, Math.round(total / 20)) === 0) io.error(text);
}

interface Run {
  readonly name: string;
  readonly solver: Solver;
  readonly rows: readonly Problem[];
  readonly folder: string;
}

/** Runs one method; returns what is still open. */
async function runOne(
  io: Io,
  { name, solver, rows, folder }: Run,
  flags: EvalFlags,
): Promise<{ open: number; why?: string }> {
  const graders = flags.grader === "paper" ? [paperGrader, strictGrader] : [strictGrader, paperGrader];
  const run = runEvaluation(solver, rows, {
    grader: graders,
    results: folder,
    concurrency: flags.concurrency,
    sample: flags.sample,
    signal: io.signal,
  });
  let right = 0;
  for await (const event of run) {
    if (event.type === "row" && event.record.outcome === "right") right++;
    if (flags.json) io.out(JSON.stringify(forMachines(name, event)));
    else if (event.type === "row" || event.type === "postponed") showProgress(io, name, event, right);
    else if (event.type === "resumed") io.error(`${name}: ${event.rows} rows were done before`);
    if (event.type !== "end") continue;
    if (!flags.json) io.out(summaryLine(name, event.summary));
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

async function writeReport(
  folders: readonly { readonly name: string; readonly folder: string }[],
  out: string,
  title: string,
): Promise<string> {
  const runs: ReportedEvaluation[] = await Promise.all(
    folders.map(async ({ name, folder }) => ({ ...(await loadResults(folder)), name })),
  );
  const isPlumbing = runs.some(
    ({ manifest }) => (manifest.settings as { readonly provider?: string }).provider === "scripted",
  );
  const page = await evaluationReport(runs, {
    title,
    trajectories: PAGE,
    ...(isPlumbing
      ? {
          note: "Rules answered in a model's place: these figures are about the plumbing and say nothing about any model.",
        }
      : {}),
  });
  const path = join(out, "report.html");
  await writeFile(path, page.html());
  for (const run of runs) {
    for (let from = PAGE; from < run.summary.total; from += PAGE) {
      const rest = await trajectoryReport(run, { from, count: PAGE });
      await writeFile(join(out, `trajectories-${run.name}-${from / PAGE + 1}.html`), rest.html());
    }
  }
  return path;
}

async function runTransferSets(
  io: Io,
  set: Extract<ProblemSet, { format: "transfer" }>,
  setup: MethodSetup,
  flags: EvalFlags,
): Promise<{ open: number; why?: string }> {
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
        }),
      );
    else io.out(transferText(event.summary));
    return {
      open: sets.length - event.records.length,
      ...(event.failure === undefined ? {} : { why: event.failure.message }),
    };
  }
  return { open: 0 };
}

/** `cambium tools eval`: methods over a problem set. */
export function evaluate(io: Io): Command {
  return addModelFlags(
    new Command("eval")
      .description("Solve a problem set by one method or several, judge the answers, and write a report.")
      .argument(
        "<set>",
        "a .jsonl or .json file, a folder of them, or synthetic:creation, synthetic:math, synthetic:transfer",
      )
      .addOption(new Option("--format <layout>", "layout of the set (default: by its fields)").choices(FORMATS))
      .option(
        "--method <names>",
        `any of ${Object.keys(METHODS).join(", ")}, with commas between`,
        parseList(Object.keys(METHODS)),
        ["creator"],
      )
      .option(
        "--hints <levels>",
        "any of none, utility, all: what the model is told of a helpful tool",
        parseList(["none", "utility", "all"] as const),
        ["none"],
      )
      .option("--numbers-only", "leave out problems whose answer is no plain number")
      .option("--limit <number>", "only the first so many problems or sets", parseCount),
  )
    .addOption(
      new Option("--grader <name>", "whose judgement counts; both are reported")
        .choices(["strict", "paper"])
        .default("strict"),
    )
    .option("--concurrency <number>", "problems under way at once", parseCount, 4)
    .option("--sample <number>", "number of the repeat; another one gets replies of its own", parseCount, 0)
    .option("--rounds <number>", "repairs at most", parseCount, 3)
    .addOption(
      new Option("--demonstrations <name>", "worked examples in the prompts (default: those for the layout)").choices(
        Object.keys(DEMONSTRATIONS),
      ),
    )
    .option("--thought", "let the model think aloud first")
    .option("--faithful", "CREATOR as published, without our extensions")
    .option("--out <folder>", "results and report.html", "runs/eval")
    .option("--resume", "go on after the results that are in --out")
    .option("--json", "write JSON lines")
    .addHelpText("after", EXAMPLE)
    .action(async (source: string, flags: EvalFlags) => {
      const { format } = flags;
      const set = await loadProblems(source, flags.seed, {
        numbersOnly: flags.numbersOnly ?? false,
        ...(format === undefined ? {} : { format }),
      });
      const { models, model } = await openModel("tools eval", flags);
      const sandbox = quickjs();
      try {
        const demonstrations =
          flags.demonstrations === undefined ? demonstrationsFor(set.format) : DEMONSTRATIONS[flags.demonstrations]!;
        const sampling = { temperature: flags.temperature, maxTokens: flags.maxTokens, seed: flags.seed };
        const setup = {
          model,
          sandbox,
          sampling,
          demonstrations,
          thought: flags.thought ?? false,
          rounds: flags.rounds,
          faithful: flags.faithful ?? false,
        };
        const left =
          set.format === "transfer"
            ? [await refuseOld(flags, ["transfer"], () => runTransferSets(io, set, setup, flags))]
            : await runRows(io, set, setup, flags);
        const open = left.reduce((sum, each) => sum + each.open, 0);
        if (open === 0 || io.signal.aborted) return;
        const why = left.find((each) => each.why !== undefined)?.why;
        throw new Error(
          `tools eval: ${open} ${set.format === "transfer" ? "sets" : "rows"} are open${why === undefined ? "" : `: ${why}`}; the same command with --resume goes on`,
        );
      } finally {
        await sandbox.close();
        await models.close();
      }
    });
}

/** Results are added to on request only. */
async function refuseOld<T>({ out, resume }: EvalFlags, names: readonly string[], work: () => Promise<T>): Promise<T> {
  const old = names.map((name) => join(out, name)).find((folder) => existsSync(join(folder, "manifest.json")));
  if (old !== undefined && !resume)
    throw new UseError(
      `tools eval: ${old} holds results; go on with them by --resume, or name another folder by --out`,
    );
  return work();
}

async function runRows(
  io: Io,
  set: Exclude<ProblemSet, { format: "transfer" }>,
  setup: MethodSetup,
  flags: EvalFlags,
): Promise<readonly { open: number; why?: string }[]> {
  const problems = set.rows.slice(0, flags.limit);
  if (problems.length === 0)
    throw new UseError(
      `tools eval: ${set.name} holds no problems${flags.numbersOnly ? " with a plain number as answer" : ""}`,
    );
  const several = flags.hints.length > 1;
  const rows = flags.hints.flatMap((level) =>
    problems.map((problem) => ({ ...withHints(problem, level), id: several ? `${problem.id}#${level}` : problem.id })),
  );
  const runs = flags.method.map(
    (name): Run => ({ name, solver: METHODS[name]!(setup), rows, folder: join(flags.out, name) }),
  );
  return refuseOld(flags, flags.method, async () => {
    const left = [];
    for (const run of runs) {
      if (io.signal.aborted) break;
      left.push(await runOne(io, run, flags));
    }
    await mkdir(flags.out, { recursive: true });
    const done = runs.filter(({ folder }) => existsSync(join(folder, "manifest.json")));
    const path = await writeReport(done, flags.out, `${set.name}: ${flags.method.join(", ")}`);
    if (flags.json) io.out(JSON.stringify({ type: "report", path }));
    else io.out(`report: ${path}`);
    return left;
  });
}
