/** PEFT's own rules for the layers that a config means, down to their oddities: they decide what a file addresses. */
import { FormatError } from "@cambium/base";
import { pythonPattern } from "../python-pattern/match.ts";
import { endsWithName } from "../targets.ts";

/** The part of a PEFT config that chooses layers. */
export interface PeftTargeting {
  /** A regular expression for the whole module path, or names. */
  readonly target_modules: string | readonly string[];
  readonly exclude_modules?: string | readonly string[] | null | undefined;
  readonly layers_to_transform?: number | readonly number[] | null | undefined;
  readonly layers_pattern?: string | readonly string[] | null | undefined;
  readonly modules_to_save?: readonly string[] | null | undefined;
}

/** Whether modules are left alone. */
function exclusion({ exclude_modules: exclude, modules_to_save: saved }: PeftTargeting): (path: string) => boolean {
  const names = typeof exclude === "string" || exclude == null ? [] : exclude;
  const whole = typeof exclude === "string" && exclude !== "" ? pythonPattern(exclude) : undefined;
  const modules = (saved ?? []).map((name) => pythonPattern(String.raw`(^|.*\.)${name}($|\..*)`));
  return (path) =>
    whole?.matchesWhole(path) === true ||
    names.some((name) => endsWithName(path, name)) ||
    modules.some((module) => module.endsIn(path).length > 0);
}

/** The layer that a path lies in: the first number behind a name, or behind one of the given names. */
function layerFinder(pattern: PeftTargeting["layers_pattern"]): (path: string) => number | undefined {
  const names = pattern == null || pattern === "" ? [] : typeof pattern === "string" ? [pattern] : pattern;
  const heads = names.map((name) => {
    checkClosed(name);
    return pythonPattern(String.raw`(?:^|.*?\.)${name}\.`);
  });
  if (heads.length === 0) heads.push(pythonPattern(String.raw`.*?\.[^.]*\.`));
  return (path) => {
    for (const head of heads) {
      for (const end of head.endsIn(path)) {
        const number = /^(\d+)\./.exec(path.slice(end));
        if (number !== null) return Number(number[1]);
      }
    }
    return undefined;
  };
}

/** PEFT puts the pattern between others as it is: a bar that is in no group would cut these off too. */
function checkClosed(pattern: string): void {
  if (!pattern.replace(/\\.|\[[^\]]*\]|\([^()]*\)/g, "").includes("|")) return;
  throw new FormatError({
    message: `"layers_pattern" ${JSON.stringify(pattern)} has alternatives outside of a group, which is not read`,
    pattern,
  });
}

/** Whether modules are targeted, as far as they are not excluded. */
function targeting(config: PeftTargeting): (path: string) => boolean {
  const { target_modules: targets, layers_to_transform: layers } = config;
  if (typeof targets === "string") {
    const whole = pythonPattern(targets);
    return (path) => whole.matchesWhole(path);
  }
  const isEveryLayer = layers == null || (Array.isArray(layers) && layers.length === 0);
  const wanted = typeof layers === "number" ? [layers] : (layers ?? []);
  const layerOf = isEveryLayer ? () => undefined : layerFinder(config.layers_pattern);
  return (path) => {
    if (targets.includes(path)) return true;
    if (!targets.some((name) => endsWithName(path, name))) return false;
    const layer = layerOf(path);
    return isEveryLayer || (layer !== undefined && wanted.includes(layer));
  };
}

/**
 * The paths that a config targets, and the names in it that target nothing.
 *
 * @throws {FormatError} For an expression that Python refuses, or that is not read; names the construct.
 * @param paths - Every linear module of the model, with the task model's prefix.
 */
export function matchPeftTargets(
  paths: readonly string[],
  config: PeftTargeting,
): { readonly matched: readonly string[]; readonly unused: readonly string[] } {
  const { target_modules: targets } = config;
  const [isExcluded, isTargeted] = [exclusion(config), targeting(config)];
  const matched = paths.filter((path) => !isExcluded(path) && isTargeted(path));
  const unused =
    typeof targets === "string"
      ? matched.length === 0
        ? [targets]
        : []
      : targets.filter((name) => !paths.some((path) => endsWithName(path, name)));
  return { matched, unused };
}
