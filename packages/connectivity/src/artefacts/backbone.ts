/** What a point belongs to: the backbone under it and the deltas that it is a point of, and why another one is not it. */
import { canonicalJson, type Json, type JsonObject } from "@cambium/base";
import { fingerprint } from "@cambium/core";
import type { Delta, Tuned } from "@cambium/delta";

/** A backbone and the deltas on it as JSON. */
export interface Backbone {
  readonly config: JsonObject;
  readonly head: Json;
  /** Hash of each weight that no delta replaces, by name. */
  readonly weights: Readonly<Record<string, string>>;
  readonly deltas: readonly {
    readonly name: string;
    readonly kind: string;
    readonly version: number;
    readonly config: Json;
    /** Hash of its frozen tensors, where it has any. */
    readonly buffers?: string;
  }[];
  /** Shape of each parameter. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

const toJson = (value: unknown): Json => JSON.parse(JSON.stringify(value ?? null)) as Json;
const short = (hash: string): string => hash.slice(0, 16);

/** Settings of a file that say how it was stored, not what the model computes. */
const STORED_ONLY = new Set(["_name_or_path", "torch_dtype", "dtype", "transformers_version", "architectures"]);

/** Weights that a delta replaces are part of the point: a new head is random before, and another one each time. */
function replacedHead({ base, deltas }: Tuned): ReadonlySet<string> {
  const { headParameters = [] } = base as { readonly headParameters?: readonly string[] };
  const replaced = deltas
    .filter(({ method }) => method.replaces === true)
    .flatMap(({ parameters }) => [...parameters.keys()]);
  return new Set(headParameters.filter((name) => replaced.includes(name)));
}

async function describeDelta({ name, kind, method, config, buffers }: Delta): Promise<Backbone["deltas"][number]> {
  return {
    name,
    kind,
    version: method.version ?? 1,
    config: toJson(config),
    ...(buffers.size > 0 && { buffers: short(await fingerprint(buffers)) }),
  };
}

/** What a tuned model's points belong to. Weights are hashed once for each tensor. */
export async function describeBackbone(tuned: Tuned): Promise<Backbone> {
  const { base, deltas, parameters } = tuned;
  const replaced = replacedHead(tuned);
  const weights: [string, string][] = [];
  for (const [name, tensor] of base.parameters)
    if (!replaced.has(name)) weights.push([name, short(await fingerprint(tensor))]);
  const config = toJson(base.config) as JsonObject;
  const { head } = base as { readonly head?: unknown };
  return {
    config: Object.fromEntries(Object.entries(config).filter(([key]) => !STORED_ONLY.has(key))),
    head: toJson(head),
    weights: Object.fromEntries(weights),
    deltas: await Promise.all(deltas.map(describeDelta)),
    shapes: Object.fromEntries([...parameters].map(([name, { shape }]) => [name, shape])),
  };
}

const show = (value: unknown): string => (value === undefined ? "nothing" : canonicalJson(value));

function differingKeys(was: JsonObject, is: JsonObject, where: string): string[] {
  return [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((key) => show(was[key]) !== show(is[key]))
    .map((key) => `${where}${key} was ${show(was[key])} and is ${show(is[key])}`);
}

/** Why points of one are none of the other, in words; nothing where they are. */
export function differencesOf(was: Backbone, is: Backbone): string[] {
  const config = differingKeys(was.config, is.config, "");
  const head = show(was.head) === show(is.head) ? [] : [`the head was ${show(was.head)} and is ${show(is.head)}`];
  const names = [...new Set([...Object.keys(was.weights), ...Object.keys(is.weights)])];
  const others = names.filter((name) => was.weights[name] !== is.weights[name]);
  const weights =
    others.length === 0
      ? []
      : [
          others.length === names.length
            ? `all ${names.length} weights of the backbone are others`
            : `${others.length} of ${names.length} weights of the backbone are others, such as ${others.slice(0, 3).join(", ")}`,
        ];
  const kinds = (deltas: Backbone["deltas"]): string => deltas.map(({ name }) => name).join(", ") || "none";
  const deltas =
    kinds(was.deltas) !== kinds(is.deltas)
      ? [`the deltas were ${kinds(was.deltas)} and are ${kinds(is.deltas)}`]
      : was.deltas.flatMap((delta, i) =>
          differingKeys(
            delta as unknown as JsonObject,
            is.deltas[i] as unknown as JsonObject,
            `delta "${delta.name}": `,
          ),
        );
  const shapes = differingKeys(was.shapes as JsonObject, is.shapes as JsonObject, "shape of ");
  return [...config, ...head, ...deltas, ...(deltas.length === 0 ? shapes : []), ...weights];
}
