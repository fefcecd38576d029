import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { disposeParameters, random } from "@cambium/core";
import { attach, lora, saveAdapter } from "@cambium/delta";
import { type ConversationRow, chatRow } from "@cambium/llm";
import { type ChatRow, collate, type Tokenizer } from "@cambium/models";
import { expertTrajectories } from "@cambium/toolbox";
import { adamW, batches, linear, train } from "@cambium/train";
import { Command, InvalidArgumentError } from "commander";
import { type Io, UseError } from "../io.ts";
import { addHoldFlags, type HoldFlags, withLanguageModel } from "../models/open-language-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { countText, durationText } from "./cost-text.ts";
import { addKitFlags, type KitFlags } from "./kit-flags.ts";
import { parseCount as parseSeed } from "./model-flags.ts";
import { parseCount, parseFraction } from "./parse-count.ts";

interface TrainFlags extends HoldFlags, KitFlags {
  readonly rows?: string;
  readonly each: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly rank: number;
  readonly rate: number;
  readonly maxLength: number;
  readonly seed: number;
  readonly budget?: number;
  readonly out: string;
  readonly resume?: true;
  readonly json?: true;
}

const EXAMPLE = `
Example, on what the scripted experts of two kits do; stopped by Ctrl-C or its budget, it is resumed by --resume:
  $ cambium tools train model.gguf --frozen as-stored --kits calculator,units --budget minutes=30 --out runs/experts
  $ cambium tools run "How many feet are 3 metres?" --local model.gguf --frozen as-stored --adapter runs/experts/adapter --kits units
Example, on rows that \`trainingRow\` made of trajectories of yours:
  $ cambium tools train model.gguf --rows rows.jsonl --steps 200`;

/** `minutes=30` */
function parseMinutes(text: string): number {
  const [, minutes] = /^\s*minutes\s*=\s*(\d+(?:\.\d+)?)\s*$/.exec(text) ?? [];
  if (minutes !== undefined && Number(minutes) > 0) return Number(minutes);
  throw new InvalidArgumentError("It is written as minutes=30.");
}

/** A conversation, and where it comes from, for messages. */
interface Lesson {
  readonly row: ConversationRow;
  readonly place: string;
}

async function rowsIn(path: string): Promise<readonly Lesson[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new UseError(`tools train: ${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    try {
      return [{ row: JSON.parse(line) as ConversationRow, place: `line ${i + 1} of ${path}` }];
    } catch {
      throw new UseError(`tools train: line ${i + 1} of ${path} is no JSON`);
    }
  });
}

/** What the experts do, in a world of another seed than `tools eval cards` tests by default. */
async function expertRows(io: Io, { kits, each, world }: TrainFlags): Promise<readonly Lesson[]> {
  const rows: Lesson[] = [];
  for await (const { row, task } of expertTrajectories({
    seed: world,
    each,
    ...(kits === undefined ? {} : { kits }),
  })) {
    if (io.signal.aborted) break;
    rows.push({ row, place: `task ${task.id}` });
    io.live?.(`${countText(rows.length, "task")} solved by experts`);
  }
  return rows;
}

/** Rows that are short enough, as the model reads them. */
function readRows(io: Io, lessons: readonly Lesson[], tokenizer: Tokenizer, maxLength: number): readonly ChatRow[] {
  const lengths: number[] = [];
  const kept = lessons.flatMap(({ row, place }): readonly ChatRow[] => {
    const { written, length } = readRow(row, place, tokenizer);
    lengths.push(length);
    return length <= maxLength ? [written] : [];
  });
  const left = lessons.length - kept.length;
  if (left > 0)
    io.error(
      `${countText(left, "row")} of more than ${maxLength} tokens left out; the longest has ${lengths.reduce((most, length) => Math.max(most, length), 0)}`,
    );
  return kept;
}

/** A row as the model reads it, with its tokens. */
function readRow(row: ConversationRow, place: string, tokenizer: Tokenizer): { written: ChatRow; length: number } {
  try {
    const written = chatRow(tokenizer, row, { declarations: "signatures" });
    const { messages, tools } = written;
    const { ids, assistant } = tokenizer.chat(messages, tools === undefined ? {} : { tools });
    if (assistant.includes(true)) return { written, length: ids.length };
  } catch (cause) {
    throw new UseError(`tools train: ${place}: ${(cause as Error).message}`, { cause });
  }
  throw new UseError(`tools train: ${place}: the assistant says nothing in it that could be learnt`);
}

/** `cambium tools train`: a LoRA that learns to call tools. */
export function trainTools(io: Io): Command {
  const command = new Command("train")
    .description("Teach a model to call tools: a LoRA on conversations, those of the scripted experts or yours.")
    .argument("<model>", MODEL_ARGUMENT);
  return addKitFlags(addHoldFlags(command))
    .option(
      "--rows <file>",
      "conversations of yours, as lines of JSON that trainingRow gives (default: the experts' of the kits)",
    )
    .option("--each <number>", "tasks of each kind that the experts solve", parseCount, 8)
    .option("--steps <number>", "steps of the training", parseCount, 200)
    .option("--batch-size <number>", "conversations in a step", parseCount, 4)
    .option("--rank <number>", "rank of the LoRA, on every linear layer", parseCount, 16)
    .option("--rate <number>", "highest learning rate", parseFraction, 1e-3)
    .option("--max-length <number>", "most tokens of a conversation; longer ones are left out", parseCount, 1024)
    .option("--seed <integer>", "seed of the start and the order", parseSeed, 1)
    .option("--budget <limit>", "stop after so much time, such as minutes=30; --resume continues", parseMinutes)
    .option("--out <folder>", "the adapter, and checkpoints until it is done", "runs/tools-train")
    .option("--resume", "continue an unfinished training in --out")
    .option("--json", "write JSON lines: steps, and at last the adapter")
    .addHelpText("after", EXAMPLE)
    .action(async (name: string, flags: TrainFlags) => {
      const { out, resume, rows: file, kits, maxLength, seed, steps, batchSize, rank, rate, budget, json } = flags;
      const [adapter, checkpoint] = [join(out, "adapter"), join(out, "checkpoint")];
      if (existsSync(adapter)) throw new UseError(`tools train: ${adapter} is there already; name another --out`);
      if (existsSync(checkpoint) && !resume)
        throw new UseError(
          `tools train: ${out} holds an unfinished training; continue it by --resume, or name another --out`,
        );
      if (file !== undefined && kits !== undefined)
        throw new UseError("tools train: --rows takes the place of the experts' of --kits; pass one of them");
      const given = file === undefined ? await expertRows(io, flags) : await rowsIn(file);
      if (io.signal.aborted) return;
      await withLanguageModel(io, "tools train", name, flags, async ({ base, tokenizer }) => {
        const rows = readRows(io, given, tokenizer, maxLength);
        if (rows.length === 0) throw new UseError("tools train: no conversation is left to learn from");
        io.error(`${countText(rows.length, "conversation")} to learn from`);
        const late = budget === undefined ? [] : [AbortSignal.timeout(Math.ceil(budget * 60_000))];
        const key = random(seed);
        const tuned = attach(base, lora(base, { rank, alpha: 2 * rank, targets: "all-linear" }, key.at("delta")));
        const toBatch = collate(base, tokenizer, { maxLength });
        const data = batches(rows, toBatch, { size: batchSize, random: key.at("order"), buckets: toBatch.lengthOf });
        const run = train(tuned, data, {
          optimiser: adamW({ learningRate: linear(rate, { warmUp: Math.ceil(steps / 10), steps }), weightDecay: 0 }),
          ...{ steps, clipNorm: 1, random: key.at("dropout"), signal: AbortSignal.any([io.signal, ...late]) },
          checkpoint: { files: checkpoint, every: 20 },
        });
        try {
          let [first, start] = [0, performance.now()];
          for await (const event of run) {
            if (event.type === "step") {
              if (first === 0) [first, start] = [event.step, performance.now()];
              const left = ((performance.now() - start) / Math.max(1, event.step - first)) * (steps - event.step);
              const text = `step ${event.step} of ${steps}, loss ${event.loss.toFixed(3)}${event.step === first ? "" : `, ${durationText(left)} left`}`;
              if (json) io.out(JSON.stringify({ type: "step", step: event.step, loss: event.loss }));
              else if (io.live !== undefined) io.live(text);
              else if (event.step % Math.max(1, Math.round(steps / 20)) === 0 || event.step === steps) io.error(text);
            }
            if (event.type !== "end") continue;
            if (event.reason === "stopped") {
              disposeParameters(event.parameters);
              if (io.signal.aborted) return io.error("tools train: stopped; the same command with --resume continues");
              throw new Error(
                `tools train: the budget of ${budget} minutes is used up at step ${event.step} of ${steps}; the same command with --resume continues`,
              );
            }
            await saveAdapter(tuned.with(event.parameters), adapter);
            disposeParameters(event.parameters);
            if (json) io.out(JSON.stringify({ type: "end", adapter, rows: rows.length, steps }));
            else io.out(`adapter: ${adapter}`);
          }
        } finally {
          disposeParameters(tuned.parameters);
        }
      });
    });
}
