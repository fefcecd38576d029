import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type EvaluationEvent, type EvaluationRecord, runEvaluation, strictGrader } from "@cambium/evaluation";
import { quickjs } from "@cambium/sandbox";
import { creator, openLibrary } from "@cambium/tool-learning";
import { HELP, parseFlags } from "./flags.ts";
import { openModel } from "./model.ts";
import { createPage } from "./page.ts";
import { chooseProblems } from "./problems.ts";

/** What the program sees of the world: tests bring their own. */
export interface World {
  write(line: string): void;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

const STOPPED = 130;

/** A row in a line or two: the question, how it went, the answer. */
function tell({ id, outcome, answer, gold, firstTry, firstOutcome, cost, trajectory }: EvaluationRecord): string {
  const { question } = trajectory.task;
  const mark = outcome === "right" ? "✓" : "✗";
  const said = outcome === "right" ? answer : `${answer ?? outcome}, right is ${gold}`;
  const way = firstTry ? "at the first try" : `after ${firstOutcome}`;
  return `${mark} ${id.padEnd(18)} ${said} (${way}, ${cost.modelCalls} calls)\n    ${question.length > 100 ? `${question.slice(0, 99)}…` : question}`;
}

/** Runs the program; returns its exit code. */
export async function runDemo(args: readonly string[], { write, env, signal }: World): Promise<number> {
  const flags = parseFlags(args);
  if (flags.help) {
    write(HELP.trimEnd());
    return 0;
  }
  const problems = chooseProblems(flags.seed, flags.quick);
  const results = join(flags.out, flags.quick ? "quick" : "results");
  await mkdir(flags.out, { recursive: true });
  const answering = await openModel(flags, env);
  const sandbox = quickjs();
  const library = await openLibrary(join(flags.out, "tools.db"), { sandbox });
  try {
    write(`${problems.length} problems, answered by ${answering.who}\n`);
    const { model } = answering;
    // One after the other, so that a tool made for one question can be offered to the next.
    const run = runEvaluation(
      creator({ model, sandbox, library, sampling: { temperature: 0.3, maxTokens: 1024, seed: flags.seed } }),
      problems,
      {
        grader: strictGrader,
        concurrency: 1,
        results,
        signal,
      },
    );
    let end: Extract<EvaluationEvent, { type: "end" }> | undefined;
    for await (const event of run) {
      if (event.type === "resumed") write(`resuming after ${event.rows} problems that were done before\n`);
      if (event.type === "row") write(tell(event.record));
      if (event.type === "postponed" && event.failure.code !== "CANCELLED")
        write(`  ${event.id}: put off, ${event.failure.message}`);
      if (event.type === "end") end = event;
    }
    const { summary, reason, open, failure } = end!;
    if (reason === "stopped") {
      write(`\nstopped with ${summary.total} of ${problems.length} problems done; the same command resumes`);
      return STOPPED;
    }
    const tools = await library.list();
    const page = join(flags.out, "report.html");
    await writeFile(page, (await createPage(results, tools, answering)).html());
    const right = summary.accuracy["strict"]?.count ?? 0;
    write(
      `\n${right} of ${summary.total} right, ${summary.firstTry.count} at the first try; ${summary.cost.modelCalls} calls, ${summary.cost.sandboxRuns} runs in the sandbox`,
    );
    write(`tools:  ${tools.map(({ name, status }) => `${name} (${status})`).join(", ")}`);
    write(`report: ${page}`);
    if (open === 0) return 0;
    write(`${open} left open: ${failure?.message ?? "see above"}; the same command resumes`);
    return 1;
  } finally {
    await library.close();
    await sandbox.close();
    await answering.close();
  }
}
