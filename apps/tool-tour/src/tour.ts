import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type EvaluationSummary, evaluationReport, loadResults, runEvaluation } from "@cambium/evaluation";
import { perceiver, react } from "@cambium/tool-learning";
import { cardEvaluation, kitIds, type Setting } from "@cambium/toolbox";
import { type Flags, HELP, parseFlags } from "./flags.ts";
import { type Answering, openModel } from "./model.ts";

/** What the program sees of the world: tests bring their own. */
export interface World {
  write(line: string): void;
  readonly signal: AbortSignal;
}

const STOPPED = 130;
const SETTINGS: readonly Setting[] = ["no-tool", "zero-shot", "few-shot"];
const EIGHTEEN = kitIds.filter((id) => id !== "files" && id !== "runCode");
const THREE = ["calculator", "house", "weather"];

const EXPERTS_NOTE =
  "No model took part: the scripted experts that know each task answered in its place, from a server on this machine. Everything around the model is real: prompts, calls, tools, states, judgement. The figures show that it works together; they say nothing about any model.";

const folderOf = ({ out }: Flags, setting: Setting): string => join(out, setting);

/** One setting; its summary, or nothing where it was stopped or rows are left. */
async function runSetting(
  setting: Setting,
  kits: readonly string[],
  flags: Flags,
  { model }: Answering,
  { write, signal }: World,
): Promise<EvaluationSummary | undefined> {
  const agent = {
    planner: react({ turns: 24 }),
    perceiver: perceiver({ characters: 1500 }),
    sampling: { temperature: 0, maxTokens: 256 },
  };
  const cards = await cardEvaluation({ model, setting, kits, seed: flags.seed, each: 1, agent });
  try {
    const { solver, rows, grader } = cards;
    const run = runEvaluation(solver, rows, { grader, results: folderOf(flags, setting), concurrency: 4, signal });
    for await (const event of run) {
      if (event.type === "resumed") write(`${setting}: resuming after ${event.rows} tasks that were done before`);
      if (event.type === "row") {
        const { id, outcome, cost } = event.record;
        write(`${outcome === "right" ? "✓" : "✗"} ${setting.padEnd(9)} ${id.padEnd(26)} ${cost.toolCalls} calls`);
      }
      if (event.type === "postponed" && event.failure.code !== "CANCELLED")
        write(`  ${event.id}: put off, ${event.failure.message}`);
      if (event.type === "end") return event.reason === "finished" ? event.summary : undefined;
    }
    throw new Error("internal: the evaluation ended without an end event");
  } finally {
    await cards.close();
  }
}

/** Solved tasks by kit, a column for each setting. */
function tableLines(summaries: readonly EvaluationSummary[], kits: readonly string[]): string[] {
  const cells = (name: string): string[] =>
    summaries.map(({ groups }) => {
      const found = groups["subject"]?.find((group) => group.name === name);
      return `${found?.accuracy["card"]?.count ?? 0}/${found?.total ?? 0}`;
    });
  const line = (name: string, values: readonly string[]): string =>
    `${name.padEnd(12)}${values.map((value) => value.padStart(11)).join("")}`;
  const all = summaries.map(({ accuracy, total }) => `${accuracy["card"]?.count ?? 0}/${total}`);
  return [line("kit", SETTINGS), ...kits.map((kit) => line(kit, cells(kit))), line("all", all)];
}

async function writeReport(flags: Flags, { who, isExperts }: Answering): Promise<string> {
  const runs = await Promise.all(
    SETTINGS.map(async (setting) => ({ ...(await loadResults(folderOf(flags, setting))), name: setting })),
  );
  const page = await evaluationReport(runs, {
    title: "Eighteen kits of tools, in three settings",
    note: isExperts ? EXPERTS_NOTE : `Answered by ${who}.`,
    trajectories: 60,
  });
  const path = join(flags.out, "report.html");
  await writeFile(path, page.html());
  return path;
}

/** Runs the program; returns its exit code. */
export async function runTour(args: readonly string[], world: World): Promise<number> {
  const { write, signal } = world;
  const flags = parseFlags(args);
  if (flags.help) {
    write(HELP.trimEnd());
    return 0;
  }
  const kits = flags.quick ? THREE : EIGHTEEN;
  await mkdir(flags.out, { recursive: true });
  const answering = await openModel(flags, { seed: flags.seed, kits, each: 1 });
  try {
    write(`${kits.length} kits in ${SETTINGS.length} settings, answered by ${answering.who}\n`);
    const summaries: EvaluationSummary[] = [];
    for (const setting of SETTINGS) {
      const summary = await runSetting(setting, kits, flags, answering, world);
      if (summary === undefined) {
        write(`\n${signal.aborted ? "stopped" : "some tasks are left open"}; the same command resumes`);
        return signal.aborted ? STOPPED : 1;
      }
      summaries.push(summary);
    }
    write(`\n${tableLines(summaries, kits).join("\n")}\n\nreport: ${await writeReport(flags, answering)}`);
    return 0;
  } finally {
    await answering.close();
  }
}
