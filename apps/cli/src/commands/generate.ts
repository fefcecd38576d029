import { scheduler } from "@cambium/models";
import { Command } from "commander";
import { type Io, UseError } from "../io.ts";
import { withAdapter, withLanguageModel } from "../models/open-language-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { readInput, showText } from "../models/write-text.ts";
import { addWritingFlags, type WritingFlags, writingOptions } from "../models/writing-flags.ts";

interface GenerateFlags extends WritingFlags {
  readonly prompt?: string;
}

const EXAMPLE = `
Example:
  $ cambium generate model.gguf --prompt "Once upon a time" --max-tokens 60 --temperature 0.7
Example, a prompt from a file:
  $ cambium generate models/smollm2 --stats < prompt.txt`;

/** `cambium generate`: a text continued. */
export function generate(io: Io): Command {
  const command = new Command("generate")
    .description("Continue a text. For answers to questions see chat.")
    .argument("<model>", MODEL_ARGUMENT)
    .option("--prompt <text>", "the text (default: what is piped in)");
  return addWritingFlags(command)
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, flags: GenerateFlags) => {
      if (flags.prompt === undefined && io.input.isTTY === true) {
        throw new UseError("generate: give a text by --prompt, or pipe one in");
      }
      const prompt = flags.prompt ?? (await readInput(io));
      if (prompt === "") throw new UseError("generate: the text is empty; a model continues at least one word");
      await withLanguageModel(io, "generate", name, flags, async (opened) => {
        const shared = scheduler(await withAdapter(opened, flags.adapter), opened.tokenizer, { keptBytes: 0 });
        try {
          await showText(io, shared.generate(prompt, { ...writingOptions(flags, 0), signal: io.signal }), flags);
        } finally {
          await shared.close();
        }
      });
    });
}
