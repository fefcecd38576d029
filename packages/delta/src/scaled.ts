/** A delta whose change counts more or less. */
import { ConfigError } from "@cambium/base";
import { around, type Hook, type Kind, onWeight, type Parameters } from "@cambium/core";
import { add, mul, scalar, sub, type Tensor, type Tensor3D } from "@tensorflow/tfjs-core";
import type { Delta } from "./delta.ts";
import { bindDelta, type DeltaPoint, type MethodDefinition } from "./method.ts";
import { tidyParameters } from "./trees.ts";

/** The settings of a delta that is scaled from outside of its method. */
export interface ScaledConfig {
  readonly factor: number;
  /** The method's. */
  readonly kind: string;
  readonly config: unknown;
}

/** The kind of such deltas; files hold the method's beside it. */
export const SCALED = "scaled";

/**
 * The same delta with its change to the model `factor` times as large: `y + factor · (y' − y)` wherever it turns y into y', for
 * weights likewise. 0 gives the base's output to the bit, 1 the delta itself, a negative factor the opposite change. Tensors are
 * shared.
 *
 * A LoRA that is scaled by a positive factor is a LoRA of another `alpha`. Methods whose settings cannot say it become a delta of
 * the kind "scaled", which the native container holds, and which can be trained and merged, but not be one of `perRow`.
 *
 * @param factor - Any finite number.
 * @throws {ConfigError} For a factor that is no number, and for deltas that put rows in front of words or keys (prompts, prefixes):
 *   half a row is none.
 * @example
 * const gentle = attach(base, scaled(style, 0.5));
 * const without = merge(attach(merged, scaled(style, -1))); // an additive delta taken out of merged weights
 */
export function scaled(delta: Delta, factor: number): Delta {
  if (typeof factor !== "number" || !Number.isFinite(factor))
    throw new ConfigError({ message: `scaled: the factor must be a finite number, got ${String(factor)}`, factor });
  if (factor === 1) return delta;
  const { method, config, shape, parameters, buffers, state, start, name } = delta;
  const point = { parameters, buffers, state, shape };
  const own = method.scale?.(config, factor);
  if (own !== undefined) return { ...bindDelta(method, { ...point, config: own }, start), name };
  if (delta.kind === SCALED) {
    const { inner, config: inside } = unwrap(delta);
    return scaled({ ...bindDelta(inner, { ...point, config: inside.config }, start), name }, factor * inside.factor);
  }
  // What amounts to weights changes rows, and puts none in front of others.
  const rows =
    delta.merge === undefined && delta.hooks(delta).find(({ kind }) => kind === "embed" || kind === "attention");
  if (rows) {
    throw new ConfigError({
      message: `scaled: delta "${name}" (${delta.kind}) puts rows in front of ${rows.kind === "embed" ? "the words" : "the keys"}, and there is no part of a row; leave it out by deactivate`,
      delta: name,
    });
  }
  const outer = scaledMethod(method);
  return { ...bindDelta(outer, { ...point, config: { factor, kind: delta.kind, config } }, start), name };
}

const innerMethods = new WeakMap<MethodDefinition<never, unknown>, MethodDefinition<never, unknown>>();

function unwrap({ method, config }: Delta) {
  return { inner: innerMethods.get(method)!, config: config as ScaledConfig };
}

/**
 * A method whose change counts as much as the config says.
 *
 * @param inner - The method itself, whose config stands within.
 */
export function scaledMethod(inner: MethodDefinition<never, unknown>): MethodDefinition<never, ScaledConfig> {
  const within = ({ config, ...at }: DeltaPoint<ScaledConfig>): DeltaPoint<unknown> => ({
    ...at,
    config: config.config,
  });
  const { merge, mergeable, penalty, state, scalars, afterStep, rebase, replaced, version } = inner;
  const outer: MethodDefinition<never, ScaledConfig> = {
    kind: SCALED,
    ...(version !== undefined && { version }),
    parse(options, shape) {
      const given = options as ScaledConfig;
      return { ...given, config: inner.parse(given.config as never, shape) };
    },
    tensors: (shape, { config }) => inner.tensors(shape, config),
    hooks: (at) => inner.hooks(within(at)).map((hook) => scaleHook(hook, at.config.factor)),
    ...(merge !== undefined && {
      merge: (base, at) => tidyParameters(() => scaleChange(base, merge(base, within(at)), at.config.factor)),
      mergeable: (shape, { config }) => mergeable?.(shape, config) !== false,
    }),
    ...(penalty !== undefined && { penalty: (at) => penalty(within(at)) }),
    ...(state !== undefined && { state: (shape, { config }) => state(shape, config) }),
    ...(scalars !== undefined && {
      scalars: (shape, { config }, step, total) => scalars(shape, config, step, total),
    }),
    ...(afterStep !== undefined && { afterStep: (at, step) => afterStep(within(at), step) }),
    ...(replaced !== undefined && { replaced: (shape, { config }) => replaced(shape, config as never) }),
    ...(rebase !== undefined && { rebase: (at, from, to) => rebase(within(at), from, to) }),
  };
  innerMethods.set(outer, inner);
  return outer;
}

/** `before + factor · (after − before)` */
const mix = (before: Tensor, after: Tensor, factor: number): Tensor =>
  before === after ? before : add(before, mul(sub(after, before), scalar(factor)));

function scaleChange(base: Parameters, changed: Parameters, factor: number): Parameters {
  return new Map([...changed].map(([name, value]) => [name, mix(base.get(name)!, value, factor)]));
}

/** The same hook, counting as much as `factor` says. What the site itself makes of an input is asked for once. */
function scaleHook(hook: Hook, factor: number): Hook {
  if (hook.kind === "weight")
    return onWeight(hook.at, (name, value, context) => mix(value, hook.run(name, value, context), factor));
  if (hook.kind === "embed") {
    return around("embed", hook.at, (call) => {
      const before = call.next(call.input);
      const after = hook.run({ ...call, next: () => before });
      return { ...after, x: mix(before.x, after.x, factor) as Tensor3D };
    });
  }
  const { at, run } = hook as unknown as ReturnType<typeof around<"linear">>;
  return around(
    hook.kind as Kind as "linear",
    at,
    (call) => {
      const known = new Map<Tensor, Tensor>();
      const next = (input: Tensor): Tensor => {
        if (!known.has(input)) known.set(input, call.next(input));
        return known.get(input)!;
      };
      const after = run({ ...call, next });
      if (!known.has(call.input) && (hook.kind === "block" || hook.kind === "sublayer")) {
        throw new ConfigError({
          message: `scaled: at ${call.site.path} the delta gives the layer another input, so that all of it would run twice; it cannot be scaled there`,
          path: call.site.path,
        });
      }
      return mix(next(call.input), after, factor);
    },
    hook.byRow === true ? { byRow: true } : {},
  );
}
