import { existsSync } from "node:fs";
import { join } from "node:path";
import type { TableOptions } from "@cambium/tasks";
import { Command, Option } from "commander";
import type { Findings } from "../finetune/findings.ts";
import { type FinetuneEvent, finetune as runFinetune } from "../finetune/finetune.ts";
import { instructions } from "../finetune/instructions.ts";
import { type Io, UseError } from "../io.ts";
import { type FrozenForm, frozenOption, frozenSetting } from "../models/frozen.ts";
import { MODEL_ARGUMENT, modelFiles, modelPath } from "../models/source.ts";
import { openTable, sayTable } from "../models/table.ts";
import { countText, durationText } from "./cost-text.ts";
import { parseCount, parseFraction } from "./parse-count.ts";

interface FinetuneFlags {
  readonly model: string;
  readonly text?: string;
  readonly pair?: string;
  readonly label?: string;
  readonly group?: string;
  readonly kind?: "classes" | "numbers";
  readonly delimiter?: string;
  readonly encoding?: string;
  readonly out: string;
  readonly seed: number;
  readonly method?: "lora" | "head" | "whole";
  readonly rate?: number;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly maxLength?: number;
  readonly frozen?: FrozenForm;
  readonly restart?: true;
  readonly force?: true;
  readonly json?: true;
}

const EXAMPLE = `
Example, with the model that ships with Cambium; the same command resumes after Ctrl-C or a crash:
  $ cambium finetune tickets.csv --model sapling:bert-4x256
Example, naming columns:
  $ cambium finetune reviews.tsv --model hub:sentence-transformers/all-MiniLM-L6-v2 --text body --label stars --kind classes`;

/** Without the keys that are undefined. */
const given = <Value extends object>(value: Value): { [Key in keyof Value]: Exclude<Value[Key], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never;

/** `cambium finetune`: from a table to a tuned model and a report. */
export function finetune(io: Io): Command {
  return new Command("finetune")
    .description("Tune a model on a table of labelled texts: CSV, TSV, JSON, JSON lines or Parquet.")
    .argument("<table>", "a file, or its address")
    .requiredOption("--model <model>", MODEL_ARGUMENT)
    .option("--text <column>", "column of the texts (default: found, and said)")
    .option("--pair <column>", "column of second texts, for pairs")
    .option("--label <column>", "column of classes or numbers (default: found, and said)")
    .option("--group <column>", "column that says which rows belong together: they are not split")
    .addOption(
      new Option("--kind <kind>", "what labels are, where numbers could be either").choices(["classes", "numbers"]),
    )
    .option("--delimiter <sign>", "what stands between fields (default: found)")
    .option("--encoding <name>", "encoding of the file (default: UTF-8)")
    .option("--out <folder>", "where the adapter and the report go", "runs/finetune")
    .option("--seed <number>", "seed of the split, the start and the order", parseCount, 1)
    .addOption(new Option("--method <method>", "what is trained (default: lora)").choices(["lora", "head", "whole"]))
    .option("--rate <number>", "highest learning rate (default: by the model's width)", parseFraction)
    .option("--epochs <number>", "most times through the rows (default: by their number)", parseCount)
    .option("--batch-size <number>", "rows in a step (default: 16)", parseCount)
    .option("--max-length <number>", "most tokens of a row (default: what 99 of 100 rows have)", parseCount)
    .addOption(frozenOption())
    .option("--restart", "begin again where an unfinished run stands in the folder")
    .option("--force", "write over a finished run in the folder")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (path: string, flags: FinetuneFlags) => {
      const { out, model, json } = flags;
      if (existsSync(join(out, "finetune.json")) && flags.force !== true) {
        throw new UseError(`finetune: ${out} holds a finished run; name another --out, or pass --force`);
      }
      const { text, pair, label, group, kind, delimiter, encoding } = flags;
      const tableOptions: TableOptions = given({ text, pair, label, group, kind, delimiter, encoding });
      const table = await openTable("finetune", path, tableOptions);
      sayTable(io, table, flags);
      const { method, rate, epochs, batchSize, maxLength, frozen, restart, seed } = flags;
      const run = runFinetune(table, {
        ...given({ method, learningRate: rate, epochs, batchSize, maxLength, restart }),
        ...frozenSetting(frozen),
        model: modelFiles(io, "finetune", model),
        modelName: modelPath(model),
        out,
        seed,
        signal: io.signal,
      });
      let findings: Findings | undefined;
      for await (const event of run) {
        if (event.type === "end") findings = event.findings;
        show(io, event, json === true);
      }
      if (findings === undefined) {
        io.error(`finetune: stopped with a checkpoint in ${join(out, "unfinished")}; the same command resumes`);
        return;
      }
      if (json)
        io.out(JSON.stringify({ out, test: findings.metrics, baselines: findings.baselines, best: findings.best }));
      else for (const line of finished(findings, model, out)) io.out(line);
    });
}

function show(io: Io, event: FinetuneEvent, isQuiet: boolean): void {
  if (isQuiet) return;
  if (event.type === "note") io.error(event.message);
  if (event.type === "step") {
    io.live?.(
      `step ${event.step} of at most ${event.steps}  loss ${event.loss.toFixed(3)}  ${durationText(event.remainingMs)} left at most`,
    );
  }
  if (event.type === "evaluation") {
    const shown = Object.entries(event.metrics).map(([name, value]) => `${name} ${value.toFixed(3)}`);
    io.error(`step ${event.step}: ${shown.join("  ")}`);
  }
}

function finished(findings: Findings, model: string, out: string): string[] {
  const { metrics, baselines, parts } = findings;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const results =
    findings.table.kind === "classes"
      ? [
          ...baselines.map(
            ({ name, accuracy, macroF1 }) => `  ${name}: accuracy ${percent(accuracy)}, macro F1 ${macroF1.toFixed(3)}`,
          ),
          `  tuned model: accuracy ${percent(metrics["accuracy"]!)}, macro F1 ${metrics["macroF1"]!.toFixed(3)}`,
        ]
      : [
          `  ${Object.entries(metrics)
            .map(([name, value]) => `${name} ${value.toFixed(4)}`)
            .join(", ")}`,
        ];
  return [
    `On ${countText(parts.test.length, "row")} that were never seen:`,
    ...results,
    `adapter: ${join(out, "adapter")}`,
    `report:  ${join(out, "report.html")}`,
    ...instructions(findings, model, out),
  ];
}
