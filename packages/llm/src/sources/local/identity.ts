import { ConfigError, type Json, type JsonObject } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import type { RunnableModel, Tokenizer } from "@cambium/models";

/** What of a model's weights can be told from outside. */
type Weighty = RunnableModel & {
  readonly parameters?: Parameters;
  readonly base?: { readonly parameters: Parameters };
  readonly deltas?: readonly DeltaLike[];
};

interface DeltaLike {
  readonly kind: string;
  readonly config: unknown;
  readonly parameters: Parameters;
  readonly buffers: Parameters;
  readonly state: Parameters;
}

/**
 * What tells a model from all others, so that a reply of one is never taken for another's: hashes of its weights (in the type in which
 * they are held), of its deltas and of its tokenizer. Weights are hashed once.
 *
 * @throws {ConfigError} When the model does not show its weights.
 */
export async function modelIdentity(model: RunnableModel, tokenizer: Tokenizer): Promise<JsonObject> {
  const { fingerprint } = await import("@cambium/core");
  const { config, head, parameters, base, deltas = [] } = model as Weighty;
  const weights = base?.parameters ?? parameters;
  if (weights === undefined) {
    throw new ConfigError({
      message:
        "local: the model does not show its weights, so that its replies cannot be told from others'; pass identity",
    });
  }
  const hashes = async (delta: DeltaLike): Promise<Json> => ({
    kind: delta.kind,
    config: delta.config as Json,
    parameters: await fingerprint(delta.parameters),
    buffers: await fingerprint(delta.buffers),
    state: await fingerprint(delta.state),
  });
  return {
    config: JSON.parse(JSON.stringify({ ...config, head: head ?? null })) as JsonObject,
    weights: await fingerprint(weights),
    deltas: await Promise.all(deltas.map(hashes)),
    tokenizer: tokenizer.fingerprint,
  };
}
