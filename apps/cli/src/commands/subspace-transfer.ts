import { disposeParameters, random } from "@cambium/core";
import { attach, type Delta, loadAdapter, type Stack, saveAdapter } from "@cambium/delta";
import { loadSubspace, transfer } from "@cambium/subspace";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { Command } from "commander";
import type { Io } from "../io.ts";
import { withModel } from "../models/open-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { underHeadOf } from "../models/under-head.ts";
import { checkEmpty, methodFolder, readCoordinates, readIndex } from "./subspace-files.ts";
import { writeTransferReport } from "./subspace-report.ts";

interface TransferFlags {
  readonly from: string;
  readonly method: string;
  readonly out: string;
  readonly json?: true;
}

const EXAMPLE = `
Example:
  $ cambium subspace transfer models/minilm spaces/texts --from adapters/tickets --method ia3 --out adapters/tickets-ia3`;

/** `cambium subspace transfer`: coordinates that one method found, decoded by another. */
export function subspaceTransfer(io: Io): Command {
  return new Command("transfer")
    .description("Decode coordinates by another method: its adapter, without any training.")
    .argument("<model>", MODEL_ARGUMENT)
    .argument("<space>", "a folder of cambium subspace fit")
    .requiredOption("--from <folder>", "what cambium subspace optimise wrote")
    .requiredOption("--method <name>", "the method that decodes")
    .requiredOption("--out <folder>", "where the adapter goes")
    .option("--json", "write JSON")
    .addHelpText("after", `${EXAMPLE}\nA head is taken from where the coordinates are.`)
    .action(async (name: string, folder: string, { from, method, out, json }: TransferFlags) => {
      const verb = "subspace transfer";
      const index = await readIndex(verb, folder, method);
      const stored = await readCoordinates(verb, from, index);
      await checkEmpty(verb, out);
      await withModel(io, verb, name, { adapter: methodFolder(folder, method) }, async ({ base, tuned }) => {
        const model = tuned!;
        const space = await loadSubspace(folder, { [method]: model } as never);
        const made: Tensor[] = [];
        let source: Delta | Stack | undefined;
        try {
          const own = await underHeadOf(base, from, random(0), made);
          source = await loadAdapter(own, from);
          const heads = (list: readonly Delta[], isHead: boolean): readonly Delta[] =>
            list.filter(({ method: of }) => (of.replaces === true) === isHead);
          const carried = heads("parts" in source ? source.parts : [source], true);
          const top = carried.length > 0 ? carried : heads(model.deltas, true);
          const receiver = attach(own, ...heads(model.deltas, false), ...top);
          const decoded = transfer(space, stored.coordinates, method, receiver);
          await saveAdapter(receiver.with(decoded), out);
          disposeParameters(decoded);
          const { coordinates, method: before } = stored;
          await writeTransferReport(out, { from: before, method, space: folder, coordinates });
          if (json === true)
            io.out(JSON.stringify({ out, from: stored.method, method, coordinates: stored.coordinates }));
          else io.out(`from ${stored.method} to ${method}; the adapter is in ${out}`);
        } finally {
          space.dispose();
          if (source !== undefined)
            for (const tree of [source.parameters, source.buffers, source.state]) disposeParameters(tree);
          dispose(made);
        }
      });
    });
}
