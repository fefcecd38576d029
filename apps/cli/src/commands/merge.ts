import { existsSync, readdirSync } from "node:fs";
import { disposeParameters } from "@cambium/core";
import { merge as mergeDeltas } from "@cambium/delta";
import { saveModel } from "@cambium/models";
import { Command, Option } from "commander";
import { type Io, UseError } from "../io.ts";
import { withModel } from "../models/open-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";

interface MergeFlags {
  readonly adapter: string;
  readonly labels?: string;
  readonly out: string;
  readonly dtype: "F32" | "F16" | "BF16";
  readonly force?: true;
  readonly json?: true;
}

const EXAMPLE = `
Example:
  $ cambium merge models/minilm --adapter adapters/spam --out models/spam`;

/** `cambium merge`: an adapter's change put into the weights, as a folder that transformers loads. */
export function merge(io: Io): Command {
  return new Command("merge")
    .description("Put an adapter into the weights of its model, and write the whole as a Hugging Face folder.")
    .argument("<model>", MODEL_ARGUMENT)
    .requiredOption("--adapter <folder>", "an adapter of PEFT or saveAdapter")
    .requiredOption("--out <folder>", "where the merged model goes")
    .option("--labels <names>", "labels of the head in their order (default: those of the files)")
    .addOption(new Option("--dtype <type>", "how weights are stored").choices(["F32", "F16", "BF16"]).default("F32"))
    .option("--force", "write into a folder that is not empty")
    .option("--json", "write JSON")
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, { out, dtype, force, json, ...flags }: MergeFlags) => {
      if (force !== true && existsSync(out) && readdirSync(out).length > 0) {
        throw new UseError(`merge: ${out} is not empty; name another folder, or pass --force`);
      }
      await withModel(io, "merge", name, flags, async ({ tuned, tokenizer }) => {
        const merged = mergeDeltas(tuned!);
        try {
          await saveModel(merged, out, { tokenizer, dtype });
        } finally {
          disposeParameters(merged.parameters);
        }
        const { model_type: type } = merged.config;
        if (json) io.out(JSON.stringify({ out, model_type: type, head: merged.head }));
        else io.out(`${type}${merged.head === undefined ? "" : ` with a ${merged.head.kind} head`} in ${out}`);
      });
    });
}
