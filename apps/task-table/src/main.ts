/** Writes the table into the README of `tasks` from the results that are there. `--run` does the missing runs first, `--workers` at once. */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadStudy, runStudy } from "@cambium/experiments";
import study from "./study.ts";
import { markdownTable, scoresOf } from "./table.ts";

const README = fileURLToPath(new URL("../../../packages/tasks/README.md", import.meta.url));
const MARKS = /(?<=^<!-- table: pnpm task-table -->\n)[\s\S]*?(?=^<!-- \/table -->)/m;

const { run, folder, dry, workers } = parseArgs({
  options: {
    run: { type: "boolean", default: false },
    dry: { type: "boolean", default: false },
    workers: { type: "string", default: "1" },
    folder: { type: "string", default: "runs/task-table" },
  },
}).values;

const stop = new AbortController();
process.on("SIGINT", () => stop.abort());

if (run) {
  for await (const event of runStudy(study, { folder, workers: Number(workers), signal: stop.signal })) {
    if (event.type === "finish") console.log(event.cell, JSON.stringify(event.result), `${event.durationMs} ms`);
  }
}
const table = markdownTable(scoresOf(await loadStudy(study, folder)));
console.log(table);
if (!dry) {
  const page = await readFile(README, "utf8");
  if (!MARKS.test(page)) throw new Error("packages/tasks/README.md: the marks around the table are gone");
  await writeFile(
    README,
    page.replace(MARKS, () => table),
  );
}
