import type { AfterStep, Parameters } from "@cambium/core";
import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import { type Delta, partTree } from "./delta.ts";

/** What several deltas make of a step: their states, and the parameters that they change, as `<delta>/<name>`. */
export function followStep(
  parts: readonly Delta[],
  given: AfterStep,
): { readonly state: Parameters; readonly parameters: Parameters } {
  const after = { state: new Map<string, Tensor>(), parameters: new Map<string, Tensor>() };
  for (const part of parts) {
    const { state, parameters } = followPart(part, given);
    for (const [name, tensor] of Object.entries(state)) after.state.set(`${part.name}/${name}`, tensor);
    for (const [name, tensor] of Object.entries(parameters)) after.parameters.set(`${part.name}/${name}`, tensor);
  }
  return after;
}

type Tensors = Record<string, Tensor>;

/** One delta's. A state that nothing follows stays as it is. */
function followPart(part: Delta, given: AfterStep): { readonly state: Tensors; readonly parameters: Tensors } {
  const state = partTree(part, "state", given.state);
  const parameters = partTree(part, "parameters", given.parameters);
  const step = { gradients: partTree(part, "parameters", given.gradients), scalars: scalarsOf(part, given.scalars) };
  return tidy(() => {
    if (part.afterStep === undefined) {
      return { state: Object.fromEntries([...state].map(([name, tensor]) => [name, tensor.clone()])), parameters: {} };
    }
    const after = part.afterStep({ parameters, buffers: part.buffers, state }, step);
    return { state: Object.fromEntries(after.state), parameters: Object.fromEntries(after.parameters ?? []) };
  });
}

function scalarsOf({ name }: Delta, scalars: AfterStep["scalars"]): AfterStep["scalars"] {
  const own = Object.entries(scalars).filter(([key]) => key.startsWith(`${name}/`));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(name.length + 1), value]));
}
