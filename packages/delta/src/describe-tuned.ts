import type { Json } from "@cambium/base";
import { fingerprint } from "@cambium/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Delta } from "./delta.ts";

/** What a description of a model reads. */
interface Described {
  readonly config: unknown;
  readonly head?: unknown;
  readonly parameters: ReadonlyMap<string, Tensor>;
}

const toJson = (value: unknown): Json => JSON.parse(JSON.stringify(value ?? null)) as Json;

/** A base and the deltas on it as JSON: settings as they are, frozen tensors by fingerprint. */
export async function describeTuned(base: Described, deltas: readonly Delta[]): Promise<Json> {
  return {
    base: await fingerprint(base.parameters),
    config: toJson(base.config),
    head: toJson(base.head),
    deltas: await Promise.all(deltas.map(describeDelta)),
  };
}

async function describeDelta({ name, kind, method, config, buffers }: Delta): Promise<Json> {
  return {
    name,
    kind,
    version: method.version ?? 1,
    config: toJson(config),
    ...(buffers.size > 0 && { buffers: await fingerprint(buffers) }),
  };
}
