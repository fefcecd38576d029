/**
 * Compiled programs by structure. A number is part of a compiled graph until a program of the same structure comes with
 * another one at that place; from then on the place is fed. Bounded in number and in bytes.
 */
import { backend_util } from "@tensorflow/tfjs-core";
import { type CompiledModel, compileProgram } from "./compile.ts";
import { describeDifference } from "./describe-difference.ts";
import type { NativeRuntime, NativeSession, SessionOptions } from "./native.ts";
import { describeNumber, numberIn, readerOf } from "./numbers.ts";
import type { Program } from "./program.ts";

/** Why a program had to be compiled. */
export interface Compile {
  readonly reason: string;
  readonly nodeCount: number;
  readonly durationMs: number;
}

/** A compiled program. */
export interface CachedSession extends CompiledModel {
  readonly session: NativeSession;
  /** The numbers that are constants in the graph; undefined for those that are fed. */
  readonly numbers: readonly (number | string | undefined)[];
  /** Estimate of what the session holds between runs: its arena, where it has one. */
  readonly sizeBytes: number;
  /** Threads of the session's own pool, which works beside the thread that calls it. */
  readonly poolThreads: number;
}

interface Structure {
  readonly code: Int32Array;
  readonly hash: number;
  /** For each number, whether it has been seen to vary. */
  fed: boolean[];
  session: CachedSession;
}

/** Bounds of the cache. */
export interface CacheLimits {
  /** @default 128 */
  readonly maxSessions: number;
  /** Estimated bytes of all arenas. @default 4 GiB */
  readonly maxBytes: number;
  /**
   * Threads of all sessions' pools: each session that is worth it has a pool of one thread less than `threads`.
   *
   * @default 512, or 16 for each of `threads` where that is more
   */
  readonly maxThreads: number;
}

function equalCodes(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Changes that a reason names. */
const NAMED = 3;

/** What varies, in words: `2 became 3 in Multiply`. */
function describeChanges(
  { numbers, operations }: Program,
  before: CachedSession["numbers"],
  varying: readonly number[],
): string {
  const changes = varying.slice(0, NAMED).map((i) => {
    const number = numbers[i]!;
    return `${before[i]} became ${describeNumber(number)} in ${readerOf(operations, number)}`;
  });
  const more = varying.length > NAMED ? ` and ${varying.length - NAMED} more` : "";
  return `what varies is fed from now on: ${changes.join(", ")}${more}`;
}

/** Programs of at least this many nodes take time to compile … */
const LARGE_PROGRAM = 100;
/** … so that this many of them are worth a word: batches of all lengths that `collate` pads to, in training and in prediction, are fewer. */
const MANY_COMPILES = 40;

/**
 * Arenas of so many bytes together are kept from run to run; a session beyond that works in the process's memory, which it shares with
 * the others: batches of ten lengths would else hold ten times the memory of one. The first session always has an arena.
 */
const ARENA_BYTES = 64 * 2 ** 20;

/** Below this work one thread is faster than waking another. */
const SMALL_WORK = 200_000;

/** Compiled programs, the least recently used evicted first. */
export class SessionCache {
  private readonly runtime: NativeRuntime;
  private readonly limits: CacheLimits;
  private readonly options: SessionOptions;
  /** In order of use, the oldest first. */
  private readonly structures = new Map<Structure, true>();
  private readonly byHash = new Map<number, Structure[]>();
  private totalBytes = 0;
  private totalThreads = 0;
  private largeCompiles = 0;
  /** Whether programs of many sizes are meant, so that nobody has to be told of them. */
  isExpecting = false;
  hits = 0;
  evictions = 0;
  readonly compiles: Compile[] = [];
  compileCount = 0;

  constructor(runtime: NativeRuntime, limits: CacheLimits, options: SessionOptions) {
    this.runtime = runtime;
    this.limits = limits;
    this.options = options;
  }

  get sessionCount(): number {
    return this.structures.size;
  }

  get sizeBytes(): number {
    return this.totalBytes;
  }

  get threadCount(): number {
    return this.totalThreads;
  }

  /** The session that runs `program`, compiled now if there is none. */
  get(program: Program): CachedSession {
    const known = this.byHash.get(program.hash)?.find((structure) => equalCodes(structure.code, program.code));
    if (known === undefined) {
      const fed = program.numbers.map(() => false);
      const structure: Structure = {
        code: program.code,
        hash: program.hash,
        fed,
        session: this.compile(program, fed, describeDifference(program.code, this.knownCodes())),
      };
      this.byHash.set(program.hash, [...(this.byHash.get(program.hash) ?? []), structure]);
      this.structures.set(structure, true);
      this.evict();
      return structure.session;
    }
    this.structures.delete(known);
    this.structures.set(known, true);
    const varying = program.numbers.flatMap((number, i) =>
      known.fed[i] || Object.is(known.session.numbers[i], numberIn(number)) ? [] : [i],
    );
    if (varying.length === 0) {
      this.hits++;
      return known.session;
    }
    const fed = known.fed.map((already, i) => already || varying.includes(i));
    const session = this.compile(program, fed, describeChanges(program, known.session.numbers, varying));
    this.free(known.session);
    known.fed = fed;
    known.session = session;
    this.evict();
    return session;
  }

  private compile(program: Program, fed: readonly boolean[], reason: string): CachedSession {
    const start = performance.now();
    const compiled = compileProgram(program, fed);
    const threads = compiled.work < SMALL_WORK ? 1 : this.options.threads;
    const arena = this.totalBytes === 0 || this.totalBytes + compiled.peakBytes <= ARENA_BYTES;
    const session = this.runtime.createSession(compiled.model, { ...this.options, threads, arena });
    const sizeBytes = compiled.model.length + (arena ? compiled.peakBytes : 0);
    const poolThreads = threads - 1;
    this.totalBytes += sizeBytes;
    this.totalThreads += poolThreads;
    this.compileCount++;
    this.compiles.push({ reason, nodeCount: compiled.nodeCount, durationMs: performance.now() - start });
    if (this.compiles.length > 50) this.compiles.shift();
    if (!this.isExpecting && compiled.nodeCount >= LARGE_PROGRAM && ++this.largeCompiles === MANY_COMPILES)
      backend_util.warn(
        `backend-onnx: ${MANY_COMPILES} large graphs were compiled, the last one because: ${reason}. ` +
          "Pad batches to few lengths, and pass what varies as tensors; backendReport().compiles lists the last compiles.",
      );
    return {
      ...compiled,
      model: new Uint8Array(0),
      session,
      sizeBytes,
      poolThreads,
      numbers: program.numbers.map((number, i) => (fed[i] ? undefined : numberIn(number))),
    };
  }

  private *knownCodes(): Iterable<Int32Array> {
    for (const { code } of this.structures.keys()) yield code;
  }

  private evict(): void {
    const { maxSessions, maxBytes, maxThreads } = this.limits;
    const newest = [...this.structures.keys()].at(-1);
    for (const structure of this.structures.keys()) {
      const isFull = this.structures.size > maxSessions || this.totalBytes > maxBytes;
      if (structure === newest || (!isFull && this.totalThreads <= maxThreads)) return;
      if (!isFull && structure.session.poolThreads === 0) continue; // only threads are too many, and it has none
      this.remove(structure);
      this.evictions++;
    }
  }

  private remove(structure: Structure): void {
    this.structures.delete(structure);
    const rest = this.byHash.get(structure.hash)!.filter((other) => other !== structure);
    if (rest.length === 0) this.byHash.delete(structure.hash);
    else this.byHash.set(structure.hash, rest);
    this.free(structure.session);
  }

  private free({ session, sizeBytes, poolThreads }: CachedSession): void {
    this.totalBytes -= sizeBytes;
    this.totalThreads -= poolThreads;
    session.dispose();
  }

  /** Frees every session. */
  clear(): void {
    for (const structure of [...this.structures.keys()]) this.remove(structure);
  }
}
