import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Trajectory, trajectoryBlocks } from "@cambium/evaluation";
import * as reports from "@cambium/report";
import { Command } from "commander";
import { type Io, UseError } from "../io.ts";
import { type NamedResults, writeEvaluations } from "./eval-page.ts";
import { readJsonFile } from "./probe-files.ts";
import { probeSections } from "./probe-report.ts";

const EXAMPLE = `
Example, two models beside each other:
  $ cambium tools eval cards --local a.gguf --out runs/a
  $ cambium tools eval cards --local b.gguf --out runs/b
  $ cambium report runs/a runs/b --out runs/both`;

/** What folders hold. */
interface Found {
  readonly evaluations: NamedResults[];
  readonly sections: reports.Section[];
}

/** `cambium report`: what other commands left in folders, on one page. */
export function reportCommand(io: Io): Command {
  return new Command("report")
    .description("Put what other commands left in folders on one page: evaluations, made tools, results of probes.")
    .argument("<folders...>", "folders that tools eval, tools create or commands of probe wrote with --out")
    .option("--out <folder>", "where report.html goes (default: the folder, where there is one)")
    .option("--title <text>", "what stands above it (default: the folders)")
    .option("--json", "write JSON lines")
    .addHelpText("after", EXAMPLE)
    .action(async (folders: readonly string[], flags: ReportFlags) => {
      const { out = folders.length === 1 ? folders[0]! : undefined, title = folders.join(", ") } = flags;
      if (out === undefined) throw new UseError("report: several folders need --out, where report.html goes");
      const found: Found = { evaluations: [], sections: [] };
      for (const folder of folders) await look(folder, found);
      const { evaluations, sections } = found;
      try {
        await mkdir(out, { recursive: true });
      } catch (cause) {
        throw new UseError(`report: --out ${out} cannot be written: ${(cause as Error).message}`);
      }
      const path = join(out, "report.html");
      if (evaluations.length > 0) await writeEvaluations(named(evaluations), out, { title, sections });
      else await writeFile(path, reports.report({ title, sections }).html());
      const counts = { evaluations: evaluations.length, sections: sections.length };
      if (flags.json) io.out(JSON.stringify({ type: "end", report: path, ...counts }));
      else io.out(`report: ${path}`);
    });
}

interface ReportFlags {
  readonly out?: string;
  readonly title?: string;
  readonly json?: true;
}

/** Adds what a folder holds, or what the folders in it hold. */
async function look(folder: string, found: Found): Promise<void> {
  const before = found.evaluations.length + found.sections.length;
  await add(folder, found);
  const isEmpty = (): boolean => found.evaluations.length + found.sections.length === before;
  if (!isEmpty()) return;
  const inner = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  for (const name of inner.map((entry) => entry.name).sort()) await add(join(folder, name), found);
  if (!isEmpty()) return;
  const page = join(folder, "report.html");
  const hint = existsSync(join(folder, "plans"))
    ? "; it is of a study, and study report <module> writes its page"
    : existsSync(page)
      ? `; what wrote it wrote its page too: ${page}`
      : "";
  throw new UseError(`report: ${folder} holds no results of tools eval, tools create or probe${hint}`);
}

async function add(folder: string, { evaluations, sections }: Found): Promise<void> {
  sections.push(...(await probeSections("report", folder)));
  if (existsSync(join(folder, "manifest.json")) && existsSync(join(folder, "rows.jsonl")))
    evaluations.push({ name: basename(folder), folder });
  const path = join(folder, "trajectory.json");
  if (!existsSync(path)) return;
  const trajectory = (await readJsonFile("report", path)) as Partial<Trajectory> | null;
  if (typeof trajectory?.task?.question !== "string" || !Array.isArray(trajectory.steps))
    throw new UseError(`report: ${path} is no trajectory`);
  sections.push({ title: folder, blocks: trajectoryBlocks(trajectory as Trajectory, reports) });
}

/** Where two folders end alike, their whole paths tell them apart. */
function named(evaluations: readonly NamedResults[]): readonly NamedResults[] {
  const isOnce = ({ name }: NamedResults): boolean => evaluations.filter((other) => other.name === name).length === 1;
  return evaluations.map((one) => (isOnce(one) ? one : { ...one, name: one.folder }));
}
