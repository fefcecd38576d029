import { ConfigError, checkOptions, ShapeError } from "@cambium/base";
import { type Around, around, type Flow, type Hook, type Kind, random, type Site } from "@cambium/core";
import type { TokenBatch } from "@cambium/models";
import {
  add,
  clipByValue,
  equal,
  expandDims,
  gather,
  logicalAnd,
  mul,
  range,
  reshape,
  type Tensor,
  tensor,
  tensor1d,
  tile,
  where,
  zerosLike,
} from "@tensorflow/tfjs-core";
import { type Intervention, type Operation, parseInterventions } from "./interventions.ts";
import { firstPlace, lastPlace, orderOfOthers } from "./places.ts";
import { findSites, type HasSites } from "./site-names.ts";

/** What interventions read besides themselves. */
export interface InterveneOptions {
  /** The batch that will be run, for positions `first` and `last`, and to tell tokens from the rows that a prompt puts in front of them. */
  readonly batch?: Pick<TokenBatch, "mask">;
  /** Means of units by the path of their site, `[width]` each, for `mean`. */
  readonly means?: ReadonlyMap<string, ArrayLike<number>>;
  /** What another run gave at a site, by its path, of the same shape as here, for `swap`; as `capture` returns it. Not disposed of. */
  readonly sources?: ReadonlyMap<string, Tensor>;
}

/**
 * Hooks that change what leaves some sites, later interventions on top of earlier ones. They hold nothing, so that a model
 * is as before when a pass is over, or has failed. What is not chosen stays bit for bit as it is.
 *
 * @throws {ConfigError} For what is no intervention, a site or unit that does not exist, or something that is read and was
 *   not given. @throws {ShapeError} In the forward pass, when a position, an example or a source does not fit.
 * @example
 * const hooks = intervene(model, [{ site: "L2.ffn.act", units: [17, 40], op: { kind: "zero" } }]);
 * model.forward(batch, { hooks });
 */
export function intervene(
  model: HasSites,
  interventions: readonly Intervention[],
  options: InterveneOptions = {},
): Hook[] {
  checkOptions("intervene", options, ["batch", "means", "sources"]);
  return parseInterventions(interventions).flatMap((intervention, i) =>
    findSites(model, intervention.site).map((site) => {
      check(intervention, site, i, options);
      return hookOn(site, intervention, options);
    }),
  );
}

function hookOn<K extends Kind>(site: Site<K>, intervention: Intervention, options: InterveneOptions): Hook {
  const hook: Around<K> = around(
    site.kind as K,
    (other) => other.path === site.path,
    ({ input, next }) => {
      const output = next(input);
      if (!("x" in output)) return change(output as Tensor, site, intervention, options) as Flow[K]["output"];
      const words = output as Flow["embed"]["output"];
      return { ...words, x: change(words.x, site, intervention, options) } as Flow[K]["output"];
    },
  );
  return hook as unknown as Hook;
}

/** Whether the second axis of a site's output is its heads. */
const hasHeads = ({ kind }: Site): boolean => kind === "attention" || kind === "pattern";

/** Units of the last axis that can be named in advance: a pattern's are keys, whose number the batch decides. */
const unitsOf = (site: Site): number | undefined => (site.kind === "pattern" ? undefined : site.width);

function check({ units, heads, positions, op }: Intervention, site: Site, i: number, options: InterveneOptions): void {
  const width = unitsOf(site);
  const beyond = width === undefined ? undefined : units?.find((unit) => unit >= width);
  const chosen = units?.length ?? width;
  const values = op.kind === "set" ? op.to : op.kind === "add" ? op.value : 0;
  const means = options.means?.get(site.path);
  const problem =
    beyond !== undefined
      ? `${site.path} has ${width} units, got unit ${beyond}`
      : heads !== undefined && !hasHeads(site)
        ? `${site.path} has no axis of heads; choose units, or the sites attn.core or attn.pattern`
        : typeof values !== "number" && values.length !== chosen
          ? `${chosen} units are chosen at ${site.path}, and ${values.length} values given`
          : op.kind === "clamp" && !((op.low ?? Number.NEGATIVE_INFINITY) <= (op.high ?? Number.POSITIVE_INFINITY))
            ? `clamp needs low at most high, got ${op.low} and ${op.high}`
            : op.kind === "mean" && (means === undefined || means.length !== width)
              ? `mean needs the ${width} means of ${site.path} in options.means, got ${means?.length ?? "none"}`
              : op.kind === "swap" && options.sources?.get(site.path) === undefined
                ? `swap needs what another run gave at ${site.path} in options.sources`
                : (positions === "first" || positions === "last") && options.batch === undefined
                  ? `positions "${positions}" need options.batch`
                  : (positions === "first" || positions === "last") && site.stack === "decoder"
                    ? `positions "${positions}" are of the source; number those of the decoder`
                    : undefined;
  if (problem !== undefined) throw new ConfigError({ message: `intervene: intervention ${i}: ${problem}`, index: i });
}

function change(x: Tensor, site: Site, intervention: Intervention, options: InterveneOptions): Tensor {
  const made = operate(x, site, intervention, options);
  const chosen = choose(x, site, intervention, options);
  return chosen === undefined ? made : where(chosen, made, x);
}

/** One number for every unit of the last axis; those that are not chosen get 0 and are not used. */
function spread(values: number | readonly number[], units: readonly number[] | undefined, width: number): Tensor {
  const all = new Float32Array(width);
  if (typeof values === "number") return tensor1d(all.fill(values));
  (units ?? all.map((_, i) => i)).forEach((unit: number, i: number) => {
    all[unit] = values[i]!;
  });
  return tensor1d(all);
}

function operate(x: Tensor, site: Site, { op, units }: Intervention, options: InterveneOptions): Tensor {
  const width = x.shape.at(-1)!;
  switch (op.kind) {
    case "zero":
      return zerosLike(x);
    case "scale":
      return mul(x, op.by);
    case "set":
      return add(zerosLike(x), spread(op.to, units, width));
    case "mean":
      return add(zerosLike(x), tensor1d(Float32Array.from(options.means!.get(site.path)!)));
    case "add":
      return add(x, spread(op.value, units, width));
    case "noise":
      return add(x, random(op.seed).at(site.path).normal(x.shape, 0, op.deviation));
    case "clamp":
      return clipByValue(x, op.low ?? Number.NEGATIVE_INFINITY, op.high ?? Number.POSITIVE_INFINITY);
    case "resample":
      return gather(x, tensor1d(orderFor(op.seed, site, x.shape[0]!), "int32"));
    case "swap":
      return sourceOf(x, site, options);
    default:
      return unreachable(op);
  }
}

const orderFor = (seed: number, site: Site, count: number): Int32Array =>
  Int32Array.from(orderOfOthers("intervene", random(seed).at(site.path), count));

function unreachable(op: never): never {
  throw new Error(`internal: intervene: no operation "${(op as Operation).kind}"`);
}

function sourceOf(x: Tensor, site: Site, { sources }: InterveneOptions): Tensor {
  const source = sources!.get(site.path)!;
  if (source.shape.length === x.shape.length && source.shape.every((size, i) => size === x.shape[i])) return source;
  throw new ShapeError({
    message: `intervene: at ${site.path} the source is [${source.shape}], and this run has [${x.shape}]; run batches of the same shape`,
    path: site.path,
  });
}

/** Rows that stand in front of the words; none where the batch is not known. */
const extraRows = (x: Tensor, axis: number, batch: InterveneOptions["batch"]): number =>
  batch === undefined ? 0 : Math.max(0, x.shape[axis]! - batch.mask.shape[1]);

/** A mask over one axis of `size`, behind its first `extra` places, shaped so that it spreads over the others. */
function along(x: Tensor, axis: number, chosen: readonly number[], what: string, path: string, extra = 0): Tensor {
  const size = x.shape[axis]! - extra;
  const beyond = chosen.find((place) => place >= size);
  if (beyond !== undefined) {
    throw new ShapeError({ message: `intervene: ${path} has ${size} ${what}, got ${beyond}`, path });
  }
  const flags = new Uint8Array(extra + size);
  for (const place of chosen) flags[extra + place] = 1;
  return tensor(
    flags,
    x.shape.map((length, i) => (i === axis ? length : 1)),
    "bool",
  );
}

/** Where values are changed; undefined where all are. */
function choose(x: Tensor, site: Site, intervention: Intervention, { batch }: InterveneOptions): Tensor | undefined {
  const { units, heads, positions, rows } = intervention;
  const seqAxis = hasHeads(site) ? 2 : 1;
  const masks: Tensor[] = [];
  if (units !== undefined) masks.push(along(x, x.rank - 1, units, "units", site.path));
  if (heads !== undefined) masks.push(along(x, 1, heads, "heads", site.path));
  if (rows !== undefined) masks.push(along(x, 0, rows, "examples", site.path));
  if (positions !== undefined) {
    if (x.rank < 3 || site.role.endsWith(".q.norm") || site.role.endsWith(".k.norm")) {
      throw new ShapeError({
        message: `intervene: ${site.path} has no axis of positions: [${x.shape}]`,
        path: site.path,
      });
    }
    masks.push(
      typeof positions === "string"
        ? placesMask(x, seqAxis, positions, batch!.mask)
        : along(
            x,
            seqAxis,
            positions,
            "positions",
            site.path,
            site.stack === "decoder" ? 0 : extraRows(x, seqAxis, batch),
          ),
    );
  }
  if (masks.length === 0) return undefined;
  const joined = masks.reduce((all, mask) => logicalAnd(all, mask));
  return tile(
    joined,
    joined.shape.map((size, i) => x.shape[i]! / size),
  );
}

/** The first or last real token of each example. Rows that a prompt put in front of the words are not counted. */
function placesMask(x: Tensor, axis: number, position: "first" | "last", mask: TokenBatch["mask"]): Tensor {
  const extra = x.shape[axis]! - mask.shape[1];
  const place = position === "first" ? firstPlace(mask) : lastPlace(mask);
  const flags = equal(expandDims(place, 1), range(-extra, mask.shape[1], 1, "int32")); // [batch, extra + seq]
  return reshape(
    flags,
    x.shape.map((_, i) => (i === 0 ? flags.shape[0]! : i === axis ? flags.shape[1]! : 1)),
  );
}
