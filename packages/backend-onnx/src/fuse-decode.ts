/**
 * Rewrites a recording into fewer operations for a graph that runs here and has one row to work on: what each operation costs
 * besides its work is most of what they take then. Decisions are made by structure, never by sizes, so that recordings at several
 * sizes stay alike.
 */
import { hostArrayOf, hostValue, integers, type Operation, sameShape, type Value } from "./graph.ts";
import { operations as operationsOf } from "./tracer.ts";

/** Operations of a program by what they read and make. */
class Readers {
  private readonly byValue = new Map<Value, Operation[]>();
  private readonly roots: ReadonlySet<Value>;
  private readonly makers = new Map<Value, Operation>();

  constructor(operations: readonly Operation[], roots: Iterable<Value>) {
    this.roots = new Set(roots);
    for (const operation of operations) {
      for (const output of operation.outputs) this.makers.set(output, operation);
      for (const input of new Set(operation.inputs)) {
        if (input === undefined) continue;
        const known = this.byValue.get(input);
        if (known === undefined) this.byValue.set(input, [operation]);
        else known.push(operation);
      }
    }
  }

  of(value: Value): readonly Operation[] {
    return this.byValue.get(value) ?? [];
  }

  /** What makes a value, where it is of this type. */
  maker(value: Value | undefined, type: string): Operation | undefined {
    const made = value === undefined ? undefined : this.makers.get(value);
    return made?.type === type ? made : undefined;
  }

  /** What makes a value that one operation reads and nobody else. */
  onlyMaker(value: Value | undefined, type: string): Operation | undefined {
    const made = this.maker(value, type);
    return made !== undefined && !this.roots.has(value!) && this.of(value!).length === 1 ? made : undefined;
  }

  isRoot(value: Value): boolean {
    return this.roots.has(value);
  }
}

/** The element of a constant of no rank. */
function scalarIn(value: Value | undefined): number | undefined {
  if (value === undefined || value.role !== "number" || value.shape.length > 0) return undefined;
  return Number(hostArrayOf(value)![0]);
}

/** What a rewriting makes of operations: some are left out, others stand in their places. */
interface Rewriting {
  readonly absent: Set<Operation>;
  readonly instead: Map<Operation, readonly Operation[]>;
}

/** `x · 1 / (1 + exp(−x))`, as it is traced, is one operation of the runtime. */
function fuseSilu(operation: Operation, readers: Readers, { absent, instead }: Rewriting): void {
  if (operation.type !== "Mul") return;
  for (const [x, factor] of [operation.inputs, operation.inputs.toReversed()] as [Value, Value][]) {
    const inverse = readers.onlyMaker(factor, "Reciprocal");
    const sum = readers.onlyMaker(inverse?.inputs[0], "Add");
    const power = sum?.inputs.find((input) => readers.onlyMaker(input, "Exp") !== undefined);
    const one = sum?.inputs.find((input) => input !== power);
    const exponential = readers.onlyMaker(power, "Exp");
    const negative = readers.onlyMaker(exponential?.inputs[0], "Neg");
    if (negative?.inputs[0] !== x || scalarIn(one) !== 1) continue;
    for (const each of [inverse!, sum!, exponential!, negative]) absent.add(each);
    const fused = operationsOf("QuickGelu", [x], [operation.outputs[0]!], {
      domain: "com.microsoft",
      attributes: { alpha: { float: 1 } },
    });
    instead.set(operation, [{ ...fused[0]!.producer!, outputs: operation.outputs, kernel: operation.kernel }]);
    return;
  }
}

/** A factor on rows that are turned is one on the cosines and sines of the angles, which all layers share. */
function fuseScale(operation: Operation, readers: Readers, { absent, instead }: Rewriting): void {
  if (operation.type !== "Mul") return;
  const [x, factor] = operation.inputs as [Value, Value];
  const turning = readers.onlyMaker(x, "RotaryEmbedding");
  if (scalarIn(factor) === undefined || turning === undefined) return;
  const [rows, places, ...tables] = turning.inputs as [Value, Value, Value, Value];
  const scaled = tables.map((table) => operationsOf("Mul", [table, factor], [table])[0]!);
  const fused: Operation = { ...turning, inputs: [rows, places, ...scaled], outputs: operation.outputs };
  absent.add(turning);
  instead.set(operation, [...scaled.map(({ producer }) => producer!), fused]);
}

/** A sum and the RMS norm of it, also where the norm reads the sum in another shape of as long rows. */
function fuseNorm(operation: Operation, readers: Readers, { absent, instead }: Rewriting): void {
  if (operation.type !== "SimplifiedLayerNormalization") return;
  const [x, gain] = operation.inputs as [Value, Value];
  const shaped = readers.maker(x, "Reshape");
  const sum = readers.maker(shaped?.inputs[0] ?? x, "Add");
  if (sum === undefined || instead.has(sum) || absent.has(sum)) return;
  const [total] = sum.outputs as [Value];
  const isSum = sum.inputs.every((input) => sameShape(input!.shape, total.shape));
  if (!isSum || total.shape.length < 2 || total.shape.length > 3 || total.shape.at(-1) !== x.shape.at(-1)) return;
  const statistic = { shape: total.shape.with(-1, 1), type: "float32" as const };
  const [normed, mean, deviation] = operationsOf(
    "SkipSimplifiedLayerNormalization",
    [...sum.inputs, gain],
    [total, statistic, statistic, total],
    { domain: "com.microsoft", attributes: { epsilon: operation.attributes["epsilon"]! } },
  ) as [Value, Value, Value, Value];
  const kernel = `${sum.kernel}+${operation.kernel}`;
  instead.set(sum, [{ ...normed.producer!, outputs: [normed, mean, deviation, total], kernel }]);
  const [given] = operation.outputs as [Value];
  const [again] = operationsOf("Reshape", [normed, integers(given.shape)], [given]);
  instead.set(operation, [{ ...again!.producer!, outputs: [given], kernel }]);
}

/** Matrices in blocks that lie beside each other, by the codes of the first: made once for all recordings of a function. */
export class Packs {
  private readonly known = new Map<
    Value,
    { readonly codes: readonly Value[]; readonly parts: readonly (Value | undefined)[] }
  >();
  /** Codes, scales and minima of these products' matrices, one matrix below the other. */
  join(products: readonly Operation[]): readonly (Value | undefined)[] {
    const codes = products.map(({ inputs }) => inputs[1]!);
    const found = this.known.get(codes[0]!);
    if (found?.codes.every((other, i) => other === codes[i]) === true) return found.parts;
    const parts = [1, 2, 3].map((place) => {
      const values = products.flatMap(({ inputs }) => inputs[place] ?? []);
      return values.length === 0 ? undefined : this.joinRows(values);
    });
    this.known.set(codes[0]!, { codes, parts });
    return parts;
  }

  private joinRows(values: readonly Value[]): Value {
    const [first] = values as [Value];
    const arrays = values.map((value) => hostArrayOf(value) as Uint8Array | Float32Array);
    const rows = values.reduce((sum, { shape }) => sum + shape[0]!, 0);
    return hostValue(besideEachOther(arrays) ?? copied(arrays), [rows, ...first.shape.slice(1)], first.type);
  }
}

/** Arrays that lie beside each other in memory, as matrices of one model mostly do, as one. */
function besideEachOther(arrays: readonly (Uint8Array | Float32Array)[]): Uint8Array | Float32Array | undefined {
  const [first] = arrays as [Uint8Array | Float32Array];
  let end = first.byteOffset;
  let length = 0;
  for (const array of arrays) {
    if (array.buffer !== first.buffer || array.byteOffset !== end) return undefined;
    end += array.byteLength;
    length += array.length;
  }
  const Kind = first.constructor as Uint8ArrayConstructor | Float32ArrayConstructor;
  return new Kind(first.buffer as ArrayBuffer, first.byteOffset, length);
}

function copied(arrays: readonly (Uint8Array | Float32Array)[]): Uint8Array | Float32Array {
  const Kind = arrays[0]!.constructor as Uint8ArrayConstructor | Float32ArrayConstructor;
  const whole = new Kind(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    whole.set(array, at);
    at += array.length;
  }
  return whole;
}

/** Products of one value with several matrices in blocks are one product, and the parts of it. */
function packBlocks(operation: Operation, readers: Readers, { absent, instead }: Rewriting, packs: Packs): void {
  if (operation.type !== "BlockGemm" || absent.has(operation) || operation.attributes["transposed"] === 1) return;
  const [x, , , minima] = operation.inputs;
  const { K, bits } = operation.attributes;
  const beside = readers
    .of(x!)
    .filter(
      (each) =>
        each.type === "BlockGemm" &&
        each.inputs[0] === x &&
        each.attributes["transposed"] !== 1 &&
        each.attributes["K"] === K &&
        each.attributes["bits"] === bits &&
        (each.inputs[3] === undefined) === (minima === undefined) &&
        each.inputs.slice(1).every((input) => input === undefined || hostArrayOf(input) !== undefined),
    );
  if (beside.length < 2 || beside[0] !== operation) return;
  const widths = beside.map(({ attributes }) => attributes["N"] as number);
  const out = widths.reduce((sum, width) => sum + width, 0);
  const [rows] = operation.outputs[0]!.shape as [number];
  const [whole] = operationsOf("BlockGemm", [x, ...packs.join(beside)], [{ shape: [rows, out], type: "float32" }], {
    domain: "cambium",
    attributes: { ...operation.attributes, N: out },
  });
  const outputs = beside.map(({ outputs: [output] }) => output!);
  const [part] = operationsOf("Split", [whole!, integers(widths)], outputs, { attributes: { axis: 1 } });
  for (const each of beside) absent.add(each);
  absent.delete(operation);
  instead.set(operation, [
    { ...whole!.producer!, kernel: operation.kernel },
    { ...part!.producer!, outputs, kernel: operation.kernel },
  ]);
}

type Rule = (operation: Operation, readers: Readers, rewriting: Rewriting) => void;

function apply(rule: Rule, operations: readonly Operation[], roots: readonly Value[]): readonly Operation[] {
  const readers = new Readers(operations, roots);
  const rewriting: Rewriting = { absent: new Set(), instead: new Map() };
  for (const operation of operations) rule(operation, readers, rewriting);
  const { absent, instead } = rewriting;
  return operations.flatMap((operation) => (absent.has(operation) ? [] : (instead.get(operation) ?? [operation])));
}

/** Joins products of one value with matrices in blocks, before they are lowered. */
export const packProducts = (
  operations: readonly Operation[],
  roots: readonly Value[],
  packs: Packs,
): readonly Operation[] =>
  apply((operation, readers, rewriting) => packBlocks(operation, readers, rewriting, packs), operations, roots);

/** Joins what the runtime has one operation for. */
export const fuseForRow = (operations: readonly Operation[], roots: readonly Value[]): readonly Operation[] =>
  [fuseSilu, fuseScale, fuseNorm].reduce((before, rule) => apply(rule, before, roots), operations);
