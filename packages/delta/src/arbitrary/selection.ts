import { ConfigError } from "@cambium/base";
import { type Random, random as seeded } from "@cambium/core";
import { describeUntrained, type Host, type HostSource, hostOf } from "../host.ts";
import { allowed, biasCandidates, type Candidate, candidatesOf, weightCandidates } from "./candidates.ts";
import { type ChoiceList, choose } from "./choose.ts";
import { countDead } from "./dead.ts";
import { digestOf } from "./digest.ts";
import { type Manifest, type Pick, readManifest, type Selection, writeManifest } from "./manifest.ts";
import { type ArbitraryConfig, type ArbitraryOptions, type Pool, parseOptions, type Unmade } from "./options.ts";
import { checkPlaces } from "./places.ts";

/** Lists of candidates, the weights last. Without stated shares the other pools are one list, as Su et al. have it. */
function listsOf(
  host: Host,
  recipe: Unmade,
  candidates: ReadonlyMap<Pool, readonly Candidate[]>,
): readonly ChoiceList[] {
  const { split } = recipe;
  const pools = [...candidates]
    .map(([pool, all]) => [pool, allowed(host, all, recipe)] as const)
    .sort(([a], [b]) => Number(a === "weights") - Number(b === "weights"));
  if (split !== undefined) return pools.map(([label, candidates]) => ({ label, candidates, share: split[label]! }));
  const others = pools.filter(([pool]) => pool !== "weights").flatMap(([, candidates]) => candidates);
  const weights = pools.find(([pool]) => pool === "weights")?.[1] ?? [];
  return [
    { label: "deltas", candidates: others, share: 1 },
    { label: "weights", candidates: weights, share: 1 },
  ].filter(({ candidates }) => candidates.length > 0);
}

/** What may stand in a manifest: weights, and biases that the model has no place for. */
function named(host: Host): readonly Candidate[] {
  return [...weightCandidates(host), ...biasCandidates(host).filter(({ site }) => site !== undefined)];
}

function select(host: Host, config: Unmade | ArbitraryConfig): Selection {
  if ("selection" in config) return readManifest(host, config.selection, named(host));
  const { seed, path } = config.random;
  const random = [...path, "arbitrary"].reduce<Random>((key, label) => key.at(label), seeded(seed));
  const candidates = candidatesOf(host, config);
  checkPlaces("arbitrary", host, [...candidates.values()].flat(), config);
  const selection = choose(listsOf(host, config, candidates), config, random.at(config.count), describeUntrained(host));
  return { ...selection, picks: [...selection.picks, ...frozenMembers(selection.picks, candidates)] };
}

const made = new WeakMap<ArbitraryConfig, { readonly host: Host; readonly selection: Selection }>();

/** The choice that a config means, made once for the model that it was parsed for. */
export function selectionOf(host: Host, config: ArbitraryConfig): Selection {
  const known = made.get(config);
  if (known?.host === host) return known.selection;
  const selection = select(host, config);
  made.set(config, { host, selection });
  return selection;
}

/**
 * The config that options mean.
 *
 * @throws {ConfigError} As `parseOptions`, when the choice cannot be made, and when it is another than the config's.
 */
export function parseArbitrary(options: ArbitraryOptions, host: Host, random: Random | undefined): ArbitraryConfig {
  const parsed = parseOptions(options, host, random);
  const selection = select(host, parsed);
  const config = "selection" in parsed ? parsed : { ...parsed, digest: digestOf(selection) };
  if ("digest" in parsed && "digest" in config && parsed.digest !== config.digest)
    throw new ConfigError({
      message: `arbitrary: the recipe chooses other scalars here (${config.digest}) than where it was trained (${parsed.digest}); was it made for another model, or by another version?`,
      digest: config.digest,
    });
  made.set(config, { host, selection });
  return config;
}

const none = new Int32Array(0);

/** What is not chosen of LoRAs and adapters that are chosen in part: it takes part as it starts. */
function frozenMembers(picks: readonly Pick[], candidates: ReadonlyMap<Pool, readonly Candidate[]>): Pick[] {
  return (["lora", "adapter"] as const).flatMap((pool) => {
    const ofPool = picks.filter(({ candidate }) => candidate.pool === pool);
    const groups = new Set(ofPool.map(({ candidate }) => candidate.group));
    const chosen = new Set(ofPool.map(({ candidate }) => candidate.name));
    return (candidates.get(pool) ?? [])
      .filter(({ group, name }) => groups.has(group) && !chosen.has(name))
      .map((candidate) => ({ candidate, all: false, rows: none, scalars: none }));
  });
}

/**
 * The scalars that `arbitrary` would train with these options, without a tensor: how many in each layer and role, and which; and
 * what of the model no choice falls on, under `untrained`.
 *
 * @param model - A model, or what `modelLayout` gives.
 * @param random - Where the choice comes from.
 * @throws {ConfigError} As `arbitrary`.
 * @example
 * const { count, layers, roles } = selectArbitrary(base, { count: 50_000 }, random(4));
 */
export function selectArbitrary(model: HostSource, options: ArbitraryOptions, random: Random): Manifest {
  const host = hostOf(model);
  const selection = selectionOf(host, parseArbitrary(options, host, random));
  return writeManifest(host, selection, countDead(selection));
}
