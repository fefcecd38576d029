/** What the scripted expert does, as rows; and a LoRA that learns them. */
import { appendFile, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { random } from "@cambium/core";
import { attach, lora, type Tuned } from "@cambium/delta";
import { chatRow } from "@cambium/llm";
import { type ChatRow, collate, type LanguageModel, type Tokenizer } from "@cambium/models";
import { expertTrajectories } from "@cambium/toolbox";
import { adamW, batches, linear, train } from "@cambium/train";
import { EXPERT, WRITING } from "./agent.ts";
import type { Opened } from "./model.ts";
import {
  ALPHA,
  BATCH_SIZE,
  type Extent,
  isUnseen,
  LEARNING_RATE,
  MAX_LENGTH,
  OFFERED,
  RANK,
  trainedWorld,
} from "./plan.ts";

/** Rows to learn from. */
export interface Lessons {
  readonly rows: readonly ChatRow[];
  /** Rows that were left out because they are longer than `MAX_LENGTH`. */
  readonly tooLong: number;
}

/** The rows that a seed learns from; a run that starts again finds them in its folder. */
export async function lessonsOf(extent: Extent, tokenizer: Tokenizer, seed: number, scratch: string): Promise<Lessons> {
  const file = join(scratch, "lessons.json");
  const kept = await readFile(file, "utf8").catch(() => undefined);
  if (kept !== undefined) return JSON.parse(kept) as Lessons;
  const text = JSON.stringify(await makeLessons(extent, tokenizer, seed));
  await mkdir(scratch, { recursive: true });
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
  return JSON.parse(text) as Lessons;
}

/** What the experts do with the kits that a seed trains on, in worlds that only training sees. */
async function makeLessons(extent: Extent, tokenizer: Tokenizer, seed: number): Promise<Lessons> {
  const kits = extent.kits.filter((kit) => !isUnseen(extent.kits, kit, seed));
  const found = new Map<string, ChatRow>();
  let tooLong = 0;
  for (let world = 1; world <= extent.worlds; world++) {
    const options = { seed: trainedWorld(seed, world), kits, each: extent.perWorld, offer: OFFERED, agent: EXPERT };
    for await (const { row } of expertTrajectories(options)) {
      const written = chatRow(tokenizer, row, WRITING);
      const text = tokenizer.chat(written.messages);
      if (extent.model !== "tiny" && text.ids.length > MAX_LENGTH) tooLong += 1;
      else found.set(text.text, written); // what two worlds have in common is learnt once
    }
  }
  return { rows: [...found.values()], tooLong };
}

/** Settings of the training. */
export interface LearnOptions {
  readonly seed: number;
  readonly steps: number;
  readonly signal: AbortSignal;
  /** Folder for checkpoints. */
  readonly scratch: string;
  onStep(step: number): void;
}

/** Where the training ended; nothing when it was stopped. */
export interface Learnt {
  readonly tuned: Tuned<LanguageModel>;
  /** Mean loss of the last tenth of the steps. Nats. */
  readonly loss: number;
}

/** Mean loss of the last tenth of the steps; steps that a stop had taken back come twice, and the later counts. */
async function endLoss(file: string, steps: number): Promise<number> {
  const lines = (await readFile(file, "utf8")).trim().split("\n");
  const losses = new Map(lines.map((line) => JSON.parse(line) as [step: number, loss: number]));
  const last = [...losses].filter(([step]) => step > steps - Math.max(1, Math.ceil(steps / 10)));
  return last.reduce((sum, [, loss]) => sum + loss, 0) / last.length;
}

/** Trains a LoRA on the rows. */
export async function learn(
  { model, tokenizer }: Opened,
  rows: readonly ChatRow[],
  { seed, steps, signal, scratch, onStep }: LearnOptions,
): Promise<Learnt | undefined> {
  const key = random(seed);
  const tuned = attach(model, lora(model, { rank: RANK, alpha: ALPHA, targets: "all-linear" }, key.at("delta")));
  const longest = rows.reduce((most, { messages }) => Math.max(most, tokenizer.chat(messages).ids.length), 1);
  const toBatch = collate(model, tokenizer, { maxLength: longest });
  const order = { size: BATCH_SIZE, random: key.at("order"), buckets: toBatch.lengthOf, last: "drop" } as const;
  const run = train(tuned, batches(rows, toBatch, order), {
    optimiser: adamW({
      learningRate: linear(LEARNING_RATE, { warmUp: Math.ceil(steps / 10), steps }),
      weightDecay: 0,
    }),
    steps,
    clipNorm: 1,
    random: key.at("dropout"),
    signal,
    checkpoint: { files: join(scratch, "checkpoint"), every: 5 },
  });
  const lossFile = join(scratch, "losses.jsonl");
  for await (const event of run) {
    if (event.type === "step") {
      await appendFile(lossFile, `${JSON.stringify([event.step, event.loss])}\n`);
      onStep(event.step);
      await setImmediate(); // lets a stop in
    }
    if (event.type !== "end") continue;
    if (event.reason === "stopped") return undefined;
    return { tuned: tuned.with(event.parameters), loss: await endLoss(lossFile, steps) };
  }
  throw new Error("internal: the training run ended without an end event");
}
