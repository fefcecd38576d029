import { ConfigError, checkOptions } from "@cambium/base";
import type { Unit } from "@cambium/models";
import type { NeuronSite } from "./condition-activations.ts";
import type { Searchlight } from "./searchlight.ts";

/** A number for every neuron: what any way of ranking neurons gives, and what selection takes. */
export interface NeuronScores {
  /** What was measured. */
  readonly method: string;
  readonly sites: readonly NeuronSite[];
  /** By the path of a site, `[width]`; a neuron without a score has NaN and is never selected. */
  readonly values: ReadonlyMap<string, Float32Array>;
}

/** Settings of `scoresOf`. */
export interface ScoresOfOptions {
  /** Whether neurons that are significant for another attribute are left out. @default false */
  readonly onlySelective?: boolean;
  /** Up to which q a neuron is significant, for `onlySelective`. @default 0.05 */
  readonly level?: number;
}

/**
 * A searchlight's correlations with one attribute, as scores.
 *
 * @throws {ConfigError} When the searchlight looked at groups or has no such attribute, and for a level that cannot be meant.
 */
export function scoresOf(searchlight: Searchlight, attribute: string, options: ScoresOfOptions = {}): NeuronScores {
  checkOptions("scoresOf", options, ["onlySelective", "level"]);
  const { onlySelective = false, level = 0.05 } = options;
  if (!(level > 0 && level < 1) || (options.level !== undefined && !onlySelective)) {
    throw new ConfigError({
      message: `scoresOf: level is of onlySelective and must lie between 0 and 1, got ${level} with onlySelective ${onlySelective}`,
      level,
    });
  }
  const found = searchlight.attributes.find(({ name }) => name === attribute);
  if (found === undefined || searchlight.lights.some(({ units }) => units.length !== 1)) {
    throw new ConfigError({
      message: `scoresOf: a searchlight of single neurons with the attribute "${attribute}" is needed; it has ${searchlight.attributes.map(({ name }) => name).join(", ")}`,
      attribute,
    });
  }
  const sites = [...new Map(searchlight.lights.map(({ site }) => [site.path, site])).values()];
  const values = new Map(sites.map(({ path, width }) => [path, new Float32Array(width).fill(Number.NaN)]));
  searchlight.lights.forEach(({ site, units }, i) => {
    const isShared =
      onlySelective && searchlight.attributes.some((other) => other.name !== attribute && other.q[i]! <= level);
    if (!isShared) values.get(site.path)![units[0]!] = found.values[i]!;
  });
  return { method: `searchlight ${attribute}`, sites, values };
}

/** A neuron by its layer and by its site, with its score. */
export interface NamedNeuron extends Unit {
  /** The path of its site: layers have several. */
  readonly site: string;
  readonly score: number;
}

/** Settings of `selectUnits`. */
export interface SelectUnitsOptions {
  /** How many: a whole number from 1, or a share of all neurons below 1. */
  readonly top: number;
  /** Whether the number is of every layer rather than of all. @default false */
  readonly perLayer?: boolean;
  /** Units that are not taken. @default none */
  readonly exclude?: readonly Unit[];
}

/**
 * The neurons with the greatest scores, the greatest first; equal scores keep the order of layers and units.
 *
 * @throws {ConfigError} When `top` cannot be meant, fewer neurons have a score, or a neuron that is not to be taken is none of the sites'.
 */
export function selectUnits(scores: NeuronScores, options: SelectUnitsOptions): readonly NamedNeuron[] {
  checkOptions("selectUnits", options, ["top", "perLayer", "exclude"]);
  const { top, perLayer = false, exclude = [] } = options;
  const excluded = new Set(exclude.flatMap((unit) => placesOf(scores.sites, unit)));
  const bySite = scores.sites.map((site) =>
    Array.from(
      scores.values.get(site.path)!,
      (score, unit): NamedNeuron => ({ ...unitOf(site, unit), site: site.path, score }),
    ).filter(({ score, site: path, unit }) => !Number.isNaN(score) && !excluded.has(`${path} ${unit}`)),
  );
  const take = (list: readonly NamedNeuron[], total: number): NamedNeuron[] => {
    const count = top < 1 ? Math.round(top * total) : top;
    if (!Number.isInteger(count) || count < 1 || count > list.length) {
      throw new ConfigError({
        message: `selectUnits: top ${top} means ${count} of ${list.length} neurons with scores`,
        top,
      });
    }
    return [...list].sort((a, b) => b.score - a.score).slice(0, count);
  };
  if (perLayer) return bySite.flatMap((list, i) => take(list, scores.sites[i]!.width));
  return take(
    bySite.flat(),
    scores.sites.reduce((sum, { width }) => sum + width, 0),
  );
}

/** A unit at every site that it can be meant to be of. */
function placesOf(sites: readonly NeuronSite[], unit: Unit): readonly string[] {
  const { site: path } = unit as Partial<NamedNeuron>;
  const found = sites.filter(
    (site) =>
      (path === undefined || site.path === path) &&
      site.layer === unit.layer &&
      (unit.stack === undefined || site.stack === unit.stack) &&
      unit.unit < site.width,
  );
  if (found.length > 0) return found.map((site) => `${site.path} ${unit.unit}`);
  throw new ConfigError({
    message: `selectUnits: there is no unit ${unit.unit} of layer ${unit.layer} to be left out; sites are ${sites.map((site) => site.path).join(", ")}`,
  });
}

/** A unit of a site. */
export const unitOf = ({ stack, layer }: NeuronSite, unit: number): Unit => ({
  ...(stack !== undefined && { stack }),
  ...(layer !== undefined && { layer }),
  unit,
});

/** A unit's name, equal for equal ones. */
export const keyOf = ({ stack, layer, unit }: Unit): string => `${stack ?? ""} ${layer ?? ""} ${unit}`;

/** How two sets of neurons overlap. */
export interface UnitOverlap {
  readonly shared: number;
  /** Shared over those in either, 0 to 1. */
  readonly jaccard: number;
  /** Chance of sharing at least as many, were both drawn at random: the hypergeometric tail. */
  readonly p: number;
}

/**
 * How much two sets of neurons overlap, against chance.
 *
 * @param total - All neurons that could have been chosen.
 * @throws {ConfigError} When a set holds more than all, or a neuron twice, names cannot be compared, or `total` is no number of neurons.
 */
export function measureOverlap(a: readonly Unit[], b: readonly Unit[], total: number): UnitOverlap {
  checkNames("measureOverlap", [...a, ...b]);
  const [left, right] = [new Set(a.map(keyOf)), new Set(b.map(keyOf))];
  const isMore = !Number.isSafeInteger(total) || left.size > total || right.size > total;
  if (left.size !== a.length || right.size !== b.length || isMore) {
    throw new ConfigError({
      message: `measureOverlap: sets of ${a.length} and ${b.length} different neurons of ${total} are needed`,
    });
  }
  const shared = [...left].filter((key) => right.has(key)).length;
  const either = left.size + right.size - shared;
  return {
    shared,
    jaccard: either === 0 ? 0 : shared / either,
    p: hypergeometricTail(shared, left.size, right.size, total),
  };
}

/** `P(X ≥ shared)` where `drawn` of `total` are drawn and `marked` are marked. */
function hypergeometricTail(shared: number, marked: number, drawn: number, total: number): number {
  const factorials = new Float64Array(total + 1); // logarithms
  for (let i = 2; i <= total; i++) factorials[i] = factorials[i - 1]! + Math.log(i);
  const choose = (n: number, k: number): number => factorials[n]! - factorials[k]! - factorials[n - k]!;
  let tail = 0;
  for (let k = shared; k <= Math.min(marked, drawn); k++) {
    if (drawn - k > total - marked) continue;
    tail += Math.exp(choose(marked, k) + choose(total - marked, drawn - k) - choose(total, drawn));
  }
  return Math.min(1, tail);
}

/** Throws where names of neurons cannot be compared: with a stack and without, or of two sites of a layer. */
function checkNames(caller: string, units: readonly Unit[]): void {
  const siteOf = new Map<string, string>();
  for (const unit of units) {
    const { site } = unit as Partial<NamedNeuron>;
    const known = siteOf.get(keyOf(unit));
    if ((unit.stack === undefined) !== (units[0]!.stack === undefined))
      throw new ConfigError({ message: `${caller}: some neurons name their stack and others do not` });
    if (site === undefined) continue;
    if (known !== undefined && known !== site)
      throw new ConfigError({
        message: `${caller}: neurons are of ${known} and of ${site}; compare those of one role`,
      });
    siteOf.set(keyOf(unit), site);
  }
}

/**
 * The neurons in all sets, in any, or in the first and no other; the order is that of the first set that has them.
 *
 * @throws {ConfigError} For another kind, and neurons whose names cannot be compared.
 */
export function combineUnits(kind: "all" | "any" | "first", sets: readonly (readonly Unit[])[]): readonly Unit[] {
  if (!["all", "any", "first"].includes(kind))
    throw new ConfigError({ message: `combineUnits: kind must be "all", "any" or "first", got "${kind}"`, kind });
  checkNames("combineUnits", sets.flat());
  const keys = sets.map((set) => new Set(set.map(keyOf)));
  const unique = [...new Map(sets.flat().map((unit) => [keyOf(unit), unit])).values()];
  return unique.filter((unit) => {
    const inside = keys.map((set) => set.has(keyOf(unit)));
    if (kind === "any") return true;
    return kind === "all" ? inside.every(Boolean) : inside[0] === true && !inside.slice(1).includes(true);
  });
}
