import { type JsonSchema, type ScheduledOptions, scheduler } from "@cambium/models";
import { Command } from "commander";
import { type Io, UseError } from "../io.ts";
import { withAdapter, withLanguageModel } from "../models/open-language-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { readInput, showText } from "../models/write-text.ts";
import { addWritingFlags, checkDrawn, type WritingFlags, writingOptions } from "../models/writing-flags.ts";
import { readTextFile } from "../utf8.ts";

interface GenerateFlags extends WritingFlags {
  readonly prompt?: string;
  readonly schema?: string;
}

const EXAMPLE = `
Example:
  $ cambium generate model.gguf --prompt "Once upon a time" --max-tokens 60 --temperature 0.7
Example, a prompt from a file:
  $ cambium generate models/smollm2 --stats < prompt.txt
Example, JSON that fits a schema:
  $ cambium generate model.gguf --prompt "A fruit as JSON: " --schema fruit.json`;

/** The schema in a file. */
function schemaIn(path: string): Exclude<ScheduledOptions["format"], undefined> {
  const text = readTextFile("generate", path);
  try {
    return { schema: JSON.parse(text) as JsonSchema };
  } catch {
    throw new UseError(`generate: ${path} is no JSON`);
  }
}

/** `cambium generate`: a text continued. */
export function generate(io: Io): Command {
  const command = new Command("generate")
    .description("Continue a text. For answers to questions see chat.")
    .argument("<model>", MODEL_ARGUMENT)
    .option("--prompt <text>", "the text (default: what is piped in)")
    .option("--schema <file>", "write JSON that fits the JSON schema in a file");
  return addWritingFlags(command)
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, flags: GenerateFlags) => {
      checkDrawn("generate", flags);
      if (flags.prompt === undefined && io.input.isTTY === true) {
        throw new UseError("generate: give a text by --prompt, or pipe one in");
      }
      const prompt = flags.prompt ?? (await readInput(io, "generate"));
      if (prompt === "") throw new UseError("generate: the text is empty; a model continues at least one word");
      const format = flags.schema === undefined ? {} : { format: schemaIn(flags.schema) };
      await withLanguageModel(io, "generate", name, flags, async (opened) => {
        const shared = scheduler(await withAdapter(opened, flags.adapter), opened.tokenizer, { keptBytes: 0 });
        try {
          await showText(
            io,
            shared.generate(prompt, { ...writingOptions(flags, 0), ...format, signal: io.signal }),
            flags,
          );
        } finally {
          await shared.close();
        }
      });
    });
}
