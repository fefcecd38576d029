/** PEFT's own rules for the layers that a config means, down to their oddities: they decide what a file addresses. */
import { endsWithName, matchesWhole } from "../targets.ts";

/** The part of a PEFT config that chooses layers. */
export interface PeftTargeting {
  /** A regular expression for the whole module path, or names. */
  readonly target_modules: string | readonly string[];
  readonly exclude_modules?: string | readonly string[] | null | undefined;
  readonly layers_to_transform?: number | readonly number[] | null | undefined;
  readonly layers_pattern?: string | readonly string[] | null | undefined;
  readonly modules_to_save?: readonly string[] | null | undefined;
}

/** A Python regular expression. Named groups are written differently there. */
function pythonPattern(source: string): RegExp {
  return new RegExp(source.replaceAll("(?P<", "(?<"));
}

function isExcluded(path: string, { exclude_modules: exclude, modules_to_save: saved }: PeftTargeting): boolean {
  const isNamed =
    typeof exclude === "string"
      ? exclude !== "" && matchesWhole(pythonPattern(exclude), path)
      : (exclude ?? []).some((name) => endsWithName(path, name));
  return isNamed || (saved ?? []).some((name) => pythonPattern(`^(|.*\\.)${name}($|\\..*)`).test(path));
}

/** The layer that a path lies in: the first number behind a name, or behind one of the given names. */
function layerOf(path: string, pattern: PeftTargeting["layers_pattern"]): number | undefined {
  const names = pattern == null ? [] : typeof pattern === "string" ? [pattern] : pattern;
  const expressions =
    names.length === 0
      ? [/^.*?\.[^.]*\.(\d+)\./]
      : names.map((name) => pythonPattern(`^(?:|.*?\\.)${name}\\.(\\d+)\\.`));
  for (const expression of expressions) {
    const index = expression.exec(path)?.[1];
    if (index !== undefined) return Number(index);
  }
  return undefined;
}

function isTargeted(path: string, targeting: PeftTargeting): boolean {
  const { target_modules: targets, layers_to_transform: layers } = targeting;
  if (typeof targets === "string") return matchesWhole(pythonPattern(targets), path);
  if (targets.includes(path)) return true;
  if (!targets.some((name) => endsWithName(path, name))) return false;
  if (layers == null || (Array.isArray(layers) && layers.length === 0)) return true;
  const layer = layerOf(path, targeting.layers_pattern);
  return layer !== undefined && (typeof layers === "number" ? [layers] : layers).includes(layer);
}

/**
 * The paths that a config targets, and the names in it that target nothing.
 *
 * @param paths - Every linear module of the model, with the task model's prefix.
 */
export function matchPeftTargets(
  paths: readonly string[],
  targeting: PeftTargeting,
): { readonly matched: readonly string[]; readonly unused: readonly string[] } {
  const { target_modules: targets } = targeting;
  const matched = paths.filter((path) => !isExcluded(path, targeting) && isTargeted(path, targeting));
  const unused =
    typeof targets === "string"
      ? matched.length === 0
        ? [targets]
        : []
      : targets.filter((name) => !paths.some((path) => endsWithName(path, name)));
  return { matched, unused };
}
