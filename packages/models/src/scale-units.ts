import { ConfigError, ShapeError } from "@cambium/base";
import { around, type Hook, type Role, type Site } from "@cambium/core";
import { mul, type Tensor, tensor1d } from "@tensorflow/tfjs-core";

/** One column of what leaves a site: a neuron. */
export interface Unit {
  /** In models of two stacks, which one. */
  readonly stack?: "encoder" | "decoder";
  /** Layer from 0; left out for sites that belong to no layer. */
  readonly layer?: number;
  /** Column from 0. */
  readonly unit: number;
}

/** Kinds of the roles whose output is a tensor with units in its last axis. */
const kinds = {
  "embed.norm": "norm",
  block: "block",
  attn: "sublayer",
  "attn.q": "linear",
  "attn.k": "linear",
  "attn.v": "linear",
  "attn.out": "linear",
  "attn.norm": "norm",
  ff: "sublayer",
  "ff.up": "linear",
  "ff.act": "activation",
  "ff.down": "linear",
  "ff.norm": "norm",
  pooler: "linear",
  head: "linear",
  logits: "logits",
} as const;

/**
 * A hook that multiplies some units of what leaves the sites of a role: 0 removes them, 1 leaves them.
 *
 * @param role - Any role but those of embeddings, attention and its pattern, which have no units in their last axis.
 * @param units - Which; of every layer those that name it.
 * @param factor - What to multiply by.
 * @throws {ConfigError} When the role has no units, or a unit is no index.
 * @throws {ShapeError} In the forward pass, when a unit lies beyond the site's width.
 * @example
 * const ablated = model.forward(batch, { hooks: [scaleUnits("ff.act", [{ layer: 2, unit: 17 }], 0)] });
 */
export function scaleUnits(role: Role, units: readonly Unit[], factor: number): Hook {
  const kind = kinds[role as keyof typeof kinds] as (typeof kinds)[keyof typeof kinds] | undefined;
  if (kind === undefined) {
    throw new ConfigError({
      message: `scaleUnits: "${role}" has no units; choose one of ${Object.keys(kinds).join(", ")}`,
      role,
    });
  }
  const byPlace = groupUnits(units);
  const namesNoStack = ({ stack, layer }: Site): boolean => stack !== undefined && byPlace.has(placeOf({ layer }));

  function scale(site: Site, output: Tensor): Tensor {
    if (namesNoStack(site)) {
      throw new ConfigError({
        message: `scaleUnits: the model has two stacks, and a unit of layer ${site.layer} names none; add stack: "encoder" or "decoder"`,
        layer: site.layer,
      });
    }
    const factors = new Float32Array(site.width).fill(1);
    for (const unit of byPlace.get(placeOf(site)) ?? []) {
      if (unit >= site.width) {
        throw new ShapeError({ message: `scaleUnits: ${site.path} has ${site.width} units, got unit ${unit}`, unit });
      }
      factors[unit] = factor;
    }
    return mul(output, tensor1d(factors));
  }

  return around(
    kind as "linear",
    (site) => site.role === role && (byPlace.has(placeOf(site)) || namesNoStack(site)),
    ({ site, input, next }) => scale(site, next(input)),
  );
}

/** Layers count within a stack. */
function placeOf({ stack, layer }: { readonly stack?: string; readonly layer?: number | undefined }): string {
  return `${stack} ${layer}`;
}

function groupUnits(units: readonly Unit[]): ReadonlyMap<string, readonly number[]> {
  const byPlace = new Map<string, number[]>();
  units.forEach((each, i) => {
    const { unit } = each;
    if (!Number.isInteger(unit) || unit < 0) {
      throw new ConfigError({ message: `scaleUnits: units[${i}] must be an index from 0, got ${unit}`, unit });
    }
    const found = byPlace.get(placeOf(each));
    if (found === undefined) byPlace.set(placeOf(each), [unit]);
    else found.push(unit);
  });
  return byPlace;
}
