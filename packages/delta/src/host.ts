import { type Role, type Site, sizeOfShape } from "@cambium/core";
import {
  type Architecture,
  type LanguageModel,
  type Layout,
  type MethodDefaults,
  storedParameters,
} from "@cambium/models";
import type { Tensor } from "@tensorflow/tfjs-core";

/** What a method reads of a model before it touches a value: sites, and the shapes of the weights. */
export interface Host {
  /** As in the checkpoint's `config.json`. */
  readonly config: unknown;
  /** Shapes of the weights by their names in the checkpoint. */
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly dtype?: string }>;
  /** What training the head means, by names in `tensors`. @default no head */
  readonly headParameters?: readonly string[];
  /** Whether words of a model of one stack see those before them alone. @default false */
  readonly isCausal?: boolean;
  /** Where methods go on this family when nothing is said, by their kinds. @default every method's own roles */
  readonly defaults?: MethodDefaults;
  /** Every site, in the order of the visits. */
  sites(): readonly Site[];
}

/** A model with weights, as far as methods read it: a `LanguageModel`, or any model of core's interface. */
export interface HostModel {
  readonly config: unknown;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly headParameters?: readonly string[];
  readonly architecture?: Architecture;
  /** Every site, in the order of the visits. */
  sites(): readonly Site[];
}

/** A layout with what it belongs to, such as `modelLayout` gives: enough to count, and no weights. */
export interface HostLayout extends Layout {
  readonly config: unknown;
  readonly architecture: Architecture;
}

/** Whatever a `Host` can be read off. */
export type HostSource = Host | HostModel | LanguageModel | HostLayout;

/** One for each model, so that what is found out about it is found out once. */
const hosts = new WeakMap<HostSource, Host>();

/** Sites and shapes of a model, or of a layout, which needs no weights. */
export function hostOf(source: HostSource): Host {
  if ("tensors" in source) return source;
  let host = hosts.get(source);
  if (host === undefined) {
    host = typeof source.sites === "function" ? ofModel(source as HostModel) : ofLayout(source as HostLayout);
    hosts.set(source, host);
  }
  return host;
}

function ofModel({ config, parameters, headParameters, architecture, ...model }: HostModel): Host {
  const sites = model.sites();
  return {
    config,
    tensors: parameters,
    sites: () => sites,
    ...(headParameters !== undefined && { headParameters }),
    ...(architecture !== undefined && { defaults: architecture.defaults, isCausal: isCausal(architecture) }),
  };
}

function ofLayout({ config, architecture, sites, ...layout }: HostLayout): Host {
  const tensors = storedParameters({ sites, ...layout });
  const tables = tablesOf(sites);
  const names = sites
    .filter(({ role }) => role === "head")
    .flatMap(({ weight, bias }) => [weight?.name, bias])
    .filter((name) => name !== undefined && !tables.has(name));
  return {
    config,
    tensors,
    sites: () => sites,
    headParameters: [...tensors.keys()].filter((name) => names.includes(name)),
    defaults: architecture.defaults,
    isCausal: isCausal(architecture),
  };
}

const isCausal = ({ heads }: Architecture): boolean => Object.hasOwn(heads, "causal-lm");

/** A tensor of a model that no method trains. */
export interface UntrainedTensor {
  readonly tensor: string;
  readonly dtype: string;
  /** Scalars. */
  readonly count: number;
}

/** Whether a tensor can be trained. Weights in 8 or 4 bits can: they are float32 tensors, of rounded values. */
export const isTrainable = ({ dtype = "float32" }: { readonly dtype?: string }): boolean => dtype === "float32";

/** What a model has that cannot be trained: tables of integers and masks, such as models from outside may keep beside their weights. */
export function untrained({ tensors }: Host): readonly UntrainedTensor[] {
  return [...tensors]
    .filter(([, tensor]) => !isTrainable(tensor))
    .map(([tensor, { dtype, shape }]) => ({ tensor, dtype: dtype!, count: sizeOfShape(shape) }))
    .sort((a, b) => (a.tensor < b.tensor ? -1 : 1));
}

/** What a message adds where tensors are left out: `; "table" (int32) is not float32, and not trained`. */
export function describeUntrained(host: Host): string {
  const [first, ...others] = untrained(host);
  if (first === undefined) return "";
  const more = others.length > 0 ? ` and ${others.length} more are` : " is";
  return `; "${first.tensor}" (${first.dtype})${more} not float32, and not trained`;
}

/** Names of the tables of word embeddings, which heads may share. */
export function tablesOf(sites: readonly Site[]): ReadonlySet<string> {
  return new Set(sites.flatMap(({ kind, weight }) => (kind === "embed" && weight !== undefined ? [weight.name] : [])));
}

/** The roles that a method goes to on this family: its own entry, or that of the method that it goes with, or `usual`. */
export function defaultRoles(
  { defaults = {} }: Host,
  kinds: readonly string[],
  usual: readonly Role[],
  key = "targets",
): readonly Role[] {
  const found = kinds.map((kind) => defaults[kind]?.[key]).find((roles) => roles !== undefined);
  return (found as readonly Role[] | undefined) ?? usual;
}

/** A function of a host and a config that is computed once for each pair. */
export function oncePerPair<Config, Result>(
  compute: (shape: Host, config: Config) => Result,
): (shape: Host, config: Config) => Result {
  const known = new WeakMap<Host, WeakMap<object, Result>>();
  return (shape, config) => {
    const ofHost = known.get(shape) ?? new WeakMap<object, Result>();
    known.set(shape, ofHost);
    const key = config as object;
    if (!ofHost.has(key)) ofHost.set(key, compute(shape, config));
    return ofHost.get(key)!;
  };
}
