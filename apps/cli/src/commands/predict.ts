import { predictor } from "@cambium/models";
import { Command } from "commander";
import type { Io } from "../io.ts";
import { addOpenFlags, type OpenFlags, withModel } from "../models/open-model.ts";
import { writeResults } from "../models/result-lines.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { INPUT_OPTION, inGroups, readTexts } from "../models/texts.ts";
import { countText } from "./cost-text.ts";

interface PredictFlags extends OpenFlags {
  readonly input?: string;
  readonly out?: string;
  readonly json?: true;
}

const EXAMPLE = `
Example:
  $ cambium predict models/minilm --adapter adapters/spam "you have won"
Example, a file of texts:
  $ cambium predict models/spam --input mails.txt --out predictions.jsonl`;

/** Texts that are predicted before the next are read. */
const GROUP = 256;

/** A prediction for a reader: the best label and its probability, a number, or whatever it is. */
function predictionText(prediction: unknown): string {
  if (typeof prediction === "number") return prediction.toFixed(4);
  const [best] = Array.isArray(prediction) ? (prediction as readonly unknown[]) : [];
  const { label, score } = (best ?? {}) as { readonly label?: unknown; readonly score?: unknown };
  return typeof label === "string" && typeof score === "number"
    ? `${label}  ${score.toFixed(3)}`
    : JSON.stringify(prediction);
}

/** `cambium predict`: what a model's head says of texts. */
export function predict(io: Io): Command {
  const command = new Command("predict")
    .description("Say what a model's head makes of texts: labels with probabilities, or a number.")
    .argument("<model>", MODEL_ARGUMENT)
    .argument("[texts...]", "texts to predict for");
  return addOpenFlags(command)
    .option(...INPUT_OPTION)
    .option("--out <file>", "write JSON lines to a file, which is there when all are done")
    .option("--json", "write JSON lines")
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, texts: readonly string[], flags: PredictFlags) => {
      const rows = readTexts("predict", texts, flags.input);
      const asJson = flags.json === true || flags.out !== undefined;
      let done = 0;
      await withModel("predict", name, flags, async ({ base, tuned, tokenizer }) => {
        const say = predictor(tuned ?? base, tokenizer);
        await writeResults(io, flags.out, async ({ write }) => {
          for await (const group of inGroups(rows, GROUP)) {
            if (io.signal.aborted) return;
            const predictions: readonly unknown[] = await say(group);
            for (const [i, row] of group.entries()) {
              const prediction = predictions[i];
              write(asJson ? JSON.stringify({ ...row, prediction }) : `${predictionText(prediction)}  ${row.text}`);
            }
            done += group.length;
            io.live?.(`${countText(done, "text")} done`);
          }
        });
      });
      if (flags.out !== undefined && !io.signal.aborted) io.error(`${countText(done, "prediction")} in ${flags.out}`);
    });
}
