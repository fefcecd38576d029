import { disposeParameters } from "@cambium/core";
import { loadAdapter, saveAdapter } from "@cambium/delta";
import { loadSubspace, transfer } from "@cambium/subspace";
import { Command } from "commander";
import type { Io } from "../io.ts";
import { withModel } from "../models/open-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
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
      await readIndex(verb, folder, method);
      const stored = await readCoordinates(verb, from);
      await checkEmpty(verb, out);
      await withModel(io, verb, name, { adapter: methodFolder(folder, method) }, async ({ base, tuned }) => {
        const model = tuned!;
        const space = await loadSubspace(folder, { [method]: model } as never);
        const source = await loadAdapter(base, from);
        try {
          const moved = space.method(method).shapes;
          const decoded = transfer(space, stored.coordinates, method, model);
          const parts = "parts" in source ? source.parts : [source];
          for (const part of parts)
            for (const [key, tensor] of part.parameters) {
              const own = `${part.name}/${key}`;
              if (moved.has(own) || !decoded.has(own)) continue;
              decoded.get(own)!.dispose();
              decoded.set(own, tensor.clone());
            }
          await saveAdapter(model.with(decoded), out);
          disposeParameters(decoded);
          const { coordinates, method: before } = stored;
          await writeTransferReport(out, { from: before, method, space: folder, coordinates });
          if (json === true)
            io.out(JSON.stringify({ out, from: stored.method, method, coordinates: stored.coordinates }));
          else io.out(`from ${stored.method} to ${method}; the adapter is in ${out}`);
        } finally {
          space.dispose();
          for (const tree of [source.parameters, source.buffers, source.state]) disposeParameters(tree);
        }
      });
    });
}
