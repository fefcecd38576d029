/** Moving a delta to another base. */
import { ConfigError } from "@cambium/base";
import type { Hook, Site } from "@cambium/core";
import type { AnyModel } from "./attach.ts";
import type { Delta } from "./delta.ts";
import { hostOf } from "./host.ts";
import { bindDelta } from "./method.ts";

/**
 * A delta on another base. Frozen tensors and state come along as they are; parameters too, unless they stand for values of
 * the base.
 *
 * @throws {ConfigError} When the bases differ where the delta touches them.
 */
export function moveTo(delta: Delta, from: AnyModel, to: AnyModel): Delta {
  const { method, config, buffers, state, name } = delta;
  const shape = hostOf(to);
  const point = { parameters: delta.parameters, buffers, state, config, shape };
  checkAgreement(delta, from, to, method.hooks(point));
  const parameters = method.rebase?.(point, from.parameters, to.parameters) ?? delta.parameters;
  const start = parameters === delta.parameters ? delta.start : undefined;
  return { ...bindDelta(method, { ...point, parameters }, start), name };
}

/** Throws unless the delta touches the same places in both, and these are alike. */
function checkAgreement(delta: Delta, from: AnyModel, to: AnyModel, moved: readonly Hook[]): void {
  const [before, after] = [touched(from, delta.hooks(delta)), touched(to, moved)];
  for (const [place, form] of before) {
    const other = after.get(place);
    if (other === form) continue;
    throw disagreement(delta, other === undefined ? `does not have ${place}` : `has ${place} as ${other}, not ${form}`);
  }
  const [extra] = [...after.keys()].filter((place) => !before.has(place));
  if (extra !== undefined) throw disagreement(delta, `also has ${extra}, which the delta was not made for`);
}

function disagreement({ name, kind }: Delta, what: string): ConfigError {
  return new ConfigError({ message: `on: delta "${name}" (${kind}) does not fit the other base, which ${what}`, name });
}

/** The places that hooks touch, with all that must agree there. */
function touched(model: AnyModel, hooks: readonly Hook[]): ReadonlyMap<string, string> {
  const sites = model.sites();
  const found = new Map<string, string>();
  for (const hook of hooks) {
    if (hook.kind === "weight") {
      for (const [name, { shape }] of model.parameters) {
        if (hook.at(name)) found.set(`the parameter ${name}`, `[${shape}]`);
      }
      continue;
    }
    const at = hook.at as (site: Site) => boolean;
    for (const site of sites) {
      if (site.kind === hook.kind && at(site)) found.set(`the ${site.kind} site ${site.path}`, formOf(site, sites));
    }
  }
  return found;
}

/** Widths, and how the weight lies: what flows in is the width of the site before, where a site does not say. */
function formOf(site: Site, sites: readonly Site[]): string {
  const whole = site.part === undefined ? site : sites.find(({ path }) => path === site.part!.of)!;
  return JSON.stringify({
    width: site.width,
    input: site.input,
    keyHeads: site.keyHeads,
    weight: whole.weight,
    bias: whole.bias,
    columns: site.part?.columns,
  });
}
