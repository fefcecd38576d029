/** OpenDelta's adapters: behind a sub-layer's last layer, dense or Compacter's, and beside a feed-forward part. */
import type { FormatError } from "@cambium/base";
import type { Site } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import * as z from "zod";
import { adapter } from "../../methods/adapter.ts";
import { endsWithName } from "../../targets.ts";
import { draft } from "../draft.ts";
import { isTaskFile, ourName, theirName } from "../peft-names.ts";
import { bottleneckActivations } from "./adapters-library.ts";
import type { ForeignLora } from "./lora-layers.ts";
import type { Viewed } from "./view.ts";

/** Types of adapters. */
export type AdapterType = "adapter" | "parallel_adapter" | "compacter";

/** Names of the tensors of each type: the module that it stands at, the side, and the part. */
export const adapterTensors: Readonly<Record<AdapterType, RegExp>> = {
  adapter: /^(.*)\.adapter\.modulelist\.(down|up)_proj\.(weight|bias)$/,
  parallel_adapter: /^(.*)\.parallel_adapter\.modulelist\.(down|up)_proj\.(weight|bias)$/,
  compacter: /^(.*)\.compactor\.(down|up)_sampler\.(\w+)$/,
};

/** Settings of all of them. */
export interface AdapterSettings {
  readonly non_linearity: string;
  readonly modified_modules?: readonly string[] | null | undefined;
  readonly exclude_modules?: readonly string[] | null | undefined;
  readonly hypercomplex_division: number;
}

/** Settings under which a Compacter has other tensors, with the values that are read. */
const fixed: Readonly<Record<string, unknown>> = {
  learn_phm: true,
  factorized_phm: true,
  factorized_phm_rule: false,
  shared_phm_rule: false,
  shared_W_phm: false,
  phm_rank: 1,
  use_bias_up_sampler: true,
  use_bias_down_sampler: true,
};

export const adapterSchema: z.ZodType<AdapterSettings> = z.looseObject({
  non_linearity: z.string().default("gelu_new"),
  modified_modules: z.array(z.string()).nullish(),
  exclude_modules: z.array(z.string()).nullish(),
  hypercomplex_division: z.int().positive().default(4),
});

/** Adapters of one type. */
export function readAdapters(
  base: LanguageModel,
  type: AdapterType,
  settings: AdapterSettings,
  found: ReadonlyMap<string, Viewed>,
  fail: (problem: string) => FormatError,
): ForeignLora {
  const activation = bottleneckActivations[settings.non_linearity.toLowerCase()];
  if (activation === undefined)
    throw fail(
      `has the non_linearity ${JSON.stringify(settings.non_linearity)}; ${Object.keys(bottleneckActivations).join(", ")} are read`,
    );
  if (type === "compacter") checkCompacter(settings, fail);
  if (type === "parallel_adapter") checkPair(base, settings, isTaskFile(base, found.keys()), fail);
  const sites = base.sites();
  const tensors = new Map<string, Viewed>();
  const layers = new Set<number>();
  const roles = new Set<string>();
  const problems = new Set<string>();
  let bottleneck = 1;
  for (const [key, viewed] of found) {
    const [, module, side, part] = adapterTensors[type].exec(key) as unknown as [string, string, string, string];
    const at = sites.find(({ path }) => path === ourName(base, module));
    const role = roleAt(type, at);
    const site = sites.find((each) => each.role === role && each.layer === at?.layer && each.stack === at?.stack);
    if (role === undefined || site === undefined) {
      problems.add(`an adapter stands at "${module}"; ${where[type]}`);
      continue;
    }
    layers.add(site.layer!);
    roles.add(role);
    const name = part === "b" ? "bias" : part;
    if (side === "down" && name === "bias") bottleneck = viewed.file.entries.get(viewed.key)!.shape[0] ?? 1;
    tensors.set(`${site.path}.adapter.${side}.${name}`, viewed);
  }
  if (!roles.has("ff") && problems.size === 0)
    problems.add("its adapters stand behind attention alone; those of feed-forward parts, or of both, are read");
  if (problems.size > 0) return { drafts: [], tensors: new Map(), problems: [...problems] };
  const options = {
    placement: type === "parallel_adapter" ? "parallel" : roles.has("attn") ? "houlsby" : "feed-forward",
    activation,
    bottleneck: Math.max(1, bottleneck),
    scale: 1,
    layers: [...layers].sort((a, b) => a - b),
    ...(type === "compacter" && { phm: { division: settings.hypercomplex_division, share: false } }),
  };
  return { drafts: [draft(base, adapter as never, options)], tensors, problems: [] };
}

const behind = "those behind a sub-layer's last layer are read";
const where: Readonly<Record<AdapterType, string>> = {
  adapter: behind,
  compacter: behind,
  parallel_adapter:
    'those beside feed-forward parts are read, as of modified_modules ["ff@.w1@", "ff@.w2@"]; beside attention, where OpenDelta adds them behind the residual sum in some models, no method here has them',
};

/** The sub-layer that an adapter at a module serves. */
function roleAt(type: AdapterType, at: Site | undefined): "attn" | "ff" | undefined {
  if (at?.kind !== "linear") return undefined;
  if (type === "parallel_adapter") return isFirst(at) ? "ff" : undefined;
  return at.role === "attn.out" ? "attn" : at.role === "ff.down" ? "ff" : undefined;
}

const isFirst = ({ role }: Site): boolean => role === "ff.up" || role === "ff.gate";
const isLast = ({ role }: Site): boolean => role === "ff.down";

function checkCompacter(settings: AdapterSettings, fail: (problem: string) => FormatError): void {
  const given = settings as unknown as Readonly<Record<string, unknown>>;
  const other = Object.keys(fixed).find((key) => (given[key] ?? fixed[key]) !== fixed[key]);
  if (other === undefined) return;
  throw fail(
    other === "learn_phm"
      ? 'has "learn_phm" false: OpenDelta does not save the matrices that it then leaves random, and they are lost'
      : `has ${JSON.stringify(other)} ${JSON.stringify(given[other])}; Compacters with ${JSON.stringify(fixed[other])} are read`,
  );
}

/**
 * Throws unless the adapters read what a feed-forward part's first layer reads, and are added to what its last gives: OpenDelta begins
 * an adapter at one of the modules that the config names, and ends it at the next.
 */
function checkPair(
  base: LanguageModel,
  { modified_modules: modules, exclude_modules: excluded }: AdapterSettings,
  isTask: boolean,
  fail: (problem: string) => FormatError,
): void {
  const named = base.sites().flatMap((site) => {
    const name = theirName(base, site.path, isTask);
    const isOut = site.kind !== "linear" || (excluded ?? []).some((prefix) => name.startsWith(prefix));
    return isOut ? [] : [{ ...site, name }];
  });
  const [first = [], last = [], ...others] = (modules ?? []).map((pattern) =>
    named.filter((site) =>
      pattern.includes("@") // a name that all models share
        ? endsWithName(isFirst(site) ? "ff@.w1@" : isLast(site) ? "ff@.w2@" : "", pattern)
        : endsWithName(site.name, pattern),
    ),
  );
  const layersOf = (sites: readonly Site[]): string =>
    [...new Set(sites.map(({ stack, layer }) => `${stack} ${layer}`))].sort().join();
  const isPair = (a: readonly Site[], b: readonly Site[]): boolean =>
    a.length > 0 && layersOf(a) === layersOf(b) && a.every(isFirst) && b.every(isLast);
  if (others.length === 0 && (isPair(first, last) || isPair(last, first))) return;
  throw fail(`has the modified_modules ${JSON.stringify(modules ?? null)}; ${where.parallel_adapter}`);
}
