import { result } from "@cambium/base";
import { disposeParameters, type Random, random } from "@cambium/core";
import { attach, head, saveAdapter, type Tuned } from "@cambium/delta";
import { collate, type HeadConfig, type LanguageModel } from "@cambium/models";
import { loadSubspace, optimiseInSubspace } from "@cambium/subspace";
import { adamW, batches } from "@cambium/train";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { Command } from "commander";
import { type Io, UseError } from "../io.ts";
import { withModel } from "../models/open-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { openTable, saySkipped } from "../models/table.ts";
import { underHead } from "../models/under-head.ts";
import { parseCount as parseSeed } from "./model-flags.ts";
import { parseCount } from "./parse-count.ts";
import { checkEmpty, methodFolder, readIndex, writeCoordinates } from "./subspace-files.ts";
import { writeOptimiseReport } from "./subspace-report.ts";

interface OptimiseFlags {
  readonly method: string;
  readonly data: string;
  readonly text?: string;
  readonly label?: string;
  readonly steps: number;
  readonly batch: number;
  readonly rate: string;
  readonly seed: number;
  readonly out: string;
  readonly json?: true;
}

const EXAMPLE = `
Example:
  $ cambium subspace optimise models/minilm spaces/texts --method lora --data tickets.csv --out adapters/tickets`;

/** The same deltas under a new head, where the head of the subspace's first task lacks a label. */
function forLabels(
  tuned: Tuned<LanguageModel>,
  labels: readonly string[],
  random: Random,
  made: Tensor[],
): Tuned<LanguageModel> {
  const top = tuned.base.head;
  if (top === undefined || !("labels" in top) || labels.every((label) => top.labels.includes(label))) return tuned;
  const base = underHead(tuned.base, { ...top, labels } as HeadConfig, random, made);
  const own = head(base);
  made.push(...own.parameters.values());
  return attach(base, ...tuned.deltas.filter(({ method }) => method.replaces !== true), own);
}

/** `cambium subspace optimise`: a new task by the coordinates alone. */
export function subspaceOptimise(io: Io): Command {
  return new Command("optimise")
    .description(
      "Tune the coordinates of a subspace on a table, by one method, and write the adapter that they stand for.",
    )
    .argument("<model>", MODEL_ARGUMENT)
    .argument("<space>", "a folder of cambium subspace fit")
    .requiredOption("--method <name>", "the method that decodes")
    .requiredOption("--data <table>", "rows to learn from: CSV, TSV, JSON, JSON lines or Parquet")
    .option("--text <column>", "the column of the texts (default: found)")
    .option("--label <column>", "the column of the labels (default: found)")
    .option("--steps <number>", "steps", parseCount, 200)
    .option("--batch <number>", "rows in a step", parseCount, 16)
    .option("--rate <number>", "learning rate of the coordinates", "0.05")
    .option("--seed <number>", "of the start and the order of the rows", parseSeed, 1)
    .requiredOption("--out <folder>", "where the adapter and its coordinates go")
    .option("--json", "write JSON")
    .addHelpText(
      "after",
      `${EXAMPLE}\nA head that the adapters carry is trained beside the coordinates; for other labels than its own, a new one.`,
    )
    .action(async (name: string, folder: string, flags: OptimiseFlags) => {
      const verb = "subspace optimise";
      const { method, out, steps, batch, seed } = flags;
      const rate = Number(flags.rate);
      if (!(rate > 0 && Number.isFinite(rate)))
        throw new UseError(`${verb}: --rate must be above 0, got ${flags.rate}`);
      const index = await readIndex(verb, folder, method);
      await checkEmpty(verb, out);
      const table = await openTable(verb, flags.data, {
        ...(flags.text !== undefined && { text: flags.text }),
        ...(flags.label !== undefined && { label: flags.label }),
        kind: "classes",
      });
      saySkipped(io, table);
      await withModel(io, verb, name, { adapter: methodFolder(folder, method) }, async ({ tuned, tokenizer }) => {
        const space = await loadSubspace(folder, { [method]: tuned! } as never);
        const made: Tensor[] = [];
        try {
          const model = forLabels(tuned!, table.labels, random(seed).at("head"), made);
          if (model !== tuned) io.error(`a new head for ${table.labels.join(", ")} is trained beside the coordinates`);
          const moved = space.method(method).shapes;
          const rest = [...model.parameters.keys()].filter((key) => !moved.has(key));
          const data = batches(table.rows, collate(model, tokenizer, { maxLength: 128 }) as never, {
            size: batch,
            random: random(seed).at("order"),
          });
          const losses: { step: number; loss: number }[] = [];
          const end = await result(
            optimiseInSubspace(space, method, model as never, data as never, {
              optimiser: adamW({ learningRate: rate, weightDecay: 0 }),
              steps,
              random: random(seed),
              signal: io.signal,
              ...(rest.length > 0 && { full: (key: string) => rest.includes(key) }),
            }),
            (event) => {
              if (event.type !== "step") return;
              losses.push({ step: event.step, loss: event.loss });
              io.live?.(`step ${event.step} of ${steps}, loss ${event.loss.toFixed(3)}`);
            },
          );
          try {
            if (end.reason === "stopped") {
              io.error(`${verb}: stopped after step ${end.step}; nothing was written`);
              return;
            }
            const coordinates = [...end.coordinates["z"]!];
            await saveAdapter(model.with(end.point), out);
            await writeCoordinates(out, { space: index.id, method, coordinates });
            await writeOptimiseReport(out, { method, space: folder, coordinates, losses });
            const loss = losses.at(-1)?.loss ?? Number.NaN;
            if (flags.json === true) io.out(JSON.stringify({ out, method, coordinates, steps: end.step, loss }));
            else
              io.out(
                `${coordinates.length} coordinates, loss ${loss.toFixed(3)} after ${end.step} steps; the adapter is in ${out}`,
              );
          } finally {
            for (const tree of [end.point, end.parameters]) disposeParameters(tree);
          }
        } finally {
          dispose(made);
          space.dispose();
        }
      });
    });
}
