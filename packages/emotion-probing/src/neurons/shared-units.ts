import { ConfigError, checkOptions } from "@cambium/base";
import type { Unit } from "@cambium/models";
import { type NeuronScores, unitOf } from "./scores.ts";

/** Settings of `selectSharedUnits`. */
export interface SelectSharedUnitsOptions {
  /** Share of each list's greatest score that a neuron must exceed, 0 to 1. @default 0.2 */
  readonly threshold?: number;
  /** Share of the lists that must have the neuron, at first. @default 0.7 */
  readonly share?: number;
  /** By how much that share moves until the number of neurons is right. @default 0.05 */
  readonly step?: number;
  /** How many neurons are wanted, if there can be so many. @default 2 */
  readonly least?: number;
  /** @default 5 */
  readonly most?: number;
}

/** The neurons, with the paths of their sites, and the share of the lists that each is in at least. */
export interface SharedUnits {
  readonly units: readonly (Unit & { readonly site: string })[];
  readonly share: number;
}

/**
 * Neurons that score high for most of several ways to ask the same: knowledge neurons, where the scores are attributions of paraphrases.
 *
 * What such neurons show is less than their name says: changing them mostly shifts probabilities (Niu et al. 2024, arXiv:2405.02421).
 *
 * @param lists - Scores by paraphrase, such as `attributeUnits` gives them, of the same sites. A neuron without a score (NaN) is in no list.
 * @returns The neurons most widely shared first. Fewer or more than wanted where no share gives that many.
 * @throws {ConfigError} For options that do not exist or cannot be meant, no list, or lists of different sites.
 * @see Dai et al. 2022, Knowledge neurons in pretrained transformers, arXiv:2104.08696, section 3.3.
 */
export function selectSharedUnits(lists: readonly NeuronScores[], options: SelectSharedUnitsOptions = {}): SharedUnits {
  checkOptions("selectSharedUnits", options, ["threshold", "share", "step", "least", "most"]);
  const { threshold = 0.2, share = 0.7, step = 0.05, least = 2, most = 5 } = options;
  const isShare = (value: number): boolean => value > 0 && value <= 1;
  if (
    lists.length === 0 ||
    !(threshold >= 0 && threshold < 1) ||
    !isShare(share) ||
    !isShare(step) ||
    !(least >= 1 && most >= least)
  ) {
    throw new ConfigError({
      message: `selectSharedUnits: at least one list, a threshold from 0 to below 1, share and step above 0 to 1, and least at most most are needed, got ${lists.length}, ${threshold}, ${share}, ${step}, ${least} and ${most}`,
    });
  }
  const pathsOf = ({ sites }: NeuronScores): string => sites.map(({ path, width }) => `${path} (${width})`).join(", ");
  const other = lists.findIndex((list) => pathsOf(list) !== pathsOf(lists[0]!));
  if (other >= 0) {
    throw new ConfigError({
      message: `selectSharedUnits: list ${other} is of other sites than the first: ${pathsOf(lists[other]!)}; not ${pathsOf(lists[0]!)}`,
      index: other,
    });
  }
  const counts = new Map<string, { readonly unit: SharedUnits["units"][number]; count: number }>();
  for (const { sites, values } of lists) {
    const known = sites.flatMap(({ path }) => Array.from(values.get(path)!).filter((score) => !Number.isNaN(score)));
    const greatest = known.reduce((a, b) => Math.max(a, b), 0);
    for (const site of sites) {
      values.get(site.path)!.forEach((score, i) => {
        if (!(score > threshold * greatest)) return;
        const key = `${site.path} ${i}`;
        const counted = counts.get(key) ?? { unit: { ...unitOf(site, i), site: site.path }, count: 0 };
        counted.count += 1;
        counts.set(key, counted);
      });
    }
  }
  const ordered = [...counts.values()].sort((a, b) => b.count - a.count);
  const at = (wanted: number): SharedUnits["units"] =>
    ordered.filter(({ count }) => count >= wanted * lists.length - 1e-9).map(({ unit }) => unit);
  let current = share;
  let units = at(current);
  // Too many: ask for more of the lists; too few: for fewer. What went past the wanted number stays on the side of fewer neurons.
  const upwards = units.length > most;
  while (upwards ? units.length > most : units.length < least) {
    const next = upwards ? current + step : current - step;
    if (next > 1 + 1e-9 || next <= 1e-9) break;
    current = next;
    units = at(current);
  }
  return { units, share: Math.min(1, current) };
}
