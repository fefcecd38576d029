/** A batch whose rows name different deltas. */
import { ConfigError } from "@cambium/base";
import type { Hook, Parameters } from "@cambium/core";
import { type Tensor1D, tensor1d } from "@tensorflow/tfjs-core";
import type { Delta } from "./delta.ts";
import { bindDelta, type DeltaPoint, type DeltaTensor, type MethodDefinition } from "./method.ts";

/** The settings of `perRow`: those of its deltas, in the order of their numbers. */
export type PerRowConfig = readonly { readonly name: string; readonly kind: string; readonly config: unknown }[];

/**
 * Several deltas of which each row of a batch gets one. `batch.rows` says which, int32 `[batch]`, −1 for none: see `rowsOf`.
 * Without it every row gets the base.
 *
 * Each row is as if it ran alone with its delta. Deltas of one method act in one go (LoRAs of different ranks are padded and
 * stacked), so that the cost does not grow with their number. It is a delta like any other, and trains; to save it, save its
 * parts. It cannot be merged.
 *
 * @param deltas - By name; numbers follow their order. Their tensors are shared, as `<name>/<tensor>`.
 * @throws {ConfigError} When there are none, or one is of a method that cannot be told apart by rows; names it.
 * @example
 * const mixed = attach(base, perRow({ style: a, facts: b }));
 * const { logits } = mixed.forward({ ...batch, rows: rowsOf(mixed.deltas[0], ["facts", "style", undefined]) });
 */
export function perRow(deltas: Readonly<Record<string, Delta>>): Delta<PerRowConfig> {
  const members = Object.entries(deltas);
  if (members.length === 0) throw new ConfigError({ message: "perRow: pass deltas by name, got none" });
  for (const [name, { kind, method, state }] of members) checkMember(name, kind, method, state);
  const config = members.map(([name, delta]) => ({ name, kind: delta.kind, config: delta.config }));
  const tree = (of: "parameters" | "buffers"): Parameters =>
    new Map(members.flatMap(([name, delta]) => [...delta[of]].map(([key, tensor]) => [`${name}/${key}`, tensor])));
  const [{ shape }] = [members[0]![1]];
  const starts = members.map(([name, { start }]) =>
    start === undefined ? [] : [...start].map(([key, tensor]) => [`${name}/${key}`, tensor] as const),
  );
  return bindDelta(
    definitionOf(
      members.map(([, delta]) => delta),
      config,
    ),
    { parameters: tree("parameters"), buffers: tree("buffers"), state: new Map(), config, shape },
    members.every(([, { start }]) => start !== undefined) ? new Map(starts.flat()) : undefined,
  );
}

/**
 * The rows of a batch by names of a `perRow` delta, int32 `[batch]`; undefined for the base alone. The caller owns it.
 *
 * @throws {ConfigError} For a name that it does not have.
 */
export function rowsOf(
  { config }: Pick<Delta<PerRowConfig>, "config">,
  names: readonly (string | undefined)[],
): Tensor1D {
  const numbers = names.map((name, row) => {
    const number = config.findIndex((member) => member.name === name);
    if (name === undefined || number >= 0) return number;
    throw new ConfigError({
      message: `rowsOf: row ${row} names "${name}"; there are ${config.map((member) => member.name).join(", ")}`,
      name,
    });
  });
  return tensor1d(Int32Array.from(numbers), "int32");
}

function checkMember(
  name: string,
  kind: string,
  { perRow: acts }: MethodDefinition<never, unknown>,
  state: Parameters,
): void {
  if (name === "") throw new ConfigError({ message: "perRow: the name of a delta must not be empty", name });
  if (acts !== undefined && state.size === 0) return;
  throw new ConfigError({
    message: `perRow: delta "${name}" is of the method "${kind}", ${acts === undefined ? "which acts on whole batches" : "whose state follows whole batches"}; run its rows alone`,
    name,
  });
}

/** What the members do together, as a method. */
function definitionOf(deltas: readonly Delta[], config: PerRowConfig): MethodDefinition<never, PerRowConfig> {
  const kinds = new Map(deltas.map(({ kind, method }) => [kind, method]));
  const prefixed = (name: string, specs: ReadonlyMap<string, DeltaTensor> = new Map()): [string, DeltaTensor][] =>
    [...specs].map(([key, spec]) => [`${name}/${key}`, spec]);
  return {
    kind: "perRow",
    unsaved: "it is several deltas, one for each row; save each by its name alone",
    parse: () => config,
    tensors(shape) {
      const all = config.map(({ name, ...member }, i) => ({
        name,
        ...deltas[i]!.method.tensors(shape, member.config as never),
      }));
      return {
        trained: new Map(all.flatMap(({ name, trained }) => prefixed(name, trained))),
        frozen: new Map(all.flatMap(({ name, frozen }) => prefixed(name, frozen))),
      };
    },
    hooks: (at) =>
      [...kinds].flatMap(([kind, method]): readonly Hook[] =>
        method.perRow!(
          deltas.map((delta, i) => (delta.kind === kind ? (memberAt(at, delta, config[i]!.name) as never) : undefined)),
        ),
      ),
  };
}

/** A member at the values that it has within the whole. */
function memberAt(
  { parameters, buffers, shape }: DeltaPoint<PerRowConfig>,
  delta: Delta,
  name: string,
): DeltaPoint<unknown> {
  const own = (tree: Parameters, keys: Iterable<string>): Parameters =>
    new Map([...keys].map((key) => [key, tree.get(`${name}/${key}`)!]));
  return {
    parameters: own(parameters, delta.parameters.keys()),
    buffers: own(buffers, delta.buffers.keys()),
    state: new Map(),
    config: delta.config,
    shape,
  };
}
