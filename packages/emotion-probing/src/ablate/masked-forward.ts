/**
 * Many ablations of one batch: copies of the batch stand side by side, each with its own units changed, and what lies before
 * the first changed layer is computed once.
 *
 * Sets are ordered by their first layer. The blocks before it are skipped by a hook that returns what a plain pass gave
 * there, so that a copy costs the blocks from its own first layer on, the embeddings and the head.
 */
import { ConfigError } from "@cambium/base";
import { type Around, around, type Hook, type Runnable, type Site } from "@cambium/core";
import { capture, type LanguageOutput, type TokenBatch, type Unit } from "@cambium/models";
import {
  add,
  concat,
  dispose,
  gather,
  mul,
  split,
  type Tensor,
  tensor,
  tensor1d,
  tidy,
  tile,
} from "@tensorflow/tfjs-core";
import type { NamedNeuron } from "../neurons/scores.ts";

/** What a unit becomes: `factor · value + offset`, each of which is one number, or one for each of the units. */
export interface UnitSet {
  readonly units: readonly Unit[];
  /** @default 0 */
  readonly factor?: number | ArrayLike<number>;
  /** @default 0 */
  readonly offset?: number | ArrayLike<number>;
  /** The values of another example of the batch, by a random order of the examples; then there is no factor or offset. */
  readonly order?: ArrayLike<number>;
}

/** Where the units of a set are: by the site's path, with the place of each unit in the set. */
type Placed = ReadonlyMap<string, readonly (readonly [unit: number, place: number])[]>;

function placeUnits(caller: string, sites: readonly Site[], units: readonly Unit[]): Placed {
  const byPath = new Map<string, (readonly [number, number])[]>();
  units.forEach(({ stack, layer, unit, ...rest }, place) => {
    const { site: path } = rest as Partial<NamedNeuron>;
    const found = sites.filter((site) => site.layer === layer && (stack === undefined || site.stack === stack));
    const problem =
      found.length === 0
        ? `there is no layer ${layer}`
        : found.length > 1
          ? `layer ${layer} is in both stacks; add stack: "encoder" or "decoder"`
          : path !== undefined && path !== found[0]!.path
            ? `it is of ${path}, and units of ${found[0]!.path} are changed; pass the role of its site`
            : Number.isInteger(unit) && unit >= 0 && unit < found[0]!.width
              ? undefined
              : `layer ${layer} has ${found[0]!.width} units, got unit ${unit}`;
    if (problem !== undefined) throw new ConfigError({ message: `${caller}: unit ${place}: ${problem}`, index: place });
    const own = found[0]!.path;
    byPath.set(own, [...(byPath.get(own) ?? []), [unit, place]]);
  });
  return byPath;
}

/** A plan of forward passes: sets that run together, by their places. */
interface Group {
  readonly places: readonly number[];
  /** Blocks that are skipped, and of each stack the last skipped one, whose output is put in. */
  readonly skipped: ReadonlySet<string>;
  readonly kept: readonly string[];
}

/** Runs a model under sets of changed units. */
export interface MaskedForward {
  /**
   * What a pass over the batch gives under each set, by `read` on the output of a pass: tensors `[copies · batch, …]` are cut
   * into one for each set; `read` also gets the copies of the batch. The caller owns the tensors.
   */
  run(batch: TokenBatch, read: (output: LanguageOutput, copies: TokenBatch) => Tensor): Tensor[];
  /** Visits of blocks by examples that one `run` of a batch of `size` takes, plain pass included; for accounts of work. */
  blockVisits(size: number): number;
}

/**
 * A way to run many unit sets over batches.
 *
 * @param role - Of the sites whose units are changed, with units in their last axis, such as `ff.act`.
 * @param most - Most copies of a batch in one pass.
 */
export function maskedForward(
  caller: string,
  model: Runnable<TokenBatch, LanguageOutput>,
  sets: readonly UnitSet[],
  { role = "ff.act", most = 16, hooks = [] }: { role?: string; most?: number; hooks?: readonly Hook[] } = {},
): MaskedForward {
  const sites = model.sites().filter((site) => site.role === role);
  if (sites.length === 0 || sites.some(({ kind }) => kind === "attention" || kind === "pattern" || kind === "embed")) {
    throw new ConfigError({
      message: `${caller}: the model has no sites of role "${role}" with units in their last axis`,
      role,
    });
  }
  const placed = sets.map(({ units }) => placeUnits(caller, sites, units));
  const blocks = model.sites().filter((site) => site.role === "block");
  const blockOf = (site: Site): number =>
    blocks.findIndex((block) => block.layer === site.layer && block.stack === site.stack);
  // A set without units is a plain pass, which shares every block.
  const firstBlocks = placed.map((byPath) => {
    const found = sites.filter(({ path }) => byPath.has(path)).map(blockOf);
    return found.length === 0 ? blocks.length : Math.min(...found);
  });
  const groups = groupSets(firstBlocks, blocks, most);

  function run(batch: TokenBatch, read: (output: LanguageOutput, copies: TokenBatch) => Tensor): Tensor[] {
    const size = batch.ids.shape[0];
    const results = new Array<Tensor>(sets.length);
    const keepers = new Set(groups.flatMap(({ kept }) => kept));
    const plain = keepers.size === 0 ? undefined : capture(model, batch, ["block"], { hooks });
    try {
      for (const group of groups) {
        const cut = tidy(() => {
          const copies = group.places.length;
          const copied = copyBatch(batch, copies);
          const forward = model.forward(copied, {
            hooks: [...hooks, ...skipping(group, plain?.captured, copies), changing(group, size)],
          });
          const whole = read(forward, copied);
          return split(whole, copies);
        });
        group.places.forEach((place, i) => {
          results[place] = cut[i]!;
        });
      }
      return results;
    } catch (error) {
      dispose(results.filter((result) => result !== undefined));
      throw error;
    } finally {
      if (plain !== undefined) dispose([...plain.captured.values(), ...tensorsOf(plain.output)]);
    }
  }

  /** Changes the units of each copy at their sites. */
  function changing({ places }: Group, size: number): Hook {
    const touched = new Set(places.flatMap((place) => [...placed[place]!.keys()]));
    const hook: Around<"activation"> = around(
      sites[0]!.kind as "activation",
      ({ path }) => touched.has(path),
      ({ site, input, next }) => {
        const x = next(input) as Tensor;
        return affine(x, site, places, size) as never;
      },
    );
    return hook as unknown as Hook;
  }

  function affine(x: Tensor, site: Site, places: readonly number[], size: number): Tensor {
    const { width } = site;
    const [factors, offsets, borrowed] = [0, 0, 0].map(() => new Float32Array(places.length * width)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    factors.fill(1);
    const order = indices(0, places.length * size);
    places.forEach((place, copy) => {
      const { factor = 0, offset = 0, order: other } = sets[place]!;
      for (const [unit, index] of placed[place]!.get(site.path) ?? []) {
        const at = copy * width + unit;
        factors[at] = other === undefined ? numberAt(factor, index) : 0;
        offsets[at] = other === undefined ? numberAt(offset, index) : 0;
        borrowed[at] = other === undefined ? 0 : 1;
      }
      if (other !== undefined) for (let i = 0; i < size; i++) order[copy * size + i] = copy * size + other[i]!;
    });
    const spread = (values: Float32Array): Tensor => {
      const rows = new Float32Array(places.length * size * width);
      for (let row = 0; row < places.length * size; row++) {
        rows.set(values.subarray(Math.floor(row / size) * width, (Math.floor(row / size) + 1) * width), row * width);
      }
      return tensor(rows, [places.length * size, ...x.shape.slice(1, -1).map(() => 1), width]);
    };
    let changed = mul(x, spread(factors));
    if (offsets.some((value) => value !== 0)) changed = add(changed, spread(offsets));
    if (borrowed.includes(1)) changed = add(changed, mul(gather(x, tensor1d(order, "int32")), spread(borrowed)));
    return changed;
  }

  const blockVisits = (size: number): number =>
    groups.reduce((sum, group) => sum + group.places.length * (blocks.length - group.skipped.size), 0) * size +
    (groups.some(({ kept }) => kept.length > 0) ? blocks.length * size : 0);
  return { run, blockVisits };
}

/** Sets with the same first block, in groups of at most `most`. */
function groupSets(firstBlocks: readonly number[], blocks: readonly Site[], most: number): Group[] {
  const byFirst = new Map<number, number[]>();
  firstBlocks.forEach((first, place) => {
    byFirst.set(first, [...(byFirst.get(first) ?? []), place]);
  });
  return [...byFirst].flatMap(([first, places]) => {
    const before = blocks.slice(0, first);
    const lasts = new Map(before.map((block) => [block.stack, block.path]));
    const shared = { skipped: new Set(before.map(({ path }) => path)), kept: [...lasts.values()] };
    return Array.from({ length: Math.ceil(places.length / most) }, (_, i) => ({
      ...shared,
      places: places.slice(i * most, (i + 1) * most),
    }));
  });
}

/** Blocks before the first changed one return what the plain pass gave, and are not computed. */
function skipping({ skipped, kept }: Group, captured: ReadonlyMap<string, Tensor> | undefined, copies: number): Hook[] {
  if (skipped.size === 0) return [];
  return [
    around(
      "block",
      ({ path }) => skipped.has(path),
      ({ site, input }) => (kept.includes(site.path) ? repeat(captured!.get(site.path)!, copies) : input) as never,
    ),
  ];
}

const numberAt = (values: number | ArrayLike<number>, index: number): number =>
  typeof values === "number" ? values : values[index]!;

const repeat = (x: Tensor, copies: number): Tensor =>
  tile(
    x,
    x.shape.map((_, i) => (i === 0 ? copies : 1)),
  );

const indices = (from: number, count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => from + i);

/** The batch several times, one after another. */
function copyBatch(batch: TokenBatch, copies: number): TokenBatch {
  const [rows, seq] = batch.ids.shape;
  const fields = Object.entries(batch).map(([key, value]: [string, Tensor]) => [
    key,
    key === "positions"
      ? concat(Array.from({ length: copies }, (_, i) => add(value, tensor1d([i * rows * seq], "int32"))))
      : repeat(value, copies),
  ]);
  return Object.fromEntries(fields) as TokenBatch;
}

const tensorsOf = (output: LanguageOutput): Tensor[] =>
  Object.values(output).filter((value): value is Tensor => typeof value === "object");
