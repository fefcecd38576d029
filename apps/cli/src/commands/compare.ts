import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type JsonObject, sha256 } from "@cambium/base";
import { plan } from "@cambium/delta";
import { type HeadConfig, inspectModel, modelLayout } from "@cambium/models";
import type { TableOptions } from "@cambium/tasks";
import { Command, Option } from "commander";
import { compareMethods } from "../compare/compare.ts";
import type { MethodJob, MethodResult } from "../compare/method-job.ts";
import { CAVEATS, comparisonPage, comparisonText } from "../compare/report.ts";
import { usualRate } from "../finetune/plan.ts";
import { deltaMethods } from "../inspect/delta-methods.ts";
import { type Io, UseError } from "../io.ts";
import { MODEL_ARGUMENT, modelFiles } from "../models/source.ts";
import { openTable, sayTable } from "../models/table.ts";
import { parseCount } from "./parse-count.ts";

interface CompareFlags {
  readonly model: string;
  readonly methods?: string;
  readonly count: number;
  readonly tolerance: number;
  readonly text?: string;
  readonly pair?: string;
  readonly label?: string;
  readonly group?: string;
  readonly kind?: "classes" | "numbers";
  readonly out: string;
  readonly seed: number;
  readonly rates: number;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly maxLength?: number;
  readonly json?: true;
}

const EXAMPLE = `
Example; the same command resumes after Ctrl-C or a crash:
  $ cambium compare tickets.csv --model sapling:bert-4x256 --count 20000 --methods lora,adapter,ia3,prefix`;

const given = <Value extends object>(value: Value): { [Key in keyof Value]: Exclude<Value[Key], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never;

/** `cambium compare`: several methods of tuning on one table, at one budget. */
export function compare(io: Io): Command {
  return new Command("compare")
    .description(
      "Tune a model on a table by several methods that train equally many scalars, and compare what comes of it.",
    )
    .argument("<table>", "a file, or its address")
    .requiredOption("--model <model>", MODEL_ARGUMENT)
    .option("--count <number>", "scalars that each method trains, beside the head", parseCount, 20_000)
    .option("--methods <names>", "methods, by commas (default: every one that comes near to the count)")
    .option("--tolerance <percent>", "how far off the count a method may be, unless --methods names it", parseCount, 10)
    .option("--text <column>", "column of the texts (default: found, and said)")
    .option("--pair <column>", "column of second texts, for pairs")
    .option("--label <column>", "column of classes or numbers (default: found, and said)")
    .option("--group <column>", "column that says which rows belong together: they are not split")
    .addOption(
      new Option("--kind <kind>", "what labels are, where numbers could be either").choices(["classes", "numbers"]),
    )
    .option("--out <folder>", "where results, adapters and the report go", "runs/compare")
    .option("--seed <number>", "seed of the split, the starts and the order", parseCount, 1)
    .option(
      "--rates <number>",
      "learning rates that each method may try, of which the rows to develop by choose; 1: a rule of thumb",
      parseCount,
      3,
    )
    .option("--epochs <number>", "most times through the rows (default: by their number)", parseCount)
    .option("--batch-size <number>", "rows in a step (default: 16)", parseCount)
    .option("--max-length <number>", "most tokens of a row (default: what 99 of 100 rows have)", parseCount)
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (path: string, flags: CompareFlags, command: Command) => {
      if (flags.methods !== undefined && command.getOptionValueSource("tolerance") === "cli")
        throw new UseError("compare: --methods takes what it names, however far off; leave out --tolerance");
      const { model, count, tolerance, out, seed, rates, json, epochs, batchSize, maxLength } = flags;
      const { text, pair, label, group, kind } = flags;
      const tableOptions: TableOptions = given({ text, pair, label, group, kind });
      const table = await openTable("compare", path, tableOptions);
      const say = (line: string): void => (json ? undefined : io.error(line));
      sayTable(io, table, flags);
      const head: HeadConfig =
        table.kind === "classes" ? { kind: "sequence-classification", labels: table.labels } : { kind: "regression" };
      const { config, architecture } = await inspectModel(modelFiles(io, "compare", model));
      const layout = modelLayout(config as never, { head, architectures: [architecture] });
      const { width } = layout.sites.find(({ kind }) => kind === "block")!;
      const { chosen, left } = choose(layout, count, tolerance, flags.methods);
      for (const line of left) say(line);
      const jobs = chosen.map(
        ({ method, settings }): MethodJob => ({
          table: path,
          tableOptions,
          model,
          method,
          settings,
          choices: given({ epochs, batchSize, maxLength }),
          learningRate: usualRate(method, width),
          out: join(out, method),
          seed,
        }),
      );
      const identity = JSON.parse(
        JSON.stringify({
          ...{ count, model, seed, rates, table: path, tableOptions, epochs, batchSize, maxLength },
          rows: sha256(JSON.stringify(table.rows)),
        }),
      ) as JsonObject;
      let results: readonly MethodResult[] | undefined;
      for await (const event of compareMethods(jobs, rates, out, identity, io.signal)) {
        if (event.type === "start")
          say(`${event.method} at ${event.learningRate} (method ${event.place} of ${event.count})`);
        if (event.type === "line" && !json) io.live?.(`${event.method}: ${event.line}`);
        if (event.type === "result" && event.isKept) say(`${event.result.method}: done before`);
        if (event.type === "diverged") {
          left.push(
            `${event.method} is left out: its loss was not finite at any rate that was tried (${event.rates.join(", ")})`,
          );
          say(left.at(-1)!);
        }
        if (event.type === "end") results = event.results;
      }
      if (results === undefined) {
        io.error(`compare: stopped; what is done stands in ${out}, and the same command resumes`);
        return;
      }
      if (results.length === 0) throw new Error(`compare: no method came to an end: ${left.join("; ")}`);
      const page = comparisonPage(
        results,
        `${table.name}: methods that train ${count.toLocaleString("en-US")} scalars`,
        left,
      );
      writeFileSync(join(out, "report.html"), page.html());
      if (json) {
        io.out(JSON.stringify({ out, count, results, left }));
        return;
      }
      io.out(comparisonText(results));
      io.out(CAVEATS);
      io.out(`report: ${join(out, "report.html")}`);
      io.out(`adapters: ${join(out, "METHOD", "rate-RATE", "adapter")}`);
    });
}

/** The methods to compare with their settings, and a line for each that is left out. */
function choose(
  layout: ReturnType<typeof modelLayout>,
  count: number,
  tolerance: number,
  names: string | undefined,
): {
  readonly chosen: readonly { readonly method: string; readonly settings: JsonObject }[];
  readonly left: string[];
} {
  const asked = names?.split(",").map((name) => name.trim());
  const unknown = asked?.find((name) => !deltaMethods.has(name));
  if (unknown !== undefined)
    throw new UseError(`compare: there is no method "${unknown}"; there are ${[...deltaMethods.keys()].join(", ")}`);
  const methods = Object.fromEntries([...deltaMethods].filter(([name]) => asked?.includes(name) ?? name !== "head"));
  const left: string[] = [];
  const chosen = plan(layout, { count, methods: methods as never }).flatMap(
    ({ method, options, trained, difference, note }) => {
      if (options === undefined) {
        if (asked !== undefined) throw new UseError(`compare: ${note}`);
        left.push(`${method} is left out: ${note}`);
        return [];
      }
      if (asked === undefined && Math.abs(difference!) > (tolerance / 100) * count) {
        left.push(`${method} is left out: it would train ${trained!.toLocaleString("en-US")} (${note})`);
        return [];
      }
      return [{ method, settings: JSON.parse(JSON.stringify(options)) as JsonObject }];
    },
  );
  if (chosen.length === 0)
    throw new UseError(`compare: no method comes near to ${count} scalars; name some by --methods`);
  return { chosen, left };
}
