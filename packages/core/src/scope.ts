/**
 * A scope is what an architecture is written against: it reads parameters through weight hooks and visits sites
 * through activation hooks. `scope.at("attention.self")` is the same scope further down the checkpoint's names.
 */

import { ConfigError } from "@cambium/base";
import { add, matMul, reshape, type Tensor, type Tensor2D } from "@tensorflow/tfjs-core";
import type { Around, Context, Hook, OnWeight } from "./hook.ts";
import type { Parameters } from "./parameters.ts";
import { quantisedLinear } from "./quantised-linear.ts";
import { matrixOf } from "./quantised-weight.ts";
import type { Random } from "./random.ts";
import type { Flow, Kind, Site } from "./site.ts";

/** What a forward pass runs with. */
export interface ScopeOptions {
  readonly hooks: readonly Hook[];
  readonly training: boolean;
  readonly random: Random;
  /** Every site the architecture may visit. */
  readonly sites: readonly Site[];
}

/** A place in the checkpoint's tree of names, during one forward pass. */
export interface Scope {
  /** Dotted path of this place, empty at the root. */
  readonly path: string;
  readonly training: boolean;
  /** Randomness of this place. */
  readonly random: Random;
  /** The scope `name` further down. */
  at(name: string | number): Scope;
  /** Whether the checkpoint has this parameter. */
  has(name: string): boolean;
  /** A parameter, after the hooks on it. */
  parameter(name: string): Tensor;
  /** Visits the site of this kind at `name` (empty: at this very place). */
  call<K extends Kind>(
    kind: K,
    name: string,
    input: Flow[K]["input"],
    body: (input: Flow[K]["input"]) => Flow[K]["output"],
  ): Flow[K]["output"];
  /** Visits the linear site at `name`: `x W^T + b`, with its `weight` and, where there is one, its `bias`. */
  linear(name: string, x: Tensor): Tensor;
  /** Whether any hook touches a site at this place or below it, or a parameter read there; else a fused kernel may run. */
  touched(name?: string): boolean;
}

function join(path: string, name: string | number): string {
  if (name === "") return path;
  return path === "" ? String(name) : `${path}.${name}`;
}

/** The declared sites by kind and path, looked up once for each list. */
const siteIndexes = new WeakMap<readonly Site[], ReadonlyMap<string, Site>>();

function indexSites(sites: readonly Site[]): ReadonlyMap<string, Site> {
  let index = siteIndexes.get(sites);
  if (index === undefined) {
    index = new Map(sites.map((site) => [`${site.kind}:${site.path}`, site]));
    siteIndexes.set(sites, index);
  }
  return index;
}

/** A hook, and what its randomness is derived from: its name, and how many hooks of that name come before it. */
interface Placed<H = { readonly kind: string }> {
  readonly hook: H;
  readonly label: string;
  readonly ordinal: number;
}

function placeHooks(hooks: readonly Hook[]): Placed<Hook>[] {
  const counts = new Map<string, number>();
  return hooks.map((hook) => {
    const label = hook.name ?? "";
    const ordinal = counts.get(label) ?? 0;
    counts.set(label, ordinal + 1);
    return { hook, label, ordinal };
  });
}

/** `x W^T + b` over the last axis, `x` `[..., in]`, `weight` `[out, in]`, `bias` `[out]`; in 8 bits where the weight is. */
export function applyLinear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const matrix = matrixOf(weight);
  if (matrix !== undefined) return quantisedLinear(x, weight, matrix, bias);
  const [out, width] = weight.shape as [number, number];
  const flat = reshape(x, [-1, width]) as Tensor2D;
  const product = matMul(flat, weight as Tensor2D, false, true);
  return reshape(bias === undefined ? product : add(product, bias), [...x.shape.slice(0, -1), out]);
}

/**
 * The root scope of one forward pass.
 *
 * @throws {ConfigError} From its methods: an unknown parameter, or a visit to a site that was not declared.
 */
export function createScope(parameters: Parameters, { hooks, training, random, sites }: ScopeOptions): Scope {
  const index = indexSites(sites);
  const placed = placeHooks(hooks);
  const weightHooks = placed.filter((hook): hook is Placed<OnWeight> => hook.hook.kind === "weight");
  const edited = new Map<string, Tensor>();

  /** A parameter as the first `end` weight hooks leave it. Every hook runs once on every parameter, again only within `remat`. */
  function readBefore(name: string, end: number): Tensor {
    const position = weightHooks.slice(0, end).findLastIndex(({ hook }) => hook.at(name));
    const last = weightHooks[position];
    if (last === undefined) {
      const stored = parameters.get(name);
      if (stored !== undefined) return stored;
      throw new ConfigError({
        message: `model: no parameter "${name}"; was the checkpoint made for another architecture?`,
        name,
      });
    }
    const key = `${position}:${name}`;
    let value = edited.get(key);
    // What was made within a part that is computed twice (`remat`) is gone when it is computed again.
    if (value === undefined || value.isDisposed) {
      const context = contextOf(last, name, (other) => readBefore(other, position));
      value = last.hook.run(name, readBefore(name, position), context);
      edited.set(key, value);
    }
    return value;
  }

  const read = (name: string): Tensor => readBefore(name, weightHooks.length);

  function contextOf({ label, ordinal }: Placed, path: string, readParameter: (name: string) => Tensor): Context {
    return {
      training,
      get random() {
        return random.at(path).at(label).at(ordinal);
      },
      read: readParameter,
    };
  }

  function hooksAt<K extends Kind>(site: Site<K>): Placed<Around<K>>[] {
    const candidates = placed.filter(({ hook }) => hook.kind === site.kind) as unknown as Placed<Around<K>>[];
    return candidates.filter(({ hook }) => hook.at(site));
  }

  function visit<K extends Kind>(
    kind: K,
    path: string,
    input: Flow[K]["input"],
    body: (input: Flow[K]["input"]) => Flow[K]["output"],
  ): Flow[K]["output"] {
    const site = index.get(`${kind}:${path}`) as Site<K> | undefined;
    if (site === undefined)
      throw new ConfigError({
        message: `internal: the forward pass visits ${kind} site "${path}", which the model does not declare`,
        kind,
        path,
      });
    let next = body;
    for (const found of hooksAt(site)) {
      const inner = next;
      next = (value) => found.hook.run({ site, input: value, next: inner, context: contextOf(found, path, read) });
    }
    return next(input);
  }

  function touchedAt(prefix: string): boolean {
    const inside = (path: string): boolean => prefix === "" || path === prefix || path.startsWith(`${prefix}.`);
    for (const site of sites) {
      if (inside(site.path) && hooksAt(site).length > 0) return true;
    }
    return (
      weightHooks.length > 0 &&
      [...parameters.keys()].some((name) => inside(name) && weightHooks.some(({ hook }) => hook.at(name)))
    );
  }

  function at(path: string): Scope {
    return {
      path,
      training,
      get random() {
        return random.at(path);
      },
      at: (name) => at(join(path, name)),
      has: (name) => parameters.has(join(path, name)),
      parameter: (name) => read(join(path, name)),
      call: (kind, name, input, body) => visit(kind, join(path, name), input, body),
      linear: (name, x) => {
        const here = join(path, name);
        return visit("linear", here, x, (value) =>
          applyLinear(value, read(`${here}.weight`), parameters.has(`${here}.bias`) ? read(`${here}.bias`) : undefined),
        );
      },
      touched: (name = "") => touchedAt(join(path, name)),
    };
  }
  return at("");
}
