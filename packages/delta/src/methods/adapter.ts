/**
 * Bottleneck adapters: a narrow two-layer network on what a sub-layer gives.
 *
 * `parse` settles the defaults, `findPlaces` knows where each placement sits, `adaptAt` what the network computes, and `hookAt` what is done
 * with it there. Pfeiffer's order needs no more than a hook on a norm: `next` is the norm itself, and may be called twice.
 */
import { ConfigError, parseConfig } from "@cambium/base";
import {
  applyLinear,
  around,
  gelu,
  type Hook,
  type Parameters,
  type Site,
  type Start,
  silu,
  zeroStart,
} from "@cambium/core";
import { add, mul, relu, scalar, type Tensor, type Tensor3D, tanh } from "@tensorflow/tfjs-core";
import * as z from "zod";
import { checkGates, gateOf, gateTensors } from "../gate.ts";
import { type Host, oncePerPair } from "../host.ts";
import { applyPhm } from "../kronecker.ts";
import { type DeltaTensor, type Method, method } from "../method.ts";

/** Settings of `adapter`. */
export interface AdapterOptions {
  /**
   * Where the adapters sit.
   *
   * - `"houlsby"`: two in a layer, on what attention and the feed-forward part give, before the residual sums;
   * - `"pfeiffer"`: one in a layer, on the feed-forward part's normed sum, with the norm applied again after it;
   * - `"parallel"`: one in a layer, beside the feed-forward part, reading what that reads;
   * - `"feed-forward"`: the second of Houlsby's two alone, where Compacter++ has it.
   *
   * @default "houlsby"
   */
  readonly placement?: "houlsby" | "pfeiffer" | "parallel" | "feed-forward" | undefined;
  /** Width in the middle. @default a sixteenth of the model's width; half of it for `"parallel"`; a 32nd with `phm` */
  readonly bottleneck?: number | undefined;
  /** Between down and up. @default "silu" for `"houlsby"`, else "relu"; "gelu" with `phm` */
  readonly activation?: "relu" | "gelu" | "gelu_new" | "silu" | "tanh" | undefined;
  /**
   * Matrices of Kronecker products, as in Compacter: how many are summed, which divides the model's width and the bottleneck, and
   * whether all adapters share the small ones. Without it matrices are dense. @default none
   */
  readonly phm?: { readonly division?: number | undefined; readonly share?: boolean | undefined } | undefined;
  /** Factor on the adapter's output. @default 4 for `"parallel"`, else 1 */
  readonly scale?: number | undefined;
  /** Whether the output is scaled by how far a gate is open that reads what the adapter reads, as in UniPELT. @default false */
  readonly gate?: boolean | undefined;
  /**
   * How weights start; biases are zero. `"zero"`: up at zero, down uniform on ±1/√dModel, so that the model is
   * unchanged. `"near-zero"`: both normal with deviation 0.01, cut at two deviations, as Houlsby et al. @default "zero"
   */
  readonly init?: "zero" | "near-zero" | undefined;
  /** Keep to these layers, counted from 0. @default all */
  readonly layers?: readonly number[] | undefined;
}

/** An adapter as JSON. */
export interface AdapterConfig {
  readonly placement: "houlsby" | "pfeiffer" | "parallel" | "feed-forward";
  readonly bottleneck: number;
  readonly activation: "relu" | "gelu" | "gelu_new" | "silu" | "tanh";
  readonly phm?: { readonly division: number; readonly share: boolean };
  readonly scale: number;
  readonly gate: boolean;
  readonly init: "zero" | "near-zero";
  readonly layers: readonly number[];
}

const activations: Readonly<Record<AdapterConfig["activation"], (x: Tensor) => Tensor>> = {
  relu: (x) => relu(x),
  gelu: (x) => gelu(x, "none"),
  gelu_new: (x) => gelu(x, "tanh"),
  silu: (x) => silu(x),
  tanh: (x) => tanh(x),
};

const schema = z.strictObject({
  placement: z.enum(["houlsby", "pfeiffer", "parallel", "feed-forward"]).default("houlsby"),
  bottleneck: z.int().positive().optional(),
  activation: z.enum(["relu", "gelu", "gelu_new", "silu", "tanh"]).optional(),
  phm: z.strictObject({ division: z.int().positive().default(4), share: z.boolean().default(true) }).optional(),
  scale: z.number().optional(),
  gate: z.boolean().default(false),
  init: z.enum(["zero", "near-zero"]).default("zero"),
  layers: z.array(z.int().nonnegative()).readonly().optional(),
});

/**
 * Bottleneck adapters: `A(h) = s · (U act(D h + d) + u)`, D `[bottleneck, dModel]`, U `[dModel, bottleneck]`.
 *
 * Each trains `2 · dModel · bottleneck + bottleneck + dModel` scalars. Defaults follow the adapters library, 1.2: Houlsby
 * et al. 2019, arXiv:1902.00751; Pfeiffer et al. 2020, arXiv:2005.00247; parallel, He et al. 2021, arXiv:2110.04366.
 * An adapter is not linear, so it cannot be merged.
 *
 * With `phm` D and U are sums of Kronecker products `Σ Aᵢ ⊗ sᵢ tᵢ`: Compacter (Mahabadi et al. 2021, arXiv:2106.04647), or
 * Compacter++ with the placement `"feed-forward"`. Each trains `2 · (dModel + bottleneck)` scalars in
 * factors and `dModel + bottleneck` in biases; the A are `division³` once, or for each matrix where they are not shared.
 *
 * @throws {ConfigError} For settings out of range, layers that do not exist, or `"pfeiffer"` on a model that norms first.
 * @example
 * const tuned = attach(base, adapter(base, { placement: "pfeiffer", bottleneck: 16 }, random(1)), head(base));
 */
export const adapter: Method<AdapterOptions, AdapterConfig> = method<AdapterOptions, AdapterConfig>({
  kind: "adapter",
  parse(options, shape) {
    const { placement, init, phm, gate, ...given } = parseConfig("adapter", schema, options);
    const places = findPlaces(shape, placement, given.layers);
    const dModel = places[0]!.site.width;
    const reduction = phm !== undefined ? 32 : placement === "parallel" ? 2 : 16;
    if (gate)
      checkGates(
        "adapter",
        shape,
        places.map(({ site }) => site),
      );
    const bottleneck = given.bottleneck ?? Math.max(1, Math.floor(dModel / reduction));
    if (phm !== undefined) checkDivision(phm.division, dModel, bottleneck);
    return {
      placement,
      bottleneck,
      ...(phm !== undefined && { phm }),
      activation: given.activation ?? (phm !== undefined ? "gelu" : placement === "houlsby" ? "silu" : "relu"),
      scale: given.scale ?? (placement === "parallel" ? 4 : 1),
      gate,
      init,
      layers: [...new Set(places.map(({ site }) => site.layer!))],
    };
  },
  tensors: (shape, config) => ({
    trained: new Map([
      ...(config.phm?.share === true ? [ruleTensor("phm_rule", config)] : []),
      ...adapterPlaces(shape, config).flatMap((place) => tensorsAt(place, config)),
    ]),
  }),
  hooks: ({ parameters, shape, config }) => [
    hookAt(
      config.placement,
      adapterPlaces(shape, config).filter(({ name }) => parameters.has(`${name}.up.bias`)),
      (name, h) => adaptAt(parameters, config, name, h),
    ),
  ],
});

function tensorsAt(place: AdapterPlace, config: AdapterConfig): [name: string, DeltaTensor][] {
  return [...networkTensors(place, config), ...(config.gate ? gateTensors(place.name, place.site.width) : [])];
}

function networkTensors({ site, name }: AdapterPlace, config: AdapterConfig): [name: string, DeltaTensor][] {
  const { bottleneck, init } = config;
  const dModel = site.width;
  if (config.phm !== undefined) {
    return [
      ...phmTensors(`${name}.down`, dModel, bottleneck, config, false),
      [`${name}.down.bias`, { shape: [bottleneck], start: zeroStart }],
      ...phmTensors(`${name}.up`, bottleneck, dModel, config, init === "zero"),
      [`${name}.up.bias`, { shape: [dModel], start: zeroStart }],
    ];
  }
  const bound = 1 / Math.sqrt(dModel);
  const near: Start = { kind: "normal", deviation: 0.01, truncated: true };
  const down: Start = init === "zero" ? { kind: "uniform", low: -bound, high: bound } : near;
  return [
    [`${name}.down.weight`, { shape: [bottleneck, dModel], start: down, key: [name, "down"] }],
    [`${name}.down.bias`, { shape: [bottleneck], start: zeroStart }],
    [
      `${name}.up.weight`,
      { shape: [dModel, bottleneck], start: init === "zero" ? zeroStart : near, key: [name, "up"] },
    ],
    [`${name}.up.bias`, { shape: [dModel], start: zeroStart }],
  ];
}

/** The small matrices of Kronecker products, `[division, division, division]`. */
function ruleTensor(name: string, { phm }: AdapterConfig): [string, DeltaTensor] {
  const { division } = phm!;
  return [name, { shape: [division, division, division], start: { kind: "normal", deviation: 0.01 } }];
}

/** The factors of a matrix from `input` to `output`: of each summand a column and a row. */
function phmTensors(
  name: string,
  input: number,
  output: number,
  config: AdapterConfig,
  isZero: boolean,
): [string, DeltaTensor][] {
  const { division, share } = config.phm!;
  const glorot = (rows: number, columns: number): Start => {
    const bound = Math.sqrt(6 / (rows + columns));
    return { kind: "uniform", low: -bound, high: bound };
  };
  return [
    ...(share ? [] : [ruleTensor(`${name}.phm_rule`, config)]),
    [`${name}.W_left`, { shape: [division, input / division, 1], start: glorot(input / division, 1) }],
    [
      `${name}.W_right`,
      { shape: [division, 1, output / division], start: isZero ? zeroStart : glorot(1, output / division) },
    ],
  ];
}

function checkDivision(division: number, dModel: number, bottleneck: number): void {
  if (dModel % division === 0 && bottleneck % division === 0) return;
  throw new ConfigError({
    message: `adapter: phm.division ${division} must divide the model's width ${dModel} and the bottleneck ${bottleneck}`,
    division,
  });
}

/** Where an adapter sits. */
export interface AdapterPlace {
  /** The site it hooks: a sub-layer, or the norm behind one. */
  readonly site: Site;
  /** What its parameters' names start with. */
  readonly name: string;
}

/** The places of a config. */
export const adapterPlaces: (shape: Host, config: AdapterConfig) => readonly AdapterPlace[] = oncePerPair(
  (shape, { placement, layers }) => findPlaces(shape, placement, layers),
);

/** The places of a placement, in the model's order. They are named after the sub-layers that they serve. */
function findPlaces(
  model: Host,
  placement: AdapterConfig["placement"],
  layers?: readonly number[],
): readonly AdapterPlace[] {
  const sites = model.sites();
  const served = sites.filter(({ role }) => role === "ff" || (role === "attn" && placement === "houlsby"));
  const found = served.filter((site) => layers === undefined || layers.includes(site.layer!));
  const missing = layers?.find((layer) => !found.some((site) => site.layer === layer));
  if (found.length === 0 || missing !== undefined) {
    throw new ConfigError({
      message: `adapter: ${missing === undefined ? "no layer is left" : `there is no layer ${missing}`}; the model has layers 0 to ${Math.max(...served.map(({ layer }) => layer!))}`,
      layers,
    });
  }
  if (placement === "pfeiffer") checkNormsLast(model);
  const hooked = ({ stack, layer }: Site): Site =>
    sites.find((site) => site.stack === stack && site.layer === layer && site.role === "ff.norm")!;
  return found.map((site) => ({
    site: placement === "pfeiffer" ? hooked(site) : site,
    name: `${site.path}.adapter`,
  }));
}

/** Sites come in the order of the visits: behind the feed-forward part stands the norm of its sum, before it that of its input. */
function checkNormsLast(model: Host): void {
  const roles = model.sites().map((site) => site.role);
  if (roles.indexOf("ff.norm") > roles.indexOf("ff")) return;
  throw new ConfigError({
    message:
      'adapter: the placement "pfeiffer" needs a model that norms after its residual sums; use "houlsby" or "parallel"',
  });
}

/**
 * The hook of a placement.
 *
 * @param adapt - What is added at the place of a name, from what an adapter reads there, both `[batch, seq, dModel]`.
 */
export function hookAt(
  placement: AdapterConfig["placement"],
  places: readonly AdapterPlace[],
  adapt: (name: string, h: Tensor3D) => Tensor3D,
): Hook {
  const names = new Map(places.map(({ site, name }) => [site.path, name]));
  const at = ({ path }: Site): boolean => names.has(path);
  const change = ({ path }: Site, h: Tensor3D): Tensor3D => adapt(names.get(path)!, h);
  switch (placement) {
    case "houlsby":
    case "feed-forward":
      return around("sublayer", at, ({ site, input, next }) => {
        const h = next(input);
        return add(h, change(site, h)) as Tensor3D;
      });
    case "parallel":
      return around("sublayer", at, ({ site, input, next }) => add(next(input), change(site, input)) as Tensor3D);
    case "pfeiffer":
      return around("norm", at, ({ site, input, next }) => next(add(change(site, next(input)), input) as Tensor3D));
  }
}

/** What the adapter of a name gives, `[batch, seq, dModel]`, before it is added to anything. */
export function adaptAt(parameters: Parameters, config: AdapterConfig, name: string, h: Tensor3D): Tensor3D {
  const part = (end: string): Tensor => parameters.get(`${name}.${end}`)!;
  const through = (x: Tensor, which: "down" | "up"): Tensor =>
    config.phm === undefined
      ? applyLinear(x, part(`${which}.weight`), part(`${which}.bias`))
      : add(
          applyPhm(
            x,
            (parameters.get("phm_rule") ?? part(`${which}.phm_rule`)) as Tensor3D,
            part(`${which}.W_left`) as Tensor3D,
            part(`${which}.W_right`) as Tensor3D,
          ),
          part(`${which}.bias`),
        );
  const wide = through(activations[config.activation](through(h, "down")), "up");
  const scaled = config.scale === 1 ? wide : mul(wide, scalar(config.scale));
  return (config.gate ? mul(scaled, gateOf(parameters, name, h)) : scaled) as Tensor3D;
}
