/** A model seen in part: some of its blocks hand on what they read, some of its weights are narrower. */
import { ConfigError, checkOptions } from "@cambium/base";
import { around, nameHook, type Parameters, type Site } from "@cambium/core";
import type { ModelConfig } from "./architecture.ts";
import type { HeadConfig } from "./head-config.ts";
import { assembleModel, type LanguageModel } from "./language-model.ts";
import type { Layout } from "./layout.ts";

/** What of a model a view changes. */
export interface ViewChanges {
  /** Paths of blocks that are left out. */
  readonly without: readonly string[];
  /** Weights in place of the model's, by name, such as some of a layer's units. Shapes may differ. Not disposed of. @default none */
  readonly weights?: Parameters;
  /** Sites whose widths these weights change, in place of those of the same kind and path. @default none */
  readonly sites?: readonly Site[];
}

/**
 * The same model without some of its blocks, and with other weights in some places. All else is shared, names and paths stay, and so do
 * the numbers of layers: what is bound to a place that stays fits both. Hooks on what is left out do nothing.
 *
 * A view has the config of the model that it is of, so that it cannot be saved, and nothing that makes another model of it takes it.
 *
 * @throws {ConfigError} For paths and names that the model does not have.
 */
export function viewModel<Config extends ModelConfig, Top extends HeadConfig>(
  model: LanguageModel<Config, Top>,
  changes: ViewChanges,
): LanguageModel<Config, Top> {
  checkOptions("viewModel", changes, ["without", "weights", "sites"]);
  const { without, weights = new Map(), sites = [] } = changes;
  checkWhole("viewModel", model);
  const all = model.sites();
  const blocks = new Set(all.flatMap(({ kind, path }) => (kind === "block" ? [path] : [])));
  const unknown = [
    ...without.filter((path) => !blocks.has(path)),
    ...[...weights.keys()].filter((name) => !model.parameters.has(name)),
    ...sites.flatMap(({ kind, path }) => (all.some((site) => site.kind === kind && site.path === path) ? [] : [path])),
  ];
  if (unknown.length > 0)
    throw new ConfigError({ message: `viewModel: the model has no ${unknown.join(", ")}`, unknown });
  const left = new Set(without);
  const isLeft = (path: string): boolean => [...left].some((block) => path === block || path.startsWith(`${block}.`));
  const changed = all.map((site) => sites.find(({ kind, path }) => kind === site.kind && path === site.path) ?? site);
  const specs = [...model.layout.parameters].map(
    ([name, spec]) => [name, { ...spec, ...(weights.has(name) && { shape: weights.get(name)!.shape }) }] as const,
  );
  // A table of distances stands in a block by name, and is read by the whole stack.
  const owned = new Set(all.flatMap(({ weight, bias }) => [weight?.name, bias]));
  const isThere = (name: string): boolean => !(owned.has(name) && isLeft(name));
  const layout: Layout = { sites: changed, parameters: new Map(specs.filter(([name]) => isThere(name))) };
  const parameters = new Map(
    [...model.parameters].flatMap(([name, tensor]) => (isThere(name) ? [[name, weights.get(name) ?? tensor]] : [])),
  );
  const seen = changed.filter(({ path }) => !isLeft(path));
  const skip = around(
    "block",
    ({ path }) => left.has(path),
    ({ input }) => input,
  );
  const view = assembleModel<Config, Top>({
    architecture: model.architecture,
    config: model.config,
    head: model.head,
    layout,
    parameters,
    created: model.created,
    unused: model.unused,
    source: model.source,
    ...(left.size > 0 && { outermost: [nameHook(skip, "view")] }),
  });
  return { ...view, layout: { ...layout, sites: seen }, sites: () => seen, isView: true };
}

/**
 * Throws for a view, of which `caller` would make something that says it is whole.
 *
 * @throws {ConfigError} With what to do.
 */
export function checkWhole(caller: string, model: { readonly isView?: true }): void {
  if (model.isView !== true) return;
  throw new ConfigError({
    message: `${caller}: this is a view of a model, without some of its layers or units, under the whole model's config; pass the whole model: tuned.on(whole) takes deltas there`,
  });
}
