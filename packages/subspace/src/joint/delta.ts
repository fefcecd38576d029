/** Coordinates of a subspace as a delta, so that whatever takes a delta takes them. */
import { ConfigError } from "@cambium/base";
import { type Hook, type Parameters, random as seeded } from "@cambium/core";
import { type Delta, method } from "@cambium/delta";
import { add, matMul, reshape, type Tensor, type Tensor1D, type Tensor2D, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { cut } from "../projection/projection.ts";
import { checkedCoordinates } from "./coordinates.ts";
import { START_DEVIATION } from "./networks.ts";
import type { MethodSpace } from "./subspace.ts";

/** See `Subspace.delta`. */
export function subspaceDelta(space: MethodSpace, dimension: number, coordinates?: ArrayLike<number>): Delta {
  const { name, shapes, start, decoder, deltas } = space;
  const members = deltas.filter(({ name: own }) => [...shapes.keys()].some((key) => key.startsWith(`${own}/`)));
  if (members.length !== 1)
    throw new ConfigError({
      message: `subspace.delta: ${name} has ${members.length} deltas in the subspace, and one is needed; train it by trainInSubspace(tuned, space.projection("${name}"), …)`,
    });
  if (decoder.kind !== "linear")
    throw new ConfigError({
      message: `subspace.delta: ${name} has a ${decoder.kind} decoder; train it by trainInSubspace(tuned, space.projection("${name}"), …)`,
    });
  const given = coordinates === undefined ? undefined : checkedCoordinates("subspace.delta", coordinates, dimension);
  const inner = members[0]!;
  if (inner.afterStep !== undefined)
    throw new ConfigError({
      message: `subspace.delta: ${inner.kind} changes its parameters after a step, which coordinates cannot follow`,
    });
  const up = decoder.parameters.get("up") as Tensor2D;
  const own = new Map([...inner.parameters].map(([key, tensor]) => [`${inner.name}/${key}`, tensor] as const));
  const decode = (z: Tensor): Parameters =>
    new Map(
      Object.entries(
        tidy(() => {
          const flat = reshape(matMul(reshape(z, [1, dimension]) as Tensor2D, up), [-1]) as Tensor1D;
          const offsets = cut(flat, shapes);
          return Object.fromEntries(
            [...own].map(([key, tensor]) => {
              const offset = offsets.get(key);
              const value = offset === undefined ? tensor.clone() : add(start.get(key)!, offset);
              return [key.slice(inner.name.length + 1), value];
            }),
          );
        }),
      ),
    );
  const whole = method<object, object>({
    kind: "subspace",
    parse: () => ({ method: name, of: inner.kind, dimension }),
    tensors: () => ({
      trained: new Map([["z", { shape: [dimension], start: { kind: "normal", deviation: START_DEVIATION } }]]),
    }),
    hooks({ parameters }) {
      // Decoded when the first hook runs, within the model's own memory scope, and again where that scope has ended.
      let decoded: Parameters | undefined;
      const at = (): Parameters => {
        if (decoded === undefined || [...decoded.values()].some(({ isDisposed }) => isDisposed))
          decoded = decode(parameters.get("z")!);
        return decoded;
      };
      return inner.hooks(inner).map(
        (hook, i) =>
          ({
            ...hook,
            run: (...given: never[]) => {
              const { run } = inner.hooks({ ...inner, parameters: at() })[i]!;
              return (run as (...all: never[]) => unknown)(...given);
            },
          }) as Hook,
      );
    },
    unsaved:
      "it is a point of a subspace: save the subspace with saveSubspace and the coordinates beside it, or decode them into the method's own delta",
  });
  const made = whole({ ...inner.shape, parameters: new Map() } as never, {}, seeded(0).at(name));
  if (given === undefined) return made;
  for (const tensor of made.parameters.values()) tensor.dispose();
  const z = new Map([["z", tensor1d(given)]]);
  return { ...made, parameters: z, start: z };
}
