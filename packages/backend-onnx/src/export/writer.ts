/** Nodes and constants of an ONNX graph as they are written: equal ones once, and what depends on sizes by the inputs' shapes. */
import { type Attributes, ELEMENT_TYPES, type ElementType, type HostArray } from "../graph.ts";
import type { Initializer, Node } from "../onnx-model.ts";
import type { IndexSum } from "./pattern.ts";
import { fixedValue, type Polynomial, type Term, textOf } from "./polynomial.ts";

/** Constants up to this many bytes are compared with those that are there. */
const SMALL_BYTES = 1 << 16;

/** Where a size can be read: an input of the graph, and an axis of it. */
export interface SizeSource {
  readonly input: string;
  readonly axis: number;
}

/** Writes nodes in order. Every method that gives a text gives the name of a value. */
export class Writer {
  readonly nodes: Node[] = [];
  readonly initializers: Map<string, Initializer> = new Map<string, Initializer>();
  private readonly known = new Map<string, string>();
  private readonly counts = new Map<string, number>();
  private readonly sizeSources: ReadonlyMap<string, SizeSource>;

  constructor(sizeSources: ReadonlyMap<string, SizeSource>) {
    this.sizeSources = sizeSources;
  }

  private newName(stem: string): string {
    const count = this.counts.get(stem) ?? 0;
    this.counts.set(stem, count + 1);
    return count === 0 && stem.includes(".") ? stem : `${stem}_${count}`;
  }

  /** A node with several outputs; those that nobody reads are left unnamed by the caller. */
  nodeOf(
    type: string,
    inputs: readonly string[],
    outputCount: number,
    attributes: Attributes = {},
    domain: Node["domain"] = "",
  ): readonly string[] {
    const key = `${type} ${JSON.stringify(attributes)} ${inputs.join()} ${outputCount}`;
    const known = this.known.get(key);
    if (known !== undefined) return known.split(",");
    const name = this.newName(type);
    const outputs = Array.from({ length: outputCount }, (_, i) => (i === 0 ? name : `${name}_output${i}`));
    this.nodes.push({ name, type, domain, inputs, outputs, attributes });
    this.known.set(key, outputs.join());
    return outputs;
  }

  node(type: string, inputs: readonly string[], attributes: Attributes = {}, domain: Node["domain"] = ""): string {
    return this.nodeOf(type, inputs, 1, attributes, domain)[0]!;
  }

  /** A constant. */
  constant(data: HostArray, shape: readonly number[], type: ElementType, stem = "constant"): string {
    const key = data.byteLength > SMALL_BYTES ? undefined : `${type} [${shape}] ${bytesIn(data)}`;
    const known = key === undefined ? undefined : this.known.get(key);
    if (known !== undefined) return known;
    const name = this.newName(stem);
    this.initializers.set(name, { name, shape, type, data });
    if (key !== undefined) this.known.set(key, name);
    return name;
  }

  integers(values: readonly number[]): string {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length], "int64");
  }

  private product({ coefficient, factors }: Term): string {
    const sizes = factors.map((name) => {
      const { input, axis } = this.sizeSources.get(name)!;
      return this.node("Shape", [input], { start: axis, end: axis + 1 });
    });
    const [first, ...rest] = coefficient === 1 && sizes.length > 0 ? sizes : [this.integers([coefficient]), ...sizes];
    return rest.reduce((product, factor) => this.node("Mul", [product, factor]), first!);
  }

  /** A number as an int64 list of one. */
  number(polynomial: Polynomial): string {
    if (polynomial.length === 0) return this.integers([0]);
    const [first, ...rest] = polynomial;
    return rest.reduce(
      (sum, term) =>
        term.coefficient === -1 && term.factors.length > 0
          ? this.node("Sub", [sum, this.product({ ...term, coefficient: 1 })])
          : this.node("Add", [sum, this.product(term)]),
      this.product(first!),
    );
  }

  /** A number as int64 of no rank. */
  scalar(polynomial: Polynomial): string {
    const value = fixedValue(polynomial);
    return value === undefined
      ? this.node("Squeeze", [this.number(polynomial)])
      : this.constant(BigInt64Array.of(BigInt(value)), [], "int64");
  }

  /** Numbers as an int64 list. */
  list(polynomials: readonly Polynomial[]): string {
    if (polynomials.every((polynomial) => fixedValue(polynomial) !== undefined)) {
      return this.integers(polynomials.map((polynomial) => fixedValue(polynomial)!));
    }
    const parts: string[] = [];
    let run: number[] = [];
    const endRun = (): void => {
      if (run.length > 0) parts.push(this.integers(run));
      run = [];
    };
    for (const polynomial of polynomials) {
      const value = fixedValue(polynomial);
      if (value !== undefined) run.push(value);
      else {
        endRun();
        parts.push(this.number(polynomial));
      }
    }
    endRun();
    return parts.length === 1 ? parts[0]! : this.node("Concat", parts, { axis: 0 });
  }

  /** An int64 tensor of sums of indices, of the shape `shape`. */
  indexSum({ steps, start }: IndexSum, shape: readonly Polynomial[]): string {
    const parts = steps.flatMap((step, axis) => {
      if (step.length === 0) return [];
      const range = this.node("Range", [
        this.scalar([]),
        this.scalar(shape[axis]!),
        this.scalar([{ coefficient: 1, factors: [] }]),
      ]);
      const along =
        shape.length === 1
          ? range
          : this.node("Reshape", [range, this.integers(shape.map((_, i) => (i === axis ? -1 : 1)))]);
      const factor = fixedValue(step);
      if (factor === 1) return [{ along, sign: 1 }];
      if (factor === -1) return [{ along, sign: -1 }];
      return [{ along: this.node("Mul", [along, this.scalar(step)]), sign: 1 }];
    });
    const [first, ...rest] = parts.sort((a, b) => b.sign - a.sign);
    if (first === undefined) return this.expand(this.scalar(start), shape);
    let sum = first.sign === 1 ? first.along : this.node("Neg", [first.along]);
    for (const { along, sign } of rest) sum = this.node(sign === 1 ? "Add" : "Sub", [sum, along]);
    if (start.length > 0) sum = this.node("Add", [sum, this.scalar(start)]);
    // Axes without a step have their length by repetition.
    const isWhole = steps.every((step, axis) => step.length > 0 || fixedValue(shape[axis]!) === 1);
    return isWhole ? sum : this.expand(sum, shape);
  }

  expand(value: string, shape: readonly Polynomial[]): string {
    return this.node("Expand", [value, this.list(shape)]);
  }

  cast(value: string, from: ElementType, to: ElementType): string {
    return from === to ? value : this.node("Cast", [value], { to: ELEMENT_TYPES[to] });
  }

  /**
   * Nodes and constants that lead to outputs, by the outputs' names. Outputs of a node that nobody reads are left out.
   *
   * @param made - What each output is.
   */
  finish(made: ReadonlyMap<string, string>): { nodes: Node[]; initializers: Initializer[] } {
    const names = this.nameOutputs(made);
    const read = new Set(made.values());
    const kept: Node[] = [];
    for (const node of this.nodes.toReversed()) {
      const last = node.outputs.findLastIndex((output) => read.has(output));
      if (last < 0) continue;
      for (const input of node.inputs) read.add(input);
      const outputs = node.outputs.slice(0, last + 1).map((output) => (read.has(output) ? output : ""));
      const named = (name: string): string => names.get(name) ?? name;
      kept.push({ ...node, inputs: node.inputs.map(named), outputs: outputs.map(named) });
    }
    kept.reverse();
    const initializers = [...this.initializers.values()].filter(({ name }) => read.has(name));
    for (const [name, value] of made) {
      if (names.get(value) === name) continue;
      const inputs = [names.get(value) ?? value];
      kept.push({ name, type: "Identity", domain: "", inputs, outputs: [name], attributes: {} });
    }
    return { nodes: kept, initializers };
  }

  /** Values of nodes that are outputs have the outputs' names; what goes in, constants, and an output's twin keep theirs. */
  private nameOutputs(made: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const ofNodes = new Set(this.nodes.flatMap(({ outputs }) => outputs));
    const names = new Map<string, string>();
    for (const [name, value] of made) if (ofNodes.has(value) && !names.has(value)) names.set(value, name);
    return names;
  }
}

const bytesIn = (data: HostArray): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("latin1");

/** Whether two shapes are the same at every size. */
export const sameShapes = (a: readonly Polynomial[], b: readonly Polynomial[]): boolean =>
  a.map(textOf).join() === b.map(textOf).join();
