import { align as alignModels } from "@cambium/connectivity";
import { disposeParameters } from "@cambium/core";
import { textTable } from "@cambium/report";
import { Command } from "commander";
import { POINT_ARGUMENT, withPoints } from "../connectivity/open-points.ts";
import type { Io } from "../io.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";

interface AlignFlags {
  readonly out?: string;
  readonly json?: true;
}

const EXAMPLE = `
Example:
  $ cambium align models/minilm adapters/seed-1 adapters/seed-2 --out adapters/seed-2-aligned`;

/** `cambium align`: a tuned model moved onto another one by what changes nothing that it computes. */
export function align(io: Io): Command {
  return new Command("align")
    .description("Undo permutations of neurons, heads, bottlenecks and prefix tokens, and rotations of LoRA's factors.")
    .argument("<model>", MODEL_ARGUMENT)
    .argument("<to>", POINT_ARGUMENT)
    .argument("<moved>", POINT_ARGUMENT)
    .option("--out <folder>", "where the moved one goes")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (model: string, to: string, moved: string, { out, json }: AlignFlags) => {
      await withPoints(io, "align", model, [to, moved], async ({ points, save }) => {
        const [a, b] = points;
        const { parameters, groups, isIdentity } = await alignModels(a!, b!);
        try {
          if (out !== undefined) await save(b!.with(parameters), out);
          if (json === true) {
            io.out(JSON.stringify({ isIdentity, groups, out }));
            return;
          }
          const shown = groups.filter((group) => group.moved > 0);
          if (shown.length > 0) {
            io.out(
              textTable({
                columns: [
                  { name: "group" },
                  { name: "of" },
                  { name: "moved" },
                  { name: "units" },
                  { name: "squared distance gained", digits: 4 },
                ],
                rows: shown.map(({ name, kind, moved: count, size, gain }) => [name, kind, count, size, gain]),
              }),
            );
          }
          io.out(
            groups.length === 0
              ? "nothing of these can be permuted or turned"
              : isIdentity
                ? `nothing moved in ${groups.length} groups: they are aligned already, as tunings of one model usually are`
                : `${shown.length} of ${groups.length} groups moved`,
          );
        } finally {
          disposeParameters(parameters);
        }
      });
    });
}
