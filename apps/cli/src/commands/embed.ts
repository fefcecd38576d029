import { type EmbedOptions, embed as embedTexts } from "@cambium/models";
import { Command } from "commander";
import { type Io, UseError } from "../io.ts";
import { addOpenFlags, type OpenFlags, withModel } from "../models/open-model.ts";
import { writeResults } from "../models/result-lines.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { INPUT_OPTION, inGroups, readTexts } from "../models/texts.ts";
import { countText } from "./cost-text.ts";
import { parseCount } from "./parse-count.ts";

interface EmbedFlags extends OpenFlags {
  readonly input?: string;
  readonly out?: string;
  readonly pooling?: string;
  readonly prompt?: string;
  readonly dimensions?: number;
  readonly normalise?: true;
}

const EXAMPLE = `
Example:
  $ cambium embed models/minilm --normalise "a cat" "a dog"
Example, a file of texts:
  $ cambium embed models/minilm --normalise --input texts.txt --out vectors.jsonl`;

/** Texts that are embedded before the next are read. */
const GROUP = 256;

/** `cambium embed`: one vector for each text. */
export function embed(io: Io): Command {
  const command = new Command("embed")
    .description("Turn texts into vectors: a JSON line with text and vector for each.")
    .argument("<model>", MODEL_ARGUMENT)
    .argument("[texts...]", "texts to embed");
  return addOpenFlags(command)
    .option(...INPUT_OPTION)
    .option("--out <file>", "write to a file, which is there when all are done")
    .option(
      "--pooling <way>",
      "how a text's tokens become one vector, such as mean, cls or last (default: the folder's way)",
    )
    .option("--prompt <name>", "one of the folder's prompts, put in front of every text")
    .option("--dimensions <number>", "numbers of a vector that are kept", parseCount)
    .option("--normalise", "scale vectors to length 1")
    .option("--json", "write JSON lines, as it does anyway")
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, texts: readonly string[], flags: EmbedFlags) => {
      const rows = readTexts(io, "embed", texts, flags.input);
      const cut = { texts: 0, maxLength: 0 };
      const options: EmbedOptions = {
        ...(flags.pooling !== undefined && { pooling: flags.pooling as NonNullable<EmbedOptions["pooling"]> }), // embed checks it
        ...(flags.prompt !== undefined && { prompt: flags.prompt }),
        ...(flags.dimensions !== undefined && { dimensions: flags.dimensions }),
        ...(flags.normalise === true && { normalise: true }),
        onCut({ maxLength }) {
          cut.texts++;
          cut.maxLength = maxLength;
        },
      };
      let done = 0;
      await withModel(io, "embed", name, flags, async ({ base, tuned, tokenizer }) => {
        await writeResults(io, flags.out, async ({ write }) => {
          for await (const group of inGroups(rows, GROUP)) {
            if (io.signal.aborted) return;
            if (group.some(({ pair }) => pair !== undefined)) {
              throw new UseError("embed: a row has a pair; one text becomes one vector");
            }
            const alone = group.map(({ text }) => text);
            const vectors = await embedTexts(tuned ?? base, tokenizer, alone, options);
            for (const [i, text] of alone.entries()) write(JSON.stringify({ text, vector: [...vectors[i]!] }));
            done += group.length;
            io.live?.(`${countText(done, "text")} done`);
          }
        });
      });
      if (cut.texts > 0) {
        io.error(
          `${countText(cut.texts, "text")} of ${done} cut to ${cut.maxLength} tokens: what is behind them is in no vector`,
        );
      }
      if (flags.out !== undefined && !io.signal.aborted) io.error(`${countText(done, "vector")} in ${flags.out}`);
    });
}
