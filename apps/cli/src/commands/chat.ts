import { writeFileSync } from "node:fs";
import { type ChatMessage, type Scheduler, scheduler } from "@cambium/models";
import { Command } from "commander";
import { talk } from "../chat/talk.ts";
import { type Io, UseError } from "../io.ts";
import { withAdapter, withLanguageModel } from "../models/open-language-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { readInput, showText } from "../models/write-text.ts";
import { addWritingFlags, checkDrawn, type WritingFlags, writingOptions } from "../models/writing-flags.ts";
import { readTextFile } from "../utf8.ts";

interface ChatFlags extends WritingFlags {
  readonly prompt?: string;
  readonly system?: string;
  readonly template?: string;
}

const EXAMPLE = `
Example:
  $ cambium chat model.gguf
Example, one question:
  $ cambium chat model.gguf --system "Answer in one word." --prompt "What is the capital of France?"
Example, a question from a file:
  $ cambium chat hub:HuggingFaceTB/SmolLM2-135M-Instruct --json < question.txt

In the conversation: /reset starts a new conversation, /system <text> sets the system message, /save <file> writes the messages as JSON, /quit or
Ctrl-D leaves. Ctrl-C stops an answer; where none is on its way, twice leaves.`;

function templateText(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  return readTextFile("chat", path);
}

/** `cambium chat`: a conversation with a model, or one answer. */
export function chat(io: Io): Command {
  const command = new Command("chat")
    .description("Talk with a model, by its chat template.")
    .argument("<model>", MODEL_ARGUMENT)
    .option("--prompt <text>", "ask this and leave (default: a conversation, or what is piped in)")
    .option("--system <text>", "the system message")
    .option("--template <file>", "a chat template in Jinja (default: the model's)");
  return addWritingFlags(command)
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, flags: ChatFlags) => {
      checkDrawn("chat", flags);
      const template = templateText(flags.template);
      const isTalk = flags.prompt === undefined && io.input.isTTY === true;
      if (isTalk && flags.json === true)
        throw new UseError("chat: --json needs --prompt, or a question that is piped in");
      const question = isTalk ? undefined : (flags.prompt ?? (await readInput(io, "chat")).trimEnd());
      if (question === "") throw new UseError("chat: the question is empty");
      await withLanguageModel(io, "chat", name, flags, async (opened) => {
        const shared = scheduler(await withAdapter(opened, flags.adapter), opened.tokenizer, { maxBatch: 1 });
        const answer = answering(io, shared, flags, template);
        try {
          const system = flags.system === undefined ? [] : [{ role: "system", content: flags.system }];
          if (question !== undefined) await answer([...system, { role: "user", content: question }], io.signal);
          else await talk(io, { system: flags.system, answer, save: (path, text) => writeFileSync(path, text) });
        } finally {
          await shared.close();
        }
      });
    });
}

/** Answers a conversation and shows it; gives the answer. */
function answering(io: Io, shared: Scheduler, flags: ChatFlags, template: string | undefined) {
  let count = 0;
  const chat = { addGenerationPrompt: true, date: new Date(), ...(template !== undefined && { template }) };
  return async (messages: readonly ChatMessage[], signal: AbortSignal): Promise<string> => {
    const run = shared.generate(messages, { ...writingOptions(flags, count++), chat, signal });
    return (await showText(io, run, flags)).generated.text;
  };
}
