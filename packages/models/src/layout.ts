/**
 * A layout states a model once: its sites in the order of the visits, and every parameter with its shape and start. Loading,
 * creating, saving, counting and 8 bits are written over it.
 *
 * Architectures write it as a list of pieces (`linear`, `norm`, `site`, …), each of which brings its sites and parameters.
 */
import {
  type Kind,
  oneStart,
  type Role,
  type Site,
  type Start,
  sizeOfShape,
  type TensorSpec,
  zeroStart,
} from "@cambium/core";

/** A parameter before any value is read. */
export interface ParameterSpec extends TensorSpec {
  /**
   * For a name that files may give to another parameter, of the same values, such as a decoder's matrix that is the word
   * embeddings' one: that other name. No tensor is kept under this one.
   */
  readonly tiedTo?: string;
  /** Whether `frozen` rounds it, to 8 or to 4 bits, and how it is stored. */
  readonly eightBit?: "out,in" | "in,out";
  /** Whether it has a row `[dModel]` for each word, which `frozen: "int4"` holds in blocks of 8 bits. */
  readonly isTable?: boolean;
  /** What a file may lack as a whole: a part by name, such as `"pooler"`. Everything else it must have. */
  readonly part?: string;
}

/** Sites and parameters of a model. */
export interface Layout {
  readonly sites: readonly Site[];
  /** By name, in the order of the forward pass. */
  readonly parameters: ReadonlyMap<string, ParameterSpec>;
}

/** Some sites and some parameters. */
export interface Piece {
  readonly sites: readonly Site[];
  readonly parameters: readonly (readonly [name: string, spec: ParameterSpec])[];
}

/** Joins pieces in their order. A parameter that several pieces name is stated by the first. */
export function joinLayout(pieces: readonly Piece[]): Layout {
  const parameters = new Map<string, ParameterSpec>();
  for (const [name, spec] of pieces.flatMap((piece) => piece.parameters)) {
    if (!parameters.has(name)) parameters.set(name, spec);
  }
  return { sites: pieces.flatMap((piece) => piece.sites), parameters };
}

/** A site without parameters. */
export function site(kind: Kind, path: string, role: Role, width: number, more: Partial<Site> = {}): Piece {
  return { sites: [{ kind, path, role, width, ...more }], parameters: [] };
}

/** A parameter that belongs to no site. */
export function parameter(
  name: string,
  shape: readonly number[],
  start: Start,
  more: Partial<ParameterSpec> = {},
): Piece {
  return { sites: [], parameters: [[name, { shape, start, ...more }]] };
}

/** Settings of `linear`. */
export interface LinearOptions {
  readonly input: number;
  readonly output: number;
  readonly start: Start;
  /** Whether it has a bias. @default true */
  readonly bias?: boolean;
  /** How its weight is stored. @default "out,in" */
  readonly layout?: "out,in" | "in,out";
  /** Whether `frozen` rounds its weight. @default false */
  readonly eightBit?: boolean;
  /** Whether its outputs are words: `frozen: "int4"` holds its weight in blocks of 8 bits. @default false */
  readonly isTable?: boolean;
  /** Fused projections: names, roles and widths of the parts, in the order of their columns. */
  readonly parts?: readonly (readonly [name: string, role: Role, width: number])[];
}

/** A linear layer with its weight `<path>.weight` and its bias `<path>.bias`. */
export function linear(path: string, role: Role, options: LinearOptions): Piece {
  const {
    input,
    output,
    start,
    bias = true,
    layout = "out,in",
    eightBit = false,
    isTable = false,
    parts = [],
  } = options;
  const [weightName, biasName] = [`${path}.weight`, `${path}.bias`];
  const partSites = parts.map(([name, partRole, width], i): Site => {
    const from = parts.slice(0, i).reduce((sum, [, , before]) => sum + before, 0);
    const columns = [from, from + width] as const;
    return { kind: "linear", path: `${path}.${name}`, role: partRole, input, width, part: { of: path, columns } };
  });
  return {
    sites: [
      {
        kind: "linear",
        path,
        role,
        input,
        width: output,
        weight: { name: weightName, layout },
        ...(bias && { bias: biasName }),
      },
      ...partSites,
    ],
    parameters: [
      [
        weightName,
        {
          shape: layout === "out,in" ? [output, input] : [input, output],
          start,
          ...(eightBit && { eightBit: layout }),
          ...(isTable && { isTable }),
        },
      ],
      ...(bias ? [[biasName, { shape: [output], start: zeroStart }] as const] : []),
    ],
  };
}

/** A layer norm, or without `bias` an RMS norm. */
export function norm(
  path: string,
  role: Role,
  width: number,
  { bias = true }: { readonly bias?: boolean } = {},
): Piece {
  const [weightName, biasName] = [`${path}.weight`, `${path}.bias`];
  return {
    sites: [
      {
        kind: "norm",
        path,
        role,
        width,
        weight: { name: weightName, layout: "out,in" },
        ...(bias && { bias: biasName }),
      },
    ],
    parameters: [
      [weightName, { shape: [width], start: oneStart }],
      ...(bias ? [[biasName, { shape: [width], start: zeroStart }] as const] : []),
    ],
  };
}

/** A table of embeddings `<table>` `[rows, width]`, and the site of the words that are looked up in it. */
export function embedding(
  path: string,
  { rows, width, start, table = `${path}.weight` }: { rows: number; width: number; start: Start; table?: string },
): Piece {
  return {
    sites: [{ kind: "embed", path, role: "embed", width, weight: { name: table, layout: "in,out" } }],
    parameters: [[table, { shape: [rows, width], start, isTable: true }]],
  };
}

/** Another name of a parameter, which files may hold in its place or beside it. */
export function tied(name: string, to: string, shape: readonly number[]): Piece {
  return parameter(name, shape, zeroStart, { tiedTo: to });
}

/** The same pieces within a layer, and within a stack where there are two. */
export function inLayer(layer: number, pieces: readonly Piece[], stack?: "encoder" | "decoder"): readonly Piece[] {
  return pieces.map((piece) => ({
    ...piece,
    sites: piece.sites.map((each) => ({ ...each, layer, ...(stack !== undefined && { stack }) })),
  }));
}

/** The same pieces, which a file may lack all together. */
export function inPart(part: string, pieces: readonly Piece[]): readonly Piece[] {
  return pieces.map((piece) => ({
    ...piece,
    parameters: piece.parameters.map(([name, spec]) => [name, { ...spec, part }] as const),
  }));
}

/** The layout without the parameters of a part, and without the sites that need them. */
export function withoutPart({ sites, parameters }: Layout, part: string): Layout {
  const isThere = (name: string | undefined): boolean => name === undefined || parameters.get(name)?.part !== part;
  return {
    sites: sites.filter(({ weight }) => isThere(weight?.name)),
    parameters: new Map([...parameters].filter(([, spec]) => spec.part !== part)),
  };
}

/** The parameters that have their own tensors. */
export function storedParameters({ parameters }: Layout): ReadonlyMap<string, ParameterSpec> {
  return new Map([...parameters].filter(([, { tiedTo }]) => tiedTo === undefined));
}

/** Number of scalars of a layout. */
export function countLayout(layout: Layout): number {
  let count = 0;
  for (const { shape } of storedParameters(layout).values()) count += sizeOfShape(shape);
  return count;
}
