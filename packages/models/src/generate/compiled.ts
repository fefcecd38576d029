/** The engine over compiled graphs: a token is one call of the runtime, whatever the number of rows before. */
import { CancelledError, ConfigError, ShapeError, StateError } from "@cambium/base";
import type { HostTensor } from "@cambium/core";
import { checkDeltas, checkReadable } from "./check-rows.ts";
import type { BeginOptions, Begun, Decoder, Sequences } from "./decoder.ts";
import { type KeptShape, Memory } from "./memory.ts";
import {
  type DecodedModel,
  keptSites,
  keyName,
  madeName,
  type PassKind,
  type PassProgram,
  passProgram,
  valueName,
  weightsOf,
} from "./programs.ts";

/**
 * Rows of a sequence, and of all sequences together, that are read at once: longer texts are read in parts, so that scores of all pairs of
 * their rows are never there at once.
 */
const MOST_ROWS = 512;
const MOST_TOKENS = 2048;

/** What sequences keep. */
interface Held {
  readonly memory: Memory;
  /** Which delta each wants, where the model tells rows apart. */
  deltas: readonly number[] | undefined;
}

/** The engine for a model; nothing where the backend compiles no such graphs. */
export function compiledDecoder(model: DecodedModel, vocab: number): Decoder | undefined {
  const shapes: KeptShape[] = keptSites(model).map(({ keyHeads, width }) => ({ heads: keyHeads!, dHead: width }));
  const programs = new Map<string, PassProgram>();
  const most = model.architecture.maximumLength(model.config);
  const weights = weightsOf(model);
  const insideOf = new WeakMap<Sequences, Held>();

  function programOf(kind: PassKind): PassProgram | undefined {
    const key = `${kind.isFirst} ${kind.hasDeltas}`;
    const known = programs.get(key);
    if (known?.program.isDisposed === false) {
      known.touch();
      return known;
    }
    const made = passProgram(model, kind);
    if (made !== undefined) programs.set(key, made);
    return made;
  }

  if (programOf({ isFirst: false, hasDeltas: false }) === undefined) return undefined;

  /** One pass over rows of one length or shorter ones, and what it leaves in memory. */
  function pass({ memory, deltas }: Held, rows: readonly (readonly number[])[], isFirst: boolean): Float32Array {
    const [weight] = weights.values();
    if (weight?.isDisposed === true) {
      throw new StateError({ message: "generate: the model's weights have been disposed of" });
    }
    const length = Math.max(...rows.map((row) => row.length));
    const needed = Math.max(...rows.map((row, i) => memory.positions[i]! + row.length));
    if (needed > most) {
      throw new ShapeError({
        message: `generate: the model has positions for ${most} rows, got ${needed}; shorten the texts or the prompt`,
        rows: needed,
      });
    }
    const shape = [rows.length, length];
    const ids = new Int32Array(rows.length * length);
    const mask = new Float32Array(rows.length * length);
    for (const [i, row] of rows.entries()) {
      ids.fill(row[0]!, i * length, (i + 1) * length);
      ids.set(row, i * length);
      mask.fill(1, i * length, i * length + row.length);
    }
    const inputs: Record<string, HostTensor> = { ids: { data: ids, shape }, mask: { data: mask, shape } };
    const hasDeltas = deltas !== undefined;
    if (hasDeltas) inputs["deltas"] = { data: Int32Array.from(deltas), shape: [rows.length] };
    const later = programOf({ isFirst: false, hasDeltas })!;
    const isByItself = isFirst && later.isForLater;
    if (!isByItself) {
      inputs["seen"] = memory.mask();
      inputs["position"] = memory.nextPositions();
      for (const layer of shapes.keys()) {
        const { key, value } = memory.read(layer);
        inputs[keyName(layer)] = key;
        inputs[valueName(layer)] = value;
      }
    }
    const { program } = isByItself ? programOf({ isFirst: true, hasDeltas })! : later;
    const output = program.run(inputs);
    takeUp(memory, output);
    return output["scores"]!.data as Float32Array;
  }

  function takeUp(memory: Memory, output: Readonly<Record<string, HostTensor>>): void {
    const made = shapes.map((_, layer) => ({
      key: output[madeName(keyName(layer))]!,
      value: output[madeName(valueName(layer))]!,
    }));
    const [real, at] = [output["real"]!, output["at"]!];
    const words = real.shape[1]!;
    const front = (made[0]?.key.shape[2] ?? words) - words; // keys that hooks put in front are always seen
    const isReal = memory.lengths.map((_, i) =>
      Array.from({ length: front + words }, (_unused, j) => j < front || real.data[i * words + j - front] !== 0),
    );
    const positions = memory.positions.map((before, i) => {
      let next = before;
      for (let j = i * words; j < (i + 1) * words; j++) if (real.data[j] !== 0) next = Math.max(next, at.data[j]! + 1);
      return next;
    });
    memory.append(made, isReal, positions);
  }

  /** Reads rows behind what is held, in parts where they are long. */
  function readAll(
    held: Held,
    rows: readonly (readonly number[])[],
    isFirst: boolean,
    signal?: AbortSignal,
  ): Float32Array {
    const length = Math.max(...rows.map((row) => row.length));
    const step = Math.max(1, Math.min(MOST_ROWS, Math.floor(MOST_TOKENS / rows.length)));
    if (length <= step) return pass(held, rows, isFirst);
    const scores = new Float32Array(rows.length * vocab);
    const { memory, deltas } = held;
    // Sequences that end in an earlier part leave the pass.
    for (let from = 0; from < length; from += step) {
      if (signal?.aborted === true) throw new CancelledError({ message: "generate: aborted", cause: signal.reason });
      const members = rows.flatMap((row, i) => (row.length > from ? [i] : []));
      const all = members.length === rows.length;
      const part = all ? held : { memory: memory.copy(members), deltas: deltas && members.map((i) => deltas[i]!) };
      const made = pass(
        part,
        members.map((i) => rows[i]!.slice(from, from + step)),
        isFirst && from === 0,
      );
      for (const [place, i] of members.entries()) {
        scores.set(made.subarray(place * vocab, (place + 1) * vocab), i * vocab);
      }
      if (!all) memory.replace(members, part.memory);
    }
    return scores;
  }

  function sequencesOf(held: Held): Sequences {
    const { memory } = held;
    function checkCount(caller: string, what: string, count: number): void {
      if (count === memory.size && count > 0) return;
      throw new ConfigError({
        message: `${caller}: ${what} for each of ${memory.size} sequences is needed, got ${count}`,
      });
    }
    const sequences: Sequences = {
      get size() {
        return memory.size;
      },
      get lengths() {
        return [...memory.positions];
      },
      async read(ids) {
        const rows = Array.from(ids, (id) => [id]);
        checkCount("read", "one id", rows.length);
        checkReadable("read", rows, vocab);
        return pass(held, rows, false);
      },
      async extend(rows) {
        checkCount("extend", "a row of ids", rows.length);
        checkReadable("extend", rows, vocab);
        return readAll(held, rows, false);
      },
      select(order) {
        const strange = order.find((row) => !Number.isInteger(row) || row < 0 || row >= memory.size);
        if (strange !== undefined) {
          throw new ConfigError({
            message: `select: the order must name sequences from 0 to ${memory.size - 1}, got ${strange}`,
          });
        }
        memory.select(order);
        held.deltas = held.deltas && order.map((row) => held.deltas![row]!);
      },
      add(other) {
        if (other === sequences) throw new ConfigError({ message: "add: sequences cannot be added to themselves" });
        const theirs = heldBy(other, "add");
        if (held.deltas !== undefined || theirs.deltas !== undefined) {
          const wanted = ({ deltas, memory: { size } }: Held) => deltas ?? Array<number>(size).fill(-1);
          held.deltas = [...wanted(held), ...wanted(theirs)];
        }
        memory.add(theirs.memory);
        theirs.deltas = undefined;
      },
      fork: () => sequencesOf({ memory: memory.copy([...memory.lengths.keys()], true), deltas: held.deltas }),
      dispose: () => memory.clear(),
    };
    insideOf.set(sequences, held);
    return sequences;
  }

  function heldBy(sequences: Sequences, caller: string): Held {
    const held = insideOf.get(sequences);
    if (held === undefined) throw new ConfigError({ message: `${caller}: the sequences are of another decoder` });
    return held;
  }

  async function begin(rows: readonly (readonly number[])[], options: BeginOptions = {}): Promise<Begun> {
    const { behind, deltas, signal } = options;
    checkReadable("begin", rows, vocab);
    if (deltas !== undefined && deltas.length !== rows.length) {
      throw new ConfigError({ message: `begin: ${rows.length} rows need as many deltas, got ${deltas.length}` });
    }
    if (signal?.aborted === true) throw new CancelledError({ message: "begin: aborted", cause: signal.reason });
    if (behind === undefined) {
      const held: Held = { memory: new Memory(shapes, rows.length), deltas };
      return { scores: readAll(held, rows, true, signal), sequences: sequencesOf(held) };
    }
    const before = heldBy(behind, "begin");
    const { size } = before.memory;
    if (size !== 1 && size !== rows.length) {
      throw new ConfigError({
        message: `begin: ${rows.length} rows stand behind as many sequences or behind one, got ${size}`,
      });
    }
    const order = rows.map((_, i) => (size === 1 ? 0 : i));
    const wanted = order.map((i) => before.deltas?.[i] ?? -1);
    checkDeltas(wanted, deltas);
    const held: Held = {
      memory: before.memory.copy(order),
      deltas: before.deltas === undefined ? undefined : wanted,
    };
    return { scores: readAll(held, rows, false, signal), sequences: sequencesOf(held) };
  }

  return { vocab, begin };
}
