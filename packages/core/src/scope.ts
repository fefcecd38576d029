/**
 * A scope is what an architecture is written against: it reads parameters through weight hooks and visits sites
 * through activation hooks. `scope.at("attention.self")` is the same scope further down the checkpoint's names.
 *
 * `createScope` makes the root of one forward pass. What a site's own computation is stands in `layers.ts`: a linear layer
 * and its parts, attention, the feed-forward part; here is only the way to it.
 */
import { ConfigError, checkOptions } from "@cambium/base";
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";

import type { Around, Context, Hook, OnWeight } from "./hook.ts";
import { type AttendOptions, applyAttention, applyWeight, columnsOf, type FeedForward, feedForward } from "./layers.ts";
import type { Parameters } from "./parameters.ts";
import type { Random } from "./random.ts";
import type { Flow, Kind, Site } from "./site.ts";

/** Keys and values of rows that came before, in the order that products with one query read them in. */
export interface RowsBefore {
  /** Keys, `[batch · heads, 1, dHead, rows]`: a row's key is a column. */
  readonly columns: Tensor4D;
  /** Values, `[batch · heads, 1, rows, dHead]`. */
  readonly rows: Tensor4D;
}

/** What is kept of the rows before those of a forward pass, and learns of these. */
export interface ScopeCache {
  /** Whether nothing came before. */
  readonly isEmpty: boolean;
  /** Which of the keys before are real, `[batch, rows]`; 1 for those that are. Absent where nothing came before. */
  readonly mask: Tensor2D | undefined;
  /** The position that each sequence's next token has, int32 `[batch, 1]`. Absent where nothing came before. */
  readonly position: Tensor2D | undefined;
  /** The greatest of these positions, 0 where nothing came before. */
  readonly nextPosition: number;
  /** Keys and values of the rows before, in front of which none are to be put. */
  before(path: string): RowsBefore | undefined;
  /** Told the keys and values of the new rows. */
  record(path: string, key: Tensor4D, value: Tensor4D): void;
  /** Tensors that are the same for every row of a sequence: made the first time, kept afterwards. */
  once(path: string, make: () => readonly Tensor[]): readonly Tensor[];
}

/** What a forward pass runs with. */
export interface ScopeOptions {
  readonly hooks: readonly Hook[];
  readonly training: boolean;
  readonly random: Random;
  /** Every site the architecture may visit. */
  readonly sites: readonly Site[];
  /** @default none: every row of the sequence is in this pass */
  readonly cache?: ScopeCache | undefined;
  /** Which delta each row of a mixed batch wants; see `Context`. @default the same for all */
  readonly rows?: Tensor1D | undefined;
}

/** A place in the checkpoint's tree of names, during one forward pass. */
export interface Scope {
  /** Dotted path of this place, empty at the root. */
  readonly path: string;
  readonly training: boolean;
  /** Randomness of this place. */
  readonly random: Random;
  readonly cache: ScopeCache | undefined;
  /** The scope `name` further down. */
  at(name: string | number): Scope;
  /** Whether the model declares a site of this kind at `name`: parts of an architecture may be absent. */
  declares(kind: Kind, name: string): boolean;
  /** A parameter of this place, after the hooks on it. */
  parameter(name: string): Tensor;
  /** A parameter by its whole name, as sites have it. */
  read(name: string): Tensor;
  /** Visits the site of this kind at `name` (empty: at this very place). */
  call<K extends Kind>(
    kind: K,
    name: string,
    input: Flow[K]["input"],
    body: (input: Flow[K]["input"]) => Flow[K]["output"],
  ): Flow[K]["output"];
  /** Whether hooks act on the site of this kind at `name`, or on its weight: if so, all that they do must happen. */
  isHooked(kind: Kind, name: string): boolean;
  /** A site that the model declares. */
  site<K extends Kind>(kind: K, name: string): Site<K>;
  /** Whether all hooks on sites at this place and below it act on each row alone, so that rows that nobody reads may be left out. */
  isByRow(): boolean;
  /** Visits the linear site at `name`: `x W^T + b` by the weight, layout and bias that the site declares. */
  linear(name: string, x: Tensor): Tensor;
  /** Visits the fused linear site at `name` and its parts, in the order of their columns. The whole runs once for them all. */
  split(name: string, x: Tensor): readonly Tensor[];
  /** Visits the attention site at `name` and its pattern: in one piece, unless a hook wants to see the probabilities. */
  attend(name: string, input: Flow["attention"]["input"], options?: AttendOptions): Tensor4D;
  /** What is the same for every row of a sequence, made at its first pass and then taken from the cache, where there is one. */
  once(name: string, make: () => readonly Tensor[]): readonly Tensor[];
  /** Visits the linear layers of a feed-forward part and the activation between them. */
  feedForward(x: Tensor3D, part: FeedForward): Tensor3D;
}

function join(path: string, name: string | number): string {
  if (name === "") return path;
  return path === "" ? String(name) : `${path}.${name}`;
}

/** The declared sites by kind and path, and the parts of fused ones. */
interface SiteIndex {
  readonly byKind: ReadonlyMap<Kind, ReadonlyMap<string, Site>>;
  readonly partsOf: ReadonlyMap<string, readonly Site<"linear">[]>;
}

/** Looked up once for each list. */
const siteIndexes = new WeakMap<readonly Site[], SiteIndex>();

function indexSites(sites: readonly Site[]): SiteIndex {
  const known = siteIndexes.get(sites);
  if (known !== undefined) return known;
  const partsOf = new Map<string, Site<"linear">[]>();
  for (const site of sites) {
    if (site.part === undefined) continue;
    const parts = partsOf.get(site.part.of) ?? [];
    partsOf.set(site.part.of, [...parts, site as Site<"linear">]);
  }
  const byKind = new Map<Kind, Map<string, Site>>();
  for (const site of sites) {
    const byPath = byKind.get(site.kind) ?? new Map<string, Site>();
    byKind.set(site.kind, byPath.set(site.path, site));
  }
  const index = { byKind, partsOf };
  siteIndexes.set(sites, index);
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

/** What the places of one forward pass share. */
interface Pass {
  readonly training: boolean;
  readonly random: Random;
  readonly cache: ScopeCache | undefined;
  readonly index: SiteIndex;
  read(name: string): Tensor;
  visit<K extends Kind>(
    site: Site<K>,
    input: Flow[K]["input"],
    body: (input: Flow[K]["input"]) => Flow[K]["output"],
  ): Flow[K]["output"];
  siteAt<K extends Kind>(kind: K, path: string): Site<K>;
  hooksAt<K extends Kind>(site: Site<K>): readonly unknown[];
  isEdited(name: string): boolean;
  isByRow(path: string): boolean;
  linear(site: Site<"linear">, x: Tensor): Tensor;
  split(whole: Site<"linear">, x: Tensor): readonly Tensor[];
}

/** Kinds of sites that give a row for a row. */
const ROWWISE: readonly Kind[] = ["linear", "norm", "activation"];

/** A scope. A pass makes many, so that they share their methods. */
class Place implements Scope {
  readonly path: string;
  private readonly pass: Pass;

  constructor(pass: Pass, path: string) {
    this.pass = pass;
    this.path = path;
  }

  get training(): boolean {
    return this.pass.training;
  }

  get cache(): ScopeCache | undefined {
    return this.pass.cache;
  }

  get random(): Random {
    return this.pass.random.at(this.path);
  }

  at(name: string | number): Scope {
    return new Place(this.pass, join(this.path, name));
  }

  declares(kind: Kind, name: string): boolean {
    return this.pass.index.byKind.get(kind)?.has(join(this.path, name)) === true;
  }

  parameter(name: string): Tensor {
    return this.pass.read(join(this.path, name));
  }

  read(name: string): Tensor {
    return this.pass.read(name);
  }

  call<K extends Kind>(
    kind: K,
    name: string,
    input: Flow[K]["input"],
    body: (input: Flow[K]["input"]) => Flow[K]["output"],
  ): Flow[K]["output"] {
    return this.pass.visit(this.site(kind, name), input, body);
  }

  site<K extends Kind>(kind: K, name: string): Site<K> {
    return this.pass.siteAt(kind, join(this.path, name));
  }

  isHooked(kind: Kind, name: string): boolean {
    const site = this.site(kind, name);
    const parameters = [site.weight?.name, site.bias].filter((parameter) => parameter !== undefined);
    return this.pass.hooksAt(site).length > 0 || parameters.some((parameter) => this.pass.isEdited(parameter));
  }

  isByRow(): boolean {
    return this.pass.isByRow(this.path);
  }

  linear(name: string, x: Tensor): Tensor {
    return this.pass.linear(this.site("linear", name), x);
  }

  split(name: string, x: Tensor): readonly Tensor[] {
    return this.pass.split(this.site("linear", name), x);
  }

  attend(name: string, input: Flow["attention"]["input"], options?: AttendOptions): Tensor4D {
    const here = this.at(name);
    const inPieces = this.pass.hooksAt(here.site("pattern", "pattern")).length > 0;
    return here.call("attention", "", input, (value) => applyAttention(here, value, inPieces, options));
  }

  once(name: string, make: () => readonly Tensor[]): readonly Tensor[] {
    const { cache } = this.pass;
    return cache === undefined ? make() : cache.once(join(this.path, name), make);
  }

  feedForward(x: Tensor3D, part: FeedForward): Tensor3D {
    return feedForward(this, x, part);
  }
}

/**
 * The root scope of one forward pass.
 *
 * @throws {ConfigError} From its methods: an unknown parameter, or a visit to a site that was not declared.
 */
export function createScope(parameters: Parameters, options: ScopeOptions): Scope {
  checkOptions("createScope", options, ["hooks", "training", "random", "sites", "cache", "rows"]);
  const { hooks, training, random, sites, cache, rows } = options;
  const index = indexSites(sites);
  const placed = placeHooks(hooks);
  const weightHooks = placed.filter((hook): hook is Placed<OnWeight> => hook.hook.kind === "weight");
  const edited = new Map<string, Tensor>();
  const hooksOf = new Map<Site, readonly Placed<Around>[]>();

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

  const isEdited = (name: string): boolean => weightHooks.some(({ hook }) => hook.at(name));

  function contextOf({ label, ordinal }: Placed, path: string, readParameter: (name: string) => Tensor): Context {
    return {
      training,
      get random() {
        return random.at(path).at(label).at(ordinal);
      },
      get first() {
        return cache === undefined || cache.isEmpty;
      },
      ...(rows !== undefined && { rows }),
      read: readParameter,
    };
  }

  /** The hooks on a site, found once a forward pass. */
  function hooksAt<K extends Kind>(site: Site<K>): readonly Placed<Around<K>>[] {
    let found = hooksOf.get(site);
    if (found === undefined) {
      const candidates = placed.filter(({ hook }) => hook.kind === site.kind) as unknown as Placed<Around<K>>[];
      found = candidates.filter(({ hook }) => hook.at(site)) as unknown as readonly Placed<Around>[];
      hooksOf.set(site, found);
    }
    return found as unknown as readonly Placed<Around<K>>[];
  }

  function isByRow(path: string): boolean {
    const within = sites.filter((site) => site.path === path || site.path.startsWith(`${path}.`));
    return within.every((site) =>
      hooksAt(site).every(({ hook }) => hook.byRow === true && ROWWISE.includes(site.kind)),
    );
  }

  function siteAt<K extends Kind>(kind: K, path: string): Site<K> {
    const site = index.byKind.get(kind)?.get(path);
    if (site !== undefined) return site as Site<K>;
    throw new ConfigError({
      message: `internal: the forward pass visits ${kind} site "${path}", which the model does not declare`,
      kind,
      path,
    });
  }

  function visit<K extends Kind>(
    site: Site<K>,
    input: Flow[K]["input"],
    body: (input: Flow[K]["input"]) => Flow[K]["output"],
  ): Flow[K]["output"] {
    let next = body;
    for (const found of hooksAt(site)) {
      const inner = next;
      next = (value) => found.hook.run({ site, input: value, next: inner, context: contextOf(found, site.path, read) });
    }
    return next(input);
  }

  function linear(site: Site<"linear">, x: Tensor): Tensor {
    return visit(site, x, (value) => {
      const { weight, bias } = site;
      return applyWeight(value, read(weight!.name), weight!.layout, bias === undefined ? undefined : read(bias));
    });
  }

  /** The whole is computed for its own input once, and again only for a part whose hooks give it another. */
  function split(whole: Site<"linear">, x: Tensor): readonly Tensor[] {
    const ofX = linear(whole, x);
    const parts = index.partsOf.get(whole.path) ?? [];
    return parts.map((part) =>
      visit(part, x, (input) => columnsOf(input === x ? ofX : linear(whole, input), part.part!.columns)),
    );
  }

  return new Place(
    { training, random, cache, index, read, visit, siteAt, hooksAt, isEdited, isByRow, linear, split },
    "",
  );
}
