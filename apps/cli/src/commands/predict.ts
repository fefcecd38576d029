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
  readonly text?: string;
  readonly pair?: string;
  readonly out?: string;
  readonly json?: true;
}

const EXAMPLE = `
Example:
  $ cambium predict models/minilm --adapter adapters/spam "you have won"
Example, a file of texts:
  $ cambium predict models/spam --input mails.csv --out predictions.jsonl`;

/** Texts that are predicted before the next are read. */
const GROUP = 256;

/** A prediction for a reader: the best label and its probability, a number, pieces of the text, or whatever it is. */
function predictionText(prediction: unknown): string {
  if (typeof prediction === "number") return prediction.toFixed(4);
  if (!Array.isArray(prediction)) return JSON.stringify(prediction);
  const found = prediction as readonly { label?: unknown; score?: unknown; word?: unknown; text?: unknown }[];
  const shown = found.map(({ label, score, word, text }) => {
    const what = [word ?? text, label].filter((part) => typeof part === "string").join(": ");
    return typeof score === "number" && what !== "" ? `${what}  ${score.toFixed(3)}` : undefined;
  });
  if (shown.includes(undefined)) return JSON.stringify(prediction);
  const isOfPlaces = found.some(({ word }) => typeof word === "string");
  return isOfPlaces || shown.length === 0 ? shown.join(", ") || "nothing" : shown[0]!;
}

/** `cambium predict`: what a model's head says of texts. */
export function predict(io: Io): Command {
  const command = new Command("predict")
    .description("Say what a model's head makes of texts: labels with probabilities, or a number.")
    .argument("<model>", MODEL_ARGUMENT)
    .argument("[texts...]", "texts to predict for");
  return addOpenFlags(command)
    .option(...INPUT_OPTION)
    .option("--text <column>", "of a table: the column of the texts (default: found)")
    .option("--pair <column>", "of a table: the column of the second texts (default: found)")
    .option("--out <file>", "write JSON lines to a file, which is there when all are done")
    .option("--json", "write JSON lines")
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, texts: readonly string[], flags: PredictFlags) => {
      const columns = {
        ...(flags.text !== undefined && { text: flags.text }),
        ...(flags.pair !== undefined && { pair: flags.pair }),
      };
      const rows = readTexts(io, "predict", texts, flags.input, columns);
      const asJson = flags.json === true || flags.out !== undefined;
      let done = 0;
      await withModel(io, "predict", name, flags, async ({ base, tuned, tokenizer }) => {
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
        const { cutTexts, cutTokens } = say.report();
        if (cutTexts > 0) {
          io.error(`${countText(cutTexts, "text")} of ${done} cut: ${countText(cutTokens, "token")} were not read`);
        }
      });
      if (flags.out !== undefined && !io.signal.aborted) io.error(`${countText(done, "prediction")} in ${flags.out}`);
    });
}
