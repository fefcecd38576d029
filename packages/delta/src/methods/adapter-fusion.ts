/** AdapterFusion: attention over several trained adapters, which stay as they are. */
import { ConfigError, parseConfig } from "@cambium/base";
import { applyLinear, type Parameters, type Random, type Start, zeroStart } from "@cambium/core";
import {
  add,
  addN,
  concat,
  eye,
  mul,
  type Scalar,
  scalar,
  slice,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tidy,
  transpose,
} from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { Delta } from "../delta.ts";
import type { Host, HostModel } from "../host.ts";
import { bindDelta, type DeltaPoint, type DeltaTensor, type Method, type MethodDefinition, method } from "../method.ts";
import { type AdapterConfig, type AdapterOptions, adaptAt, adapter, adapterPlaces, hookAt } from "./adapter.ts";

/** Settings of `adapterFusion`. */
export interface AdapterFusionOptions {
  /** Adapters by name, of one placement and on the same layers: trained deltas, or settings of new ones. */
  readonly adapters: Readonly<Record<string, Delta<AdapterConfig> | AdapterOptions>>;
  /** How much the squares of the distances of value matrices from the identity count in the loss. @default 0.01 */
  readonly regularisation?: number | undefined;
}

/** A fusion as JSON. */
export interface AdapterFusionConfig {
  readonly adapters: Readonly<Record<string, AdapterConfig>>;
  readonly regularisation: number;
}

const schema = z.strictObject({
  adapters: z.record(z.string().min(1), z.looseObject({})).default({}),
  regularisation: z.number().nonnegative().default(0.01),
});

const definition: MethodDefinition<AdapterFusionOptions, AdapterFusionConfig> = {
  kind: "adapterFusion",
  parse(options, shape) {
    const { adapters, regularisation } = parseConfig("adapterFusion", schema, options);
    const configs = Object.entries(adapters).map(([name, given]) => [name, configOf(name, given, shape)] as const);
    checkAlike(configs);
    return { adapters: Object.fromEntries(configs), regularisation };
  },
  tensors(shape, config) {
    const members = Object.entries(config.adapters).flatMap(([member, settings]) =>
      [...adapter.tensors(shape, settings).trained].map(([name, spec]): [string, DeltaTensor] => [
        `${member}/${name}`,
        { ...spec, key: [member, ...(spec.key ?? [name])] },
      ]),
    );
    return {
      trained: new Map(fusionPlaces(shape, config).flatMap(({ name, site }) => tensorsAt(name, site.width))),
      frozen: new Map(members),
    };
  },
  hooks(at) {
    const { adapters } = at.config;
    const members = Object.entries(adapters).map(([name, config]) => [config, memberTree(at.buffers, name)] as const);
    const [{ placement }] = Object.values(adapters) as [AdapterConfig];
    const places = fusionPlaces(at.shape, at.config);
    return [
      hookAt(placement, places, (name, h) =>
        attend(
          at.parameters,
          `${name}.fusion`,
          h,
          members.map(([config, tree]) => adaptAt(tree, config, name, h)),
        ),
      ),
    ];
  },
  penalty: distanceFromIdentity,
};

const fused = method<AdapterFusionOptions, AdapterFusionConfig>(definition);

/**
 * AdapterFusion (Pfeiffer et al. 2021, arXiv:2005.00247): at each place every adapter makes its `A_i(h)`, and of these is added
 * `V Σ_i p_i A_i(h)`, with `p = softmax_i((Q h + q) · K A_i(h))` for each word. The adapters are frozen; Q, K and V are trained.
 *
 * Trains `3 · dModel² + dModel` scalars for each place. V starts as the identity with 1e-6 beside the diagonal, Q and K normal with
 * deviation 0.02, as in the adapters library, whose bias of keys is left out: it moves all scores alike. So at the start it is nearly
 * the mean of the adapters; one adapter alone does what it does by itself. It cannot be merged. The library also adds the input of
 * the sub-layer where parallel adapters are fused, though not where one acts alone; here it is not added.
 *
 * @param options - `adapters` that are deltas come along with their values, which are shared; settings make new ones.
 * @throws {ConfigError} For no adapters, for deltas of other methods or another model, and for adapters at different places.
 * @example
 * const tuned = attach(base, adapterFusion(base, { adapters: { news, reviews } }, random(1)), head(base));
 */
export const adapterFusion: Method<AdapterFusionOptions, AdapterFusionConfig> = Object.assign(
  (model: HostModel, options: AdapterFusionOptions, random: Random): Delta<AdapterFusionConfig> => {
    const made = fused(model, options, random);
    const { parameters, state, config, shape } = made;
    const buffers = new Map(made.buffers);
    for (const [member, given] of Object.entries(options.adapters)) {
      if (!isDelta(given)) continue;
      for (const [name, value] of given.parameters) {
        buffers.get(`${member}/${name}`)!.dispose();
        buffers.set(`${member}/${name}`, value.clone());
      }
    }
    return bindDelta(definition, { parameters, buffers, state, config, shape }, parameters);
  },
  definition,
);

const isDelta = (given: object): given is Delta<AdapterConfig> => "method" in given;

/** The settings of one adapter. */
function configOf(name: string, given: object, shape: Host): AdapterConfig {
  if (!isDelta(given)) return adapter.parse(given as AdapterOptions, shape);
  const fail = (problem: string): ConfigError =>
    new ConfigError({ message: `adapterFusion: "${name}" ${problem}`, name });
  if (given.kind !== adapter.kind) throw fail(`is a delta of the kind "${given.kind}", and adapters are fused`);
  const config = adapter.parse(given.config as AdapterOptions, shape);
  const { trained } = adapter.tensors(shape, config);
  const strange = [...trained].find(
    ([tensor, spec]) => given.parameters.get(tensor)?.shape.join() !== spec.shape.join(),
  );
  if (strange === undefined) return config;
  throw fail(`was made for another model: ${strange[0]} is not [${strange[1].shape}] in it`);
}

/** Throws unless there are adapters, all at the same places. */
function checkAlike(configs: readonly (readonly [name: string, config: AdapterConfig])[]): void {
  const [first, ...others] = configs;
  if (first === undefined) throw new ConfigError({ message: "adapterFusion: pass adapters by name, got none" });
  const placeOf = ({ placement, layers }: AdapterConfig): string => `"${placement}" in the layers ${layers.join(", ")}`;
  const other = others.find(([, config]) => placeOf(config) !== placeOf(first[1]));
  if (other === undefined) return;
  throw new ConfigError({
    message: `adapterFusion: "${first[0]}" sits at ${placeOf(first[1])}, and "${other[0]}" at ${placeOf(other[1])}; they must sit at the same places`,
    names: [first[0], other[0]],
  });
}

const fusionPlaces = (shape: Host, { adapters }: AdapterFusionConfig): ReturnType<typeof adapterPlaces> =>
  adapterPlaces(shape, Object.values(adapters)[0]!);

/** Q, K and V of a place. */
function tensorsAt(name: string, width: number): [string, DeltaTensor][] {
  const small: Start = { kind: "normal", deviation: 0.02 };
  const identity: Start = { kind: "given", make: () => tidy(() => add(mul(eye(width), 1 - 1e-6), 1e-6)) };
  return [
    [`${name}.fusion.query.weight`, { shape: [width, width], start: small }],
    [`${name}.fusion.query.bias`, { shape: [width], start: zeroStart }],
    [`${name}.fusion.key.weight`, { shape: [width, width], start: small }],
    [`${name}.fusion.value.weight`, { shape: [width, width], start: identity }],
  ];
}

/** One adapter's tensors, under its own names. */
function memberTree(buffers: Parameters, member: string): Parameters {
  const start = `${member}/`;
  return new Map(
    [...buffers].flatMap(([name, value]) => (name.startsWith(start) ? [[name.slice(start.length), value]] : [])),
  );
}

/** `V Σ p_i u_i`. K is applied to the query's side and V to the sum: one product each, however many adapters there are. */
function attend(parameters: Parameters, name: string, h: Tensor3D, made: readonly Tensor3D[]): Tensor3D {
  const part = (end: string): Tensor => parameters.get(`${name}.${end}`)!;
  const query = applyLinear(h, part("query.weight"), part("query.bias"));
  const asked = applyLinear(query, transpose(part("key.weight"))); // [batch, seq, dModel]
  const scores = concat(
    made.map((each) => sum(mul(asked, each), -1, true)),
    -1,
  ); // [batch, seq, adapters]
  const shares = softmax(scores);
  const mixed = addN(made.map((each, i) => mul(each, slice(shares, [0, 0, i], [-1, -1, 1])) as Tensor3D));
  return applyLinear(mixed, part("value.weight")) as Tensor3D;
}

/** `regularisation · Σ ‖V − I‖²` */
function distanceFromIdentity({ parameters, config }: DeltaPoint<AdapterFusionConfig>): Scalar {
  const matrices = [...parameters].filter(([name]) => name.endsWith(".fusion.value.weight"));
  const squares = matrices.map(([, value]) => sum(square(sub(value, eye((value as Tensor2D).shape[0])))) as Scalar);
  return mul(addN(squares), scalar(config.regularisation)) as Scalar;
}
