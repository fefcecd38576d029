import { result } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { saveAdapter } from "@cambium/delta";
import { collate } from "@cambium/models";
import { loadSubspace, optimiseInSubspace } from "@cambium/subspace";
import { adamW, batches } from "@cambium/train";
import { Command } from "commander";
import { type Io, UseError } from "../io.ts";
import { withModel } from "../models/open-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { openTable, saySkipped } from "../models/table.ts";
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
    .option("--seed <number>", "of the start and the order of the rows", (text) => Number(text), 1)
    .requiredOption("--out <folder>", "where the adapter and its coordinates go")
    .option("--json", "write JSON")
    .addHelpText("after", `${EXAMPLE}\nA head that the adapters carry is trained beside the coordinates.`)
    .action(async (name: string, folder: string, flags: OptimiseFlags) => {
      const verb = "subspace optimise";
      const { method, out, steps, batch, seed } = flags;
      const rate = Number(flags.rate);
      if (!(rate > 0 && Number.isFinite(rate)))
        throw new UseError(`${verb}: --rate must be above 0, got ${flags.rate}`);
      if (!Number.isSafeInteger(seed) || seed < 0) throw new UseError(`${verb}: --seed must be an integer from 0`);
      await readIndex(verb, folder, method);
      await checkEmpty(verb, out);
      const table = await openTable(verb, flags.data, {
        ...(flags.text !== undefined && { text: flags.text }),
        ...(flags.label !== undefined && { label: flags.label }),
      });
      saySkipped(io, table);
      await withModel(io, verb, name, { adapter: methodFolder(folder, method) }, async ({ tuned, tokenizer }) => {
        const model = tuned!;
        const space = await loadSubspace(folder, { [method]: model } as never);
        try {
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
            if (end.reason === "stopped") return;
            const coordinates = [...end.coordinates["z"]!];
            await saveAdapter(model.with(end.point), out);
            await writeCoordinates(out, { method, coordinates });
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
          space.dispose();
        }
      });
    });
}
