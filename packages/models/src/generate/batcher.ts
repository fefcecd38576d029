/**
 * Calls that come at any time share the passes of one model: who comes joins the running batch behind its next step, who ends leaves
 * it. One loop runs while there is anyone; each call waits for its own events.
 */
import { CancelledError, ConfigError, checkOptions } from "@cambium/base";
import type { RunnableModel } from "../runnable.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { Sequences } from "./decoder.ts";
import type { GenerateEvent, GenerateOptions } from "./generate.ts";
import { type Job, prepare, SHARED_KEYS } from "./job.ts";
import { nextTurn } from "./next-turn.ts";
import { openDecoder } from "./open-decoder.ts";
import type { Prompt } from "./prompts.ts";
import { createRow, type Generated, type Row } from "./row.ts";
import { readFront, type Started } from "./run.ts";

/** Settings of `batcher`. */
export interface BatcherOptions {
  /** Texts that are on their way at a time; others wait, in the order of their calls. @default 8 */
  readonly size?: number;
}

/** Generates texts for callers that share the passes of a model. */
export interface Batcher {
  /**
   * As `generate`, beside other calls; a search by beams is refused. Its text is what `generate` gives, but for rounding.
   *
   * @throws {ConfigError} As `generate`.
   * @throws {CancelledError} When the batcher was closed before the text ended.
   */
  generate(prompt: Prompt, options?: GenerateOptions): AsyncGenerator<GenerateEvent, Generated, undefined>;
  /** Texts that are on their way. */
  readonly running: number;
  /** Calls that wait for a place. */
  readonly waiting: number;
  /** Ends all calls with an error. */
  close(): void;
}

/** One call. */
interface Call {
  readonly job: Job;
  readonly delta: number | undefined;
  readonly signal: AbortSignal | undefined;
  row: Row | undefined;
  /** Whether whoever called has left. */
  isLeft: boolean;
  /** What the caller has not taken yet. */
  readonly events: GenerateEvent[];
  error: unknown;
  wake(): void;
}

/** A call that takes part in the next step. */
interface Open {
  readonly call: Call;
  /** What is read of it next. */
  readonly id: number;
}

/**
 * A batcher for a model.
 *
 * @throws {ConfigError} For a model that cannot generate, and an option that does not exist or is out of range.
 * @example
 * const shared = batcher(model, tokenizer, { size: 16 });
 * for await (const piece of shared.generate(messages, { signal })) response.write(piece.text); // in each request
 */
export function batcher(model: RunnableModel, tokenizer: Tokenizer, options: BatcherOptions = {}): Batcher {
  checkOptions("batcher", options, ["size"]);
  const { size = 8 } = options;
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new ConfigError({ message: `batcher: size must be a whole number from 1, got ${size}`, size });
  }
  const decoder = openDecoder("batcher", model);
  const live = new Set<Call>();
  const waiting: Call[] = [];
  let open: Open[] = [];
  let joining = 0;
  let isRunning = false;
  let isClosed = false;

  function fail(call: Call, error: unknown): void {
    call.error = error ?? new CancelledError({ message: "batcher: failed without an error" });
    call.wake();
  }

  /** Gives a call what a row says; tells what it reads next. */
  function tell(call: Call, { pieces, id }: ReturnType<Row["take"]>): Open[] {
    for (const piece of pieces) call.events.push({ type: "piece", ...piece });
    const generated = call.row!.result;
    if (generated !== undefined) call.events.push({ type: "end", text: "", generated });
    call.wake();
    return id === undefined ? [] : [{ call, id }];
  }

  /** A call's next id by its scores. What is wrong with one is no matter of the others. */
  function step(call: Call, scores: Float32Array): Open[] {
    if (isClosed || call.isLeft) return [];
    try {
      return tell(call, call.signal?.aborted === true ? { pieces: call.row!.abort() } : call.row!.take(scores));
    } catch (error) {
      fail(call, error);
      return [];
    }
  }

  /** Reads prompts; if that fails for several, each by itself, so that each has its own error. */
  async function read(
    calls: readonly Call[],
  ): Promise<{ readonly started: Started; readonly calls: readonly Call[] }[]> {
    const hasDeltas = calls.some(({ delta }) => delta !== undefined);
    try {
      const started = await readFront(decoder, {
        rows: calls.map(({ job }) => job.rows[0]!),
        prefix: calls[0]!.job.prefix,
        deltas: hasDeltas ? calls.map(({ delta = -1 }) => delta) : undefined,
      });
      return [{ started, calls }];
    } catch (error) {
      if (calls.length === 1) {
        fail(calls[0]!, error);
        return [];
      }
    }
    const alone: { readonly started: Started; readonly calls: readonly Call[] }[] = [];
    for (const call of calls) alone.push(...(await read([call])));
    return alone;
  }

  /** Takes in those that wait; gives their sequences. */
  async function admit(): Promise<{ readonly sequences: Sequences; readonly open: Open[] }[]> {
    const calls = waiting.splice(0, size - open.length).filter(({ isLeft }) => !isLeft);
    joining = calls.length;
    const together = calls.filter(({ job }) => job.prefix === undefined);
    const groups = [
      ...(together.length > 0 ? [together] : []),
      ...calls.filter(({ job }) => job.prefix !== undefined).map((call) => [call]),
    ];
    const admitted: { readonly sequences: Sequences; readonly open: Open[] }[] = [];
    for (const group of groups) {
      for (const { started, calls: members } of await read(group)) {
        const { sequences, scores } = started;
        const { lengths } = sequences;
        const next = members.map((call, at) => {
          call.row = createRow(call.job.start(0, lengths[at]!));
          return step(call, scores.subarray(at * decoder.vocab, (at + 1) * decoder.vocab));
        });
        if (keep(sequences, next)) admitted.push({ sequences, open: next.flat() });
      }
    }
    joining = 0;
    return admitted;
  }

  async function run(): Promise<void> {
    let sequences: Sequences | undefined;
    try {
      while (!isClosed && (open.length > 0 || waiting.length > 0)) {
        await nextTurn(); // calls of one moment begin together
        for (const more of await admit()) {
          if (sequences === undefined) sequences = more.sequences;
          else sequences.add(more.sequences);
          open = [...open, ...more.open];
        }
        if (open.length === 0 || sequences === undefined) continue;
        const scores: Float32Array = await sequences.read(open.map(({ id }) => id));
        const next = open.map(({ call }, at) =>
          step(call, scores.subarray(at * decoder.vocab, (at + 1) * decoder.vocab)),
        );
        open = next.flat();
        if (!keep(sequences, next)) sequences = undefined;
      }
    } catch (error) {
      for (const { call } of open) fail(call, error);
    } finally {
      sequences?.dispose();
      open = [];
      isRunning = false;
      if (!isClosed && waiting.length > 0) start();
    }
  }

  function start(): void {
    if (isRunning) return;
    isRunning = true;
    void run();
  }

  async function* generate(
    prompt: Prompt,
    given: GenerateOptions = {},
  ): AsyncGenerator<GenerateEvent, Generated, undefined> {
    checkOptions("generate", given, [...SHARED_KEYS, "delta"]);
    const { delta, ...rest } = given;
    const job = prepare("generate", model, tokenizer, [prompt], rest);
    if (job.decoding.beams > 1) {
      throw new ConfigError({
        message: "generate: a search by beams does not share passes; run it by itself, without a batcher",
      });
    }
    let wake = (): void => {};
    const call: Call = {
      job,
      delta,
      signal: rest.signal,
      row: undefined,
      isLeft: false,
      events: [],
      error: undefined,
      wake: () => wake(),
    };
    const onAbort = (): void => {
      const at = waiting.indexOf(call);
      if (at === -1) return; // it is on its way, and ends with the next step
      waiting.splice(at, 1);
      call.row = createRow(job.start(0, 0));
      tell(call, { pieces: call.row.abort() });
    };
    live.add(call);
    waiting.push(call);
    if (call.signal?.aborted === true) onAbort();
    else call.signal?.addEventListener("abort", onAbort);
    start();
    try {
      for (;;) {
        if (isClosed) throw new CancelledError({ message: "generate: the batcher was closed" });
        const event = call.events.shift();
        if (event !== undefined) {
          yield event;
          if (event.type === "end") return event.generated;
          continue;
        }
        if (call.error !== undefined) throw call.error;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      call.isLeft = true;
      live.delete(call);
      call.signal?.removeEventListener("abort", onAbort);
    }
  }

  return {
    generate,
    get running() {
      return open.length + joining;
    },
    get waiting() {
      return waiting.filter(({ isLeft }) => !isLeft).length;
    },
    close() {
      isClosed = true;
      waiting.length = 0;
      for (const call of live) call.wake();
    },
  };
}

/** Keeps the sequences whose call reads on; tells whether there are any. */
function keep(sequences: Sequences, next: readonly (readonly Open[])[]): boolean {
  const kept = next.flatMap((each, at) => (each.length > 0 ? [at] : []));
  if (kept.length === 0) sequences.dispose();
  else if (kept.length < next.length) sequences.select(kept);
  return kept.length > 0;
}
