import { ConfigError, parseConfig } from "@cambium/base";
import type { Site } from "@cambium/core";
import * as z from "zod";
import type { PeftFormat, PeftSource } from "../files/peft-format.ts";
import { writeNames } from "../files/peft-layers.ts";
import { matchPeftTargets } from "../files/peft-targets.ts";
import { defaultRoles, type Host, hostOf } from "../host.ts";
import { type SeedlessMethod, seedlessMethod } from "../method.ts";
import { endsWithName, selectSites, type TargetOptions, targetKeys } from "../targets.ts";
import { rebaseChanges, replacements, replacing } from "./whole.ts";

/** Settings of `norms`. Targets are norms. */
export interface NormsOptions extends TargetOptions {}

/** Trained norms as JSON. */
export interface NormsConfig {
  /** Module paths. */
  readonly targets: readonly string[];
}

const schema = z.strictObject({ ...targetKeys });
const names = z.union([z.string(), z.array(z.string()).readonly()]).nullish();
const fields = z.looseObject({ target_modules: names, exclude_modules: names });

/** PEFT's `LN_TUNING`. It trains a copy of any module; here it is norms alone. */
const format: PeftFormat<NormsOptions, NormsConfig> = {
  type: "LN_TUNING",
  read(source) {
    const { target_modules: targets, exclude_modules: exclude } = source.fields(fields);
    const host = hostOf(source.base);
    if (targets == null) return { problems: [], options: {} };
    const paths = new Map(normSites(host).map(({ path }) => [source.theirName(path), path]));
    const { matched, unused } = matchPeftTargets([...paths.keys()], {
      target_modules: targets,
      exclude_modules: exclude,
      modules_to_save: source.modulesToSave,
    });
    const others = matchOthers(source, targets, [...paths.keys()]);
    const problems = [
      ...unused.filter((name) => !others.includes(name)).map((name) => `the target "${name}" is no norm`),
      ...others.map((name) => `the target "${name}" is no norm, but another module, which ${other}`),
    ];
    if (matched.length === 0) return { problems };
    const wanted = new Set(matched.map((name) => paths.get(name)!));
    return { problems, options: { targets: ({ path }) => wanted.has(path) } };
  },
  write: ({ config }, base) => ({ fields: { target_modules: writeNames(base, config.targets) } }),
  keys: {
    write: (name, wrap) => wrap(name.replace(/\.([^.]+)$/, ".ln_tuning_layers.$1")),
    read: (key) => key.replace(/\.ln_tuning_layers\.(?:[^.]+\.)?([^.]+)$/, ".$1"),
  },
};

const other = "is trained whole by whole(model, { modules }): name it in modules_to_save";

/** Names among the targets that mean linear layers or tables. */
function matchOthers(
  source: PeftSource,
  targets: string | readonly string[],
  norms: readonly string[],
): readonly string[] {
  const rest = source.base
    .sites()
    .filter(({ weight }) => weight !== undefined)
    .map(({ path }) => source.theirName(path))
    .filter((path) => !norms.includes(path));
  if (typeof targets === "string") return matchPeftTargets(rest, { target_modules: targets }).matched;
  return targets.filter((name) => rest.some((path) => endsWithName(path, name)));
}

/**
 * Norm tuning (Zhao et al. 2023, arXiv:2312.11420; Qi et al. 2022, arXiv:2211.08682): trains the gains of norms, and their biases
 * where they have some, from where they are. So the model is unchanged until the first step.
 *
 * By default every norm outside the head, or those that PEFT takes on this family: `2 · dModel` scalars for each LayerNorm, `dModel`
 * for each norm of squares. Train with a learning rate well above LoRA's, and without weight decay. On another base it is what
 * training changed, added to that base's norms.
 *
 * @throws {ConfigError} For targets that match no norm.
 * @example
 * const tuned = attach(base, norms(base), head(base));
 */
export const norms: SeedlessMethod<NormsOptions, NormsConfig> = seedlessMethod<NormsOptions, NormsConfig>({
  kind: "norms",
  parse(options, shape) {
    const { targets, ...where } = parseConfig("norms", schema, options);
    const all = normSites(shape);
    if (all.length === 0) throw new ConfigError({ message: "norms: the model has no norms with weights" });
    const usual = defaultRoles(shape, ["norms"], [...new Set(all.map(({ role }) => role))]);
    return { targets: selectSites("norms", all, { targets: targets ?? usual, ...where }).map(({ path }) => path) };
  },
  tensors: (shape, { targets }) =>
    replacements(
      shape,
      normSites(shape)
        .filter(({ path }) => targets.includes(path))
        .flatMap(({ weight, bias }) => [weight!.name, ...(bias === undefined ? [] : [bias])]),
    ),
  ...replacing,
  rebase: rebaseChanges,
  peft: format,
});

/** Norms outside the head that have weights. */
function normSites(shape: Host): readonly Site[] {
  return shape
    .sites()
    .filter(
      ({ kind, role, weight }) =>
        kind === "norm" && role !== "head" && weight !== undefined && shape.tensors.has(weight.name),
    );
}
