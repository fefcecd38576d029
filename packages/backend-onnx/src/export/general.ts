/**
 * A graph for any sizes, out of recordings of one function at several sizes: the recordings are matched operation by operation,
 * and all that differs between them (dimensions, numbers, tensors made on the host) is expressed by the sizes, or refused.
 */
import { StateError } from "@cambium/base";
import { type Attributes, type ElementType, hostArrayOf, type Operation, sizeOf, type Value } from "../graph.ts";
import { sameContent } from "../numbers.ts";
import { findPattern, type Pattern } from "./pattern.ts";
import { fitPolynomial, type Polynomial, type Sizes } from "./polynomial.ts";
import { dependsOnInput, type Recording } from "./record.ts";

/** Where a value comes from. */
export type Source =
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "node"; readonly node: GeneralNode; readonly output: number }
  /** The same elements at every size. */
  | { readonly kind: "constant"; readonly value: Value }
  /** A few whole numbers, such as a shape: a list, or one number of no rank; or one over that number. */
  | { readonly kind: "numbers"; readonly elements: readonly Polynomial[]; readonly isInverse?: boolean }
  /** A tensor whose elements are a function of their indices. */
  | { readonly kind: "pattern"; readonly pattern: Pattern; readonly rows?: Value };

/** A value at any size. */
export interface General {
  source: Source;
  readonly shape: readonly Polynomial[];
  readonly type: ElementType;
  /** The value in each recording. */
  readonly values: readonly Value[];
}

/** An operation at any size. */
export interface GeneralNode {
  readonly type: string;
  readonly domain: Operation["domain"];
  readonly attributes: Attributes;
  readonly kernel: string;
  readonly inputs: readonly (General | undefined)[];
  readonly outputs: readonly General[];
}

/** A function at any size. */
export interface GeneralGraph {
  /** In an order in which they can run. */
  readonly nodes: readonly GeneralNode[];
  readonly inputs: ReadonlyMap<string, General>;
  readonly outputs: ReadonlyMap<string, General>;
}

const sizesText = (sizes: Sizes): string =>
  Object.entries(sizes)
    .map(([name, size]) => `${name} ${size}`)
    .join(", ");

function refuse(what: string, details: Readonly<Record<string, unknown>> = {}): never {
  throw new StateError({ message: `traceOnnx: ${what}`, ...details });
}

/** The first operation that one recording has and another has not, or undefined where they are alike. */
export function firstDifference(a: Recording, b: Recording): Operation | undefined {
  const [before, after] = [a.program.operations, b.program.operations];
  const i = after.findIndex(
    ({ signature, inputs }, j) => signature !== before[j]?.signature || inputs.length !== before[j].inputs.length,
  );
  return after[i] ?? before[after.length];
}

/** Throws unless two recordings are the same operations on different sizes. */
function checkSame(a: Recording, b: Recording, sizes: readonly [Sizes, Sizes]): void {
  const different = firstDifference(a, b);
  if (different === undefined) return;
  const { kernel, outputs } = different;
  refuse(
    `the function does other operations at ${sizesText(sizes[1])} than at ${sizesText(sizes[0])}, first ${kernel} [${outputs[0]!.shape}]; it must not decide by sizes`,
    { kernel },
  );
}

const sameTensor = (a: Value, b: Value): boolean => a.shape.join() === b.shape.join() && sameContent(a, b);

/** Joins recordings of one function. Large tensors, such as weights, are told to be equal by their memory. */
export function generalise(recordings: readonly Recording[], sizes: readonly Sizes[]): GeneralGraph {
  const [first] = recordings as readonly [Recording];
  const polynomials = new Map<string, Polynomial | undefined>();
  const known = new Map<Value, General[]>();
  const patterned: General[] = [];

  for (const [i, recording] of recordings.entries()) {
    const names = [...recording.outputs.keys()].join();
    if (names !== [...first.outputs.keys()].join()) refuse("the function gives outputs of other names at other sizes");
    checkSame(first, recording, [sizes[0]!, sizes[i]!]);
  }

  function fit(values: readonly number[]): Polynomial | undefined {
    const key = values.join();
    if (!polynomials.has(key)) polynomials.set(key, fitPolynomial(values, sizes));
    return polynomials.get(key);
  }

  function shapeOf(values: readonly Value[], whose: string): Polynomial[] {
    return values[0]!.shape.map((_, axis) => {
      const dimensions = values.map(({ shape }) => shape[axis]!);
      return (
        fit(dimensions) ??
        refuse(
          `axis ${axis} of ${whose} is ${dimensions.join(", ")} at ${sizes.map(sizesText).join("; ")}, which is no sum of products of sizes`,
        )
      );
    });
  }

  function add(values: readonly Value[], source: Source, whose: string): General {
    const general: General = { source, shape: shapeOf(values, whose), type: values[0]!.type, values };
    known.set(values[0]!, [...(known.get(values[0]!) ?? []), general]);
    if (source.kind === "pattern") patterned.push(general);
    return general;
  }

  /** What a tensor is that no operation makes. `reader` is who reads it. */
  function leaf(values: readonly Value[], reader: string): Source {
    const [one] = values as readonly [Value];
    if (values.some(dependsOnInput)) {
      refuse(`${one.producer?.type.split(" ")[0]} is made in JavaScript, from what depends on an input`);
    }
    const isFixed = values.every(({ shape }) => shape.join() === one.shape.join());
    if (isFixed && values.every((value) => value.data === one.data || sameContent(value, one))) {
      return { kind: "constant", value: one };
    }
    if (one.shape.length === 0 || (one.type === "int64" && isFixed)) {
      const columns = Array.from({ length: sizeOf(one.shape) }, (_, i) =>
        values.map((value) => Number(hostArrayOf(value)![i])),
      );
      const elements = columns.map(fit);
      if (!elements.includes(undefined)) return { kind: "numbers", elements: elements as Polynomial[] };
      const inverse = fit(columns[0]!.map((element) => Math.round(1 / element)));
      const isInverse = columns[0]!.every((element) => Math.fround(1 / Math.round(1 / element)) === element);
      if (columns.length === 1 && one.type === "float32" && inverse !== undefined && isInverse) {
        return { kind: "numbers", elements: [inverse], isInverse };
      }
      refuse(
        `the number ${columns.map((column) => column.join(", ")).join("; ")} that ${reader} reads varies with the sizes in no known way`,
      );
    }
    const shape = shapeOf(values, `a tensor that ${reader} reads`);
    const samples = values.map((value) => ({ shape: value.shape, data: hostArrayOf(value)! }));
    const pattern = alike(values) ?? findPattern(samples, sizes, shape);
    if (pattern === undefined) {
      refuse(
        `a tensor [${one.shape}] that ${reader} reads is made in JavaScript, and varies with the sizes in no known way; make it with operations, such as range`,
      );
    }
    return { kind: "pattern", pattern, ...(pattern.kind === "rows" && { rows: values[pattern.trace]! }) };
  }

  /** The pattern of a tensor that is equal in every recording: every layer makes a mask, and one look is enough. */
  function alike(values: readonly Value[]): Pattern | undefined {
    for (const { source, values: others } of patterned)
      if (source.kind === "pattern" && others.every((other, i) => sameTensor(other, values[i]!))) return source.pattern;
    return undefined;
  }

  function find(values: readonly Value[], reader: string): General {
    const candidates = known.get(values[0]!) ?? [];
    const found = candidates.find((general) => general.values.every((value, i) => value === values[i]));
    return found ?? add(values, leaf(values, reader), `a tensor that ${reader} reads`);
  }

  const inputs = new Map(
    [...first.inputs.keys()].map((name) => {
      const values = recordings.map((recording) => recording.inputs.get(name)!);
      return [name, add(values, { kind: "input", name }, `input "${name}"`)];
    }),
  );
  const nodes = first.program.operations.map(({ type, domain, attributes, kernel, inputs: read, outputs }, i) => {
    const operations = recordings.map(({ program }) => program.operations[i]!);
    const node = {
      type,
      domain,
      attributes,
      kernel,
      inputs: read.map((input, j) =>
        input === undefined
          ? undefined
          : find(
              operations.map(({ inputs: all }) => all[j]!),
              kernel,
            ),
      ),
      outputs: [] as General[],
    };
    for (const output of outputs.keys()) {
      const values = operations.map(({ outputs: made }) => made[output]!);
      node.outputs.push(add(values, { kind: "node", node, output }, `what ${kernel} makes`));
    }
    return node;
  });
  const outputs = new Map(
    [...first.outputs.keys()].map((name) => [
      name,
      find(
        recordings.map((recording) => recording.outputs.get(name)!),
        `the output "${name}"`,
      ),
    ]),
  );
  return { nodes, inputs, outputs };
}
