/**
 * Many calls of one model at a time. All that are on their way share one pass a token: a call joins between two tokens, once its
 * prompt is read, and leaves when its text ends or nobody wants it any more. Prompts are read in parts with tokens of the others in
 * between, so that short ones overtake long ones. `work` is the loop; `prompt-reader.ts` reads, `kept-prefixes.ts` keeps what was read.
 */
import { CancelledError, ConfigError, checkOptions, StateError } from "@cambium/base";
import type { ChatOptions } from "../chat/chat.ts";
import { constraintOf, type Format } from "../format/format.ts";
import { checkDeltaNumbers } from "../generate/check-rows.ts";
import type { Constraint } from "../generate/constraint.ts";
import type { Sequences } from "../generate/decoder.ts";
import type { GenerateEvent } from "../generate/generate.ts";
import { generationDefaults } from "../generate/generation-config.ts";
import { checkStops } from "../generate/job.ts";
import { nextTurn } from "../generate/next-turn.ts";
import { openDecoder } from "../generate/open-decoder.ts";
import { keptSites } from "../generate/programs.ts";
import { type Prompt, promptIds } from "../generate/prompts.ts";
import { createRow, type Generated, type Row } from "../generate/row.ts";
import { DECODING_KEYS, type DecodingOptions, decodingOf } from "../generate/settings.ts";
import type { RunnableModel } from "../runnable.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { type EventQueue, eventQueue } from "./event-queue.ts";
import { keptPrefixes } from "./kept-prefixes.ts";
import { type MarkedFormat, markedConstraint } from "./marked.ts";
import { type PromptReader, promptReader } from "./prompt-reader.ts";

/** Settings of `scheduler`. */
export interface SchedulerOptions {
  /** Most texts that are written at a time. @default 16 */
  readonly maxBatch?: number;
  /** Most calls that wait for their turn; one more is refused. @default 64 */
  readonly maxWaiting?: number;
  /** Most tokens of a prompt and its text together; longer prompts are refused, texts end as "length". @default what the model has positions for */
  readonly maxLength?: number;
  /** Tokens of prompts that are read between two tokens of the texts on their way. @default 128 */
  readonly promptPart?: number;
  /** Bytes that begins of prompts may take which are kept for later calls, such as system prompts; 0 keeps none. @default 268435456 */
  readonly keptBytes?: number;
}

/** Settings of a call. */
export interface ScheduledOptions extends Omit<DecodingOptions, "beams" | "lengthPenalty" | "earlyStopping"> {
  /** How conversations are written. @default with what begins an answer at their end */
  readonly chat?: ChatOptions;
  /** A form that the text must have, as `generate` has it. @default any */
  readonly format?: Format;
  /** A form that parts of the text must have, those between two marks; in place of `format`. Strings of `stop` end no such part. @default none */
  readonly marked?: MarkedFormat;
  /** Which delta of a mixed model (`perRow`) writes it, −1 for none. @default none */
  readonly delta?: number;
  /** Aborting it ends the text as "aborted", with what there is of it. */
  readonly signal?: AbortSignal;
}

/** Calls and bytes at one time. */
export interface Load {
  /** Texts that are being written, or whose prompts are being read. */
  readonly running: number;
  readonly waiting: number;
  /** Bytes of begins that are kept. */
  readonly keptBytes: number;
}

/** Many calls of one model at a time. */
export interface Scheduler {
  /**
   * As `generate`, in turn with the other calls. Leaving the loop frees its place.
   *
   * @throws {ConfigError} As `generate`, and for a prompt that leaves no room within `maxLength`.
   * @throws {StateError} When `maxWaiting` calls wait already: `details.maxWaiting` says so.
   * @throws {CancelledError} When the scheduler is closed.
   */
  generate(prompt: Prompt, options?: ScheduledOptions): AsyncGenerator<GenerateEvent, Generated, undefined>;
  readonly load: Load;
  /** Takes no more calls; resolves when those under way have ended, and what was kept is let go of. */
  close(): Promise<void>;
}

/** One call. */
interface Job {
  readonly ids: readonly number[];
  readonly delta: number | undefined;
  readonly events: EventQueue<GenerateEvent>;
  /** Its text, once it is known how much its begin was cached. */
  start(cached: number, position: number): Row;
  isWanted(): boolean;
}

/** A call whose prompt is being read, or is next. */
interface Reading {
  readonly job: Job;
  /** Once it has begun. */
  reader: PromptReader | undefined;
}

/** A call whose text is on its way. */
interface Open {
  readonly job: Job;
  readonly row: Row;
  /** The id that is read next. */
  readonly id: number;
  /** Ids of the prompt and the text that were read. */
  readonly read: number;
}

/** Turns of the event loop between two passes: a call that comes over a new connection is heard after three. */
const TURNS = 3;

const isOfSearches = (key: string): key is "beams" | "lengthPenalty" | "earlyStopping" =>
  ["beams", "lengthPenalty", "earlyStopping"].includes(key);

const jobKeys = [
  ...DECODING_KEYS.filter((key) => !isOfSearches(key)),
  "chat",
  "format",
  "marked",
  "delta",
  "signal",
] as const;

const wholeNumbers: Readonly<Record<keyof SchedulerOptions, number>> = {
  maxBatch: 1,
  maxWaiting: 0,
  maxLength: 2,
  promptPart: 1,
  keptBytes: 0,
};

function checkSettings(options: SchedulerOptions): void {
  checkOptions("scheduler", options, Object.keys(wholeNumbers) as (keyof SchedulerOptions)[]);
  for (const [key, least] of Object.entries(wholeNumbers)) {
    const value = options[key as keyof SchedulerOptions];
    if (value === undefined || (Number.isSafeInteger(value) && value >= least)) continue;
    throw new ConfigError({ message: `scheduler: ${key} must be a whole number from ${least}, got ${value}` });
  }
}

/** Bytes that a begin of so many tokens takes: keys and values of each attention in float32, and its scores. */
function sizeOfBegin(model: RunnableModel, vocab: number): (tokens: number) => number {
  const row = keptSites(model).reduce((sum, { keyHeads = 0, width }) => sum + 2 * 4 * keyHeads * width, 0);
  return (tokens) => row * tokens + 4 * (vocab + tokens);
}

/**
 * Runs many calls of a model at a time, one pass a token for all of them.
 *
 * Each text is what `generate` makes of its prompt alone, but for rounding. Begins that prompts share are read once and kept: the
 * end of each prompt, for the next turn of its conversation, and the place where two prompts part. Calls are taken in the order in
 * which they come. Nothing runs while there are none.
 *
 * @param model - With a causal-lm or sequence-to-sequence head; with deltas, and with `perRow` different ones for each call.
 * @throws {ConfigError} For a model that cannot generate, and values out of range.
 * @example
 * const shared = scheduler(model, tokenizer, { maxBatch: 8 });
 * const texts = await Promise.all(questions.map((question) => result(shared.generate(question, { maxTokens: 64 }))));
 * await shared.close();
 */
export function scheduler(model: RunnableModel, tokenizer: Tokenizer, options: SchedulerOptions = {}): Scheduler {
  checkSettings(options);
  const { maxBatch = 16, maxWaiting = 64, maxLength, promptPart = 128, keptBytes = 2 ** 28 } = options;
  const decoder = openDecoder("scheduler", model);
  const kept = keptPrefixes(keptBytes, sizeOfBegin(model, decoder.vocab));
  const isWhole = model.head?.kind === "sequence-to-sequence";
  let waiting: Job[] = [];
  /** In the order in which they came. */
  let readings: readonly Reading[] = [];
  let batch: Sequences | undefined;
  let open: readonly Open[] = [];
  let isClosed = false;
  let working: Promise<void> = Promise.resolve();
  let isAtWork = false;

  /** Keeps what one text alone has read, for the next turn of its conversation; of several it would have to be copied. */
  function letGo(sequences: Sequences, [only, ...others]: readonly Open[]): void {
    const ids = only?.row.result && [...only.job.ids, ...only.row.result.ids];
    if (ids === undefined || others.length > 0 || isWhole || ids.length < only!.read) {
      sequences.dispose(); // several, or one that nobody wants any more
      return;
    }
    const read = ids.slice(0, only!.read);
    if (kept.isWanted(read, only!.job.delta)) {
      kept.add({ ids: read, delta: only!.job.delta, sequences, scores: undefined });
    } else sequences.dispose();
  }

  /** Leaves those that go on in the batch. */
  function keepOpen(left: readonly { readonly at: number; readonly open: Open }[]): void {
    const next = withoutGaps(left);
    if (next.length === 0) {
      if (batch !== undefined) letGo(batch, open);
      batch = undefined;
    } else if (next.length < open.length) batch!.select(next.map(({ at }) => at));
    open = next.map((each) => each.open);
  }

  /** Ends the calls that nobody wants any more. */
  function dropUnwanted(): void {
    const unwanted = waiting.filter((job) => !job.isWanted());
    waiting = waiting.filter((job) => job.isWanted());
    for (const job of unwanted) end(job, job.start(0, job.ids.length));
    for (const reading of readings.filter(({ job }) => !job.isWanted())) {
      const { job, reader } = reading;
      leave(reading);
      end(job, job.start(reader?.cached ?? 0, job.ids.length));
    }
    if (open.every(({ job }) => job.isWanted())) return;
    const gone = open.filter(({ job }) => !job.isWanted());
    keepOpen(open.flatMap((each, at) => (each.job.isWanted() ? [{ at, open: each }] : [])));
    for (const { job, row } of gone) end(job, row);
  }

  /** Chooses a call's next id by scores; nothing when its text has ended. */
  function take({ job, row, read }: Omit<Open, "id">, scores: Float32Array): Open | undefined {
    try {
      const { pieces, id } = row.take(scores);
      for (const piece of pieces) job.events.push({ type: "piece", ...piece });
      if (id !== undefined) return { job, row, id, read };
      job.events.push({ type: "end", text: "", generated: row.result! });
      job.events.end();
    } catch (error) {
      job.events.fail(error);
    }
    return undefined;
  }

  /** Takes a call from those whose prompts are read, with what was read. */
  function leave(reading: Reading): void {
    readings = readings.filter((each) => each !== reading);
    reading.reader?.dispose();
  }

  /** Reads so many tokens of a prompt at most, and puts the call into the batch once it is read; how many it took. */
  async function readPart(reading: Reading, most: number): Promise<number> {
    const { job } = reading;
    reading.reader ??= promptReader(decoder, kept, { ...job, isWhole });
    const { reader } = reading;
    const before = reader.left;
    try {
      if (before > 0) await reader.read(most);
    } catch (error) {
      leave(reading);
      job.events.fail(error);
      return Math.max(1, before - reader.left);
    }
    if (reader.left === 0) {
      readings = readings.filter((each) => each !== reading);
      join(job, reader);
    }
    return Math.max(1, before - reader.left);
  }

  /**
   * Reads parts of prompts, and puts the calls into the batch whose prompts are read. The oldest gets half of what may be read, the
   * others what is left of it, the shortest first: nobody waits for a long prompt with a short one.
   */
  async function readPrompts(): Promise<void> {
    for (let left = promptPart, isFirst = true; left > 0; isFirst = false) {
      while (open.length + readings.length < maxBatch && waiting.length > 0) {
        readings = [...readings, { job: waiting.shift()!, reader: undefined }];
      }
      const [oldest, ...others] = readings;
      if (oldest === undefined) return;
      if (isFirst && others.length > 0) {
        left -= await readPart(oldest, Math.ceil(promptPart / 2));
        continue;
      }
      const leftOf = ({ job, reader }: Reading): number => reader?.left ?? job.ids.length;
      const shortest = readings.reduce((best, each) => (leftOf(each) < leftOf(best) ? each : best));
      left -= await readPart(shortest, left);
    }
  }

  function join(job: Job, reader: PromptReader): void {
    const { sequences, scores } = reader.take();
    const row = job.start(reader.cached, sequences.lengths[0]!);
    const taken = take({ job, row, read: job.ids.length }, scores);
    if (taken === undefined) {
      sequences.dispose();
      return;
    }
    if (batch === undefined) batch = sequences;
    else batch.add(sequences);
    open = [...open, taken];
  }

  /** One token for each text on its way. */
  async function step(): Promise<void> {
    let scores: Float32Array;
    try {
      scores = await batch!.read(open.map(({ id }) => id));
      open = open.map((each) => ({ ...each, read: each.read + 1 }));
    } catch (error) {
      const failed = open;
      batch?.dispose();
      batch = undefined;
      open = [];
      for (const { job } of failed) job.events.fail(error);
      return;
    }
    const { vocab } = decoder;
    keepOpen(
      open.flatMap((each, at) => {
        const taken = take(each, scores.subarray(at * vocab, (at + 1) * vocab));
        return taken === undefined ? [] : [{ at, open: taken }];
      }),
    );
  }

  /** Ends all calls with an error that is none of theirs. */
  function failAll(error: unknown): void {
    const failed = [...waiting, ...[...readings, ...open].map(({ job }) => job)];
    waiting = [];
    for (const reading of readings) leave(reading);
    batch?.dispose();
    batch = undefined;
    open = [];
    for (const { events } of failed) events.fail(error);
  }

  async function work(): Promise<void> {
    try {
      while (waiting.length + readings.length + open.length > 0) {
        for (let turn = 0; turn < TURNS; turn++) await nextTurn();
        dropUnwanted();
        await readPrompts();
        if (open.length > 0) await step();
      }
    } catch (error) {
      failAll(error);
    }
    isAtWork = false;
  }

  function enqueue(job: Job): void {
    const running = open.length + readings.length;
    if (running + waiting.length >= maxBatch + maxWaiting) {
      throw new StateError({
        message: `scheduler: ${maxBatch} texts are on their way and ${maxWaiting} calls wait already; call again later`,
        maxWaiting,
      });
    }
    waiting.push(job);
    if (isAtWork) return;
    isAtWork = true;
    working = work();
  }

  /** What a text must be like. */
  function constraintFor(
    caller: string,
    {
      format,
      marked,
      continues,
    }: { readonly format: Format | undefined; readonly marked: MarkedFormat | undefined; readonly continues: boolean },
  ): Constraint | undefined {
    const size = decoder.vocab;
    if (format !== undefined && marked !== undefined) {
      throw new ConfigError({
        message: `${caller}: format is of the whole text, marked of parts of it; pass one of them`,
      });
    }
    if (marked !== undefined) return markedConstraint(caller, marked, { tokenizer, size });
    return format === undefined ? undefined : constraintOf(caller, format, { tokenizer, size, continues });
  }

  async function* generate(
    prompt: Prompt,
    scheduled: ScheduledOptions = {},
  ): AsyncGenerator<GenerateEvent, Generated, undefined> {
    checkOptions("scheduler.generate", scheduled, jobKeys);
    const { chat, format, marked, delta, signal, fileDefaults = true, ...settings } = scheduled;
    if (isClosed) throw new CancelledError({ message: "scheduler: it is closed" });
    const caller = "generate";
    checkDeltaNumbers(caller, model, delta === undefined ? undefined : [delta]);
    checkStops(caller, format, settings.stop);
    const decoding = decodingOf(caller, settings, generationDefaults(caller, model.config, tokenizer, fileDefaults));
    const { ids, continues } = promptIds(caller, model, tokenizer, prompt, {
      vocab: decoder.vocab,
      chat,
      ...(maxLength !== undefined && { room: maxLength }),
    });
    const constraint = constraintFor(caller, { format, marked, continues });
    const events = eventQueue<GenerateEvent>();
    const most = model.architecture.maximumLength(model.config);
    const longest = Math.min(decoding.maxLength, maxLength ?? Number.POSITIVE_INFINITY);
    let isLeft = false;
    const job: Job = {
      ids,
      delta,
      events,
      isWanted: () => !isLeft && signal?.aborted !== true,
      start: (cached, position) =>
        createRow({
          caller,
          tokenizer,
          decoding,
          ids: isWhole ? [(model.config as unknown as { decoder_start_token_id: number }).decoder_start_token_id] : ids,
          usage: { prompt: ids.length, cached },
          random: decoding.random?.at(0),
          room: Math.max(1, Math.min(most - position + 1, longest - ids.length)),
          continues,
          constraint,
        }),
    };
    enqueue(job);
    try {
      for (;;) {
        const event = await events.next();
        if (event === undefined) throw new StateError({ message: "internal: a call without an end" });
        yield event;
        if (event.type === "end") return event.generated;
      }
    } finally {
      isLeft = true;
    }
  }

  return {
    generate,
    get load() {
      const running = open.length + readings.length;
      return { running, waiting: waiting.length, keptBytes: kept.sizeBytes };
    },
    async close() {
      isClosed = true;
      await working;
      kept.dispose();
    },
  };
}

/** Those that are left of a batch, in an order in which few of them move: those behind fill the gaps. */
function withoutGaps<T extends { readonly at: number }>(left: readonly T[]): readonly T[] {
  const behind = left.filter(({ at }) => at >= left.length);
  const places = new Map(left.map((each) => [each.at, each]));
  return left.map((_, place) => places.get(place) ?? behind.shift()!);
}

/** Ends a call from outside. */
function end(job: Job, row: Row): void {
  for (const piece of row.abort()) job.events.push({ type: "piece", ...piece });
  job.events.push({ type: "end", text: "", generated: row.result! });
  job.events.end();
}
