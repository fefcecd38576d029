import { writeFileSync } from "node:fs";
import { freemem, totalmem } from "node:os";
import { targetPage } from "@cambium/delta";
import { countLayout, type HeadConfig, inspectModel, type ModelInspection, modelLayout } from "@cambium/models";
import { Command } from "commander";
import { estimateStep } from "../inspect/estimate-step.ts";
import { countMethods } from "../inspect/method-counts.ts";
import { methodTable, parameterTable, siteTable } from "../inspect/tables.ts";
import { type Io, UseError } from "../io.ts";
import { MODEL_ARGUMENT, modelFiles } from "../models/source.ts";
import { parseCount } from "./parse-count.ts";

interface InspectFlags {
  readonly sites?: true;
  readonly job?: string;
  readonly batch: number;
  readonly seq: number;
  readonly page?: string;
  readonly json?: true;
}

const EXAMPLE = `
Example:
  $ cambium inspect models/minilm --sites
Example, whether LoRA with batches of 16 rows of 128 tokens fits into memory, and how long a step takes here:
  $ cambium inspect models/minilm --job lora --batch 16 --seq 128`;

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20).toLocaleString("en-US")} MiB`;

const storedBytes = ({ stored }: ModelInspection): number =>
  [...stored.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

/** The head that a job trains under: the file's, or the family's own. */
function headFor({ head, architecture }: ModelInspection): HeadConfig {
  if (head !== undefined) return head;
  const kinds = ["causal-lm", "sequence-to-sequence", "sequence-classification"] as const;
  const kind = kinds.find((each) => architecture.heads[each] !== undefined) ?? "sequence-classification";
  return kind === "sequence-classification" ? { kind, labels: ["0", "1"] } : { kind };
}

/** `cambium inspect`: what is in a model, what each method would train, and what a step costs. */
export function inspect(io: Io): Command {
  return new Command("inspect")
    .description("Show a model's parameters, sites, and what each method of tuning would train. Reads no weights.")
    .argument("<model>", MODEL_ARGUMENT)
    .option("--sites", "show every site with its role")
    .option(
      "--job <method>",
      "measure a step of tuning by this method on models of fewer layers, and reckon it for all",
    )
    .option("--batch <number>", "rows in a batch of the job", parseCount, 8)
    .option("--seq <number>", "tokens in a row of the job", parseCount, 64)
    .option("--page <file>", "write an HTML page on which targets of tuning are picked")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, { sites, job, batch, seq, page, json }: InspectFlags, command: Command) => {
      const idle = ["batch", "seq"].find((flag) => command.getOptionValueSource(flag) === "cli");
      if (job === undefined && idle !== undefined)
        throw new UseError(`inspect: --${idle} is about a step of a job; say which by --job`);
      const model = await inspectModel(modelFiles(io, "inspect", name));
      const methods = countMethods(model);
      const method = methods.find((each) => each.method === job);
      if (job !== undefined && method?.trained === undefined) {
        const known = methods.flatMap((each) => (each.trained === undefined ? [] : [each.method]));
        throw new UseError(`inspect: --job "${job}" is no method for this model; there are ${known.join(", ")}`);
      }
      if (job !== undefined) io.error("measuring a step on models of fewer layers");
      const head = headFor(model);
      const cost =
        job === undefined
          ? undefined
          : await estimateStep({ config: model.config, head, method: job, batch, seq }, io.signal);
      if (page !== undefined) {
        const layout = modelLayout(model.config as never, { head, architectures: [model.architecture] });
        writeFileSync(page, targetPage(layout, name));
        io.error(`wrote ${page}`);
      }
      const count = countLayout(model);
      if (json) {
        io.out(
          JSON.stringify({
            config: model.config,
            head: model.head,
            count,
            storedBytes: storedBytes(model),
            parameters: [...model.stored].map(([parameter, stored]) => ({ name: parameter, ...stored })),
            created: model.created,
            unused: model.unused,
            sites: model.sites,
            methods,
            ...(cost !== undefined && { job: { method: job, head, batch, seq, ...cost } }),
          }),
        );
        return;
      }
      const { model_type: type } = model.config;
      const headText = model.head === undefined ? "no head" : `head: ${model.head.kind}`;
      io.out(
        `${type}, ${headText}, ${count.toLocaleString("en-US")} scalars, ${mebibytes(storedBytes(model))} in files`,
      );
      io.out(`\n${parameterTable(model)}`);
      if (sites) io.out(`\n${siteTable(model)}`);
      io.out(`\n${methodTable(methods)}`);
      if (model.unused.length > 0) io.out(`\nnot used: ${model.unused.join(", ")}`);
      if (cost !== undefined) {
        const { stepMs, peakBytes } = cost;
        const fits =
          peakBytes < freemem() ? "fits" : peakBytes < totalmem() ? "fits if other programs make room" : "does not fit";
        io.out(
          `\n${job}, ${batch} x ${seq} tokens, ${head.kind}: about ${stepMs < 1000 ? `${Math.round(stepMs)} ms` : `${(stepMs / 1000).toFixed(1)} s`} a step and ${mebibytes(peakBytes)} of memory at most, of ${mebibytes(totalmem())} here: ${fits}`,
        );
      }
    });
}
