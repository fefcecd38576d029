/**
 * The part of Python's pickle that dictionaries of tensors are written in.
 *
 * A pickle is a program for a machine with a stack. This machine knows the instructions that such dictionaries need, makes plain values
 * of them, and has no way to run anything: a name of Python's is a value like a string, and only the caller's table says what a call of
 * one gives. Everything else is an error that names the instruction or the name.
 *
 * @see CPython, Lib/pickletools.py; protocols 2 to 5.
 */
import type { FormatError } from "@cambium/base";

/** A name of Python's, such as `torch._utils._rebuild_tensor_v2`: never looked up, only compared. */
export class Global {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** A tuple or a list. */
export class Sequence {
  readonly items: unknown[];
  readonly isTuple: boolean;

  constructor(items: unknown[], isTuple: boolean) {
    this.items = items;
    this.isTuple = isTuple;
  }
}

/** What a machine may do beside its instructions. */
export interface PickleRules {
  /** Throws unless the name may stand in the pickle. */
  allow(name: string): void;
  /** What a call gives. */
  call(callee: Global, args: readonly unknown[]): unknown;
  /** What stands for itself outside of the pickle, such as a storage. */
  persistent(id: unknown): unknown;
  fail(problem: string): FormatError;
}

/** A dictionary; keys are strings or numbers. */
export type Dictionary = Map<string | number, unknown>;

const MARK = Symbol("mark");

/** The problem of bytes that end before the pickle does. */
export const CUT = "it ends within its pickle; copy the file again";

/** Reads one pickle, and says where it ends. */
export function readPickle(bytes: Uint8Array, rules: PickleRules, start = 0): { value: unknown; end: number } {
  const machine = new Machine(bytes, rules, start);
  return { value: machine.run(), end: machine.at };
}

/** What each instruction does, by its code. */
const instructions: Readonly<Record<number, (machine: Machine) => void>> = {
  // PROTO
  128(machine) {
    const protocol = machine.byte();
    if (protocol < 2 || protocol > 5)
      throw machine.rules.fail(`it is pickled by protocol ${protocol}; 2 to 5 are read`);
  },
  // FRAME: what follows is in memory anyway
  149(machine) {
    machine.skip(8);
  },
  40: (machine) => machine.push(MARK), // MARK
  78: (machine) => machine.push(null), // NONE
  136: (machine) => machine.push(true), // NEWTRUE
  137: (machine) => machine.push(false), // NEWFALSE
  75: (machine) => machine.push(machine.byte()), // BININT1
  77: (machine) => machine.push(machine.view.getUint16(machine.skip(2), true)), // BININT2
  74: (machine) => machine.push(machine.view.getInt32(machine.skip(4), true)), // BININT
  138: (machine) => machine.push(machine.long(machine.byte())), // LONG1
  71: (machine) => machine.push(machine.view.getFloat64(machine.skip(8))), // BINFLOAT, alone big-endian
  140: (machine) => machine.push(machine.text(machine.byte())), // SHORT_BINUNICODE
  88: (machine) => machine.push(machine.text(machine.word())), // BINUNICODE
  85: (machine) => machine.push(machine.text(machine.byte())), // SHORT_BINSTRING, texts of Python 2
  84: (machine) => machine.push(machine.text(machine.word())), // BINSTRING
  125: (machine) => machine.push(new Map()), // EMPTY_DICT
  93: (machine) => machine.push(new Sequence([], false)), // EMPTY_LIST
  41: (machine) => machine.push(new Sequence([], true)), // EMPTY_TUPLE
  116: (machine) => machine.push(new Sequence(machine.popToMark(), true)), // TUPLE
  133: (machine) => machine.push(new Sequence(machine.pop(1), true)), // TUPLE1
  134: (machine) => machine.push(new Sequence(machine.pop(2), true)), // TUPLE2
  135: (machine) => machine.push(new Sequence(machine.pop(3), true)), // TUPLE3
  97: (machine) => machine.append(machine.pop(1)), // APPEND
  101: (machine) => machine.append(machine.popToMark()), // APPENDS
  115: (machine) => machine.setItems(machine.pop(2)), // SETITEM
  117: (machine) => machine.setItems(machine.popToMark()), // SETITEMS
  113: (machine) => machine.put(machine.byte()), // BINPUT
  114: (machine) => machine.put(machine.word()), // LONG_BINPUT
  148: (machine) => machine.put(machine.memo.size), // MEMOIZE
  104: (machine) => machine.get(machine.byte()), // BINGET
  106: (machine) => machine.get(machine.word()), // LONG_BINGET
  99: (machine) => machine.global(machine.line(), machine.line()), // GLOBAL
  147: (machine) => machine.global(...(machine.pop(2) as [unknown, unknown])), // STACK_GLOBAL
  82: (machine) => machine.call(...(machine.pop(2) as [unknown, unknown])), // REDUCE
  81: (machine) => machine.push(machine.rules.persistent(machine.pop(1)[0])), // BINPERSID
  // BUILD: attributes, such as the versions that a state dict has for its modules, which no tensor needs
  98(machine) {
    const [object] = machine.pop(2);
    if (!(object instanceof Map)) throw machine.rules.fail("it sets attributes of what is no dictionary");
    machine.push(object);
  },
};

const STOP = 46;

class Machine {
  at: number;
  readonly view: DataView;
  readonly rules: PickleRules;
  readonly memo = new Map<number, unknown>();
  private readonly bytes: Uint8Array;
  private readonly stack: unknown[] = [];

  constructor(bytes: Uint8Array, rules: PickleRules, start: number) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.rules = rules;
    this.at = start;
  }

  run(): unknown {
    for (;;) {
      const code = this.byte();
      if (code === STOP) return this.pop(1)[0];
      const instruction = instructions[code];
      if (instruction === undefined)
        throw this.rules.fail(
          `the instruction 0x${code.toString(16).padStart(2, "0")} at byte ${this.at - 1} is none that tensors are pickled by`,
        );
      instruction(this);
    }
  }

  /** Where the next bytes begin, which are passed over. */
  skip(count: number): number {
    const from = this.at;
    if (from + count > this.bytes.length) throw this.rules.fail(CUT);
    this.at += count;
    return from;
  }

  byte(): number {
    return this.bytes[this.skip(1)]!;
  }

  text(length: number): string {
    const from = this.skip(length);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.bytes.subarray(from, this.at));
    } catch {
      throw this.rules.fail(`the text at byte ${from} is not UTF-8`);
    }
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw this.rules.fail(CUT);
    const text = this.text(end - this.at);
    this.skip(1);
    return text;
  }

  word(): number {
    return this.view.getUint32(this.skip(4), true);
  }

  /** A whole number of some bytes, in two's complement; beyond what a number holds exactly, a BigInt. */
  long(length: number): number | bigint {
    const from = this.skip(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.bytes[from + i]!);
    const whole = BigInt.asIntN(8 * length, value);
    const number = Number(whole);
    return Number.isSafeInteger(number) ? number : whole;
  }

  push(value: unknown): void {
    this.stack.push(value);
  }

  pop(count: number): unknown[] {
    if (this.stack.length < count) throw this.rules.fail("it takes more than there is");
    const values = this.stack.splice(this.stack.length - count);
    if (values.includes(MARK)) throw this.rules.fail("it takes more than there is");
    return values;
  }

  popToMark(): unknown[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) throw this.rules.fail("it takes more than there is");
    const values = this.stack.splice(mark);
    values.shift();
    return values;
  }

  call(callee: unknown, args: unknown): void {
    if (!(callee instanceof Global) || !(args instanceof Sequence)) throw this.rules.fail("it calls what is no name");
    this.push(this.rules.call(callee, args.items));
  }

  append(values: readonly unknown[]): void {
    const list = this.stack.at(-1);
    if (!(list instanceof Sequence) || list.isTuple) throw this.rules.fail("it adds to what is no list");
    for (const value of values) list.items.push(value);
  }

  setItems(values: readonly unknown[]): void {
    const dictionary = this.stack.at(-1);
    if (!(dictionary instanceof Map) || values.length % 2 !== 0)
      throw this.rules.fail("it sets entries of what is no dictionary");
    for (let i = 0; i < values.length; i += 2) {
      const key = values[i];
      if (typeof key !== "string" && typeof key !== "number")
        throw this.rules.fail("a dictionary has a key that is neither text nor number");
      (dictionary as Dictionary).set(key, values[i + 1]);
    }
  }

  put(place: number): void {
    const [value] = this.pop(1);
    this.push(value);
    this.memo.set(place, value);
  }

  get(place: number): void {
    if (!this.memo.has(place)) throw this.rules.fail(`it reads the memory ${place}, where nothing is`);
    this.push(this.memo.get(place));
  }

  global(module: unknown, name: unknown): void {
    if (typeof module !== "string" || typeof name !== "string") throw this.rules.fail("a name is no text");
    this.rules.allow(`${module}.${name}`);
    this.push(new Global(`${module}.${name}`));
  }
}
