import { Tensor, tidy } from "@tensorflow/tfjs-core";

/** Every tensor in a tensor, array, plain object or map, however deep. */
function tensorsIn(container: unknown): Tensor[] {
  if (container instanceof Tensor) return [container];
  if (container instanceof Map) return [...container.values()].flatMap(tensorsIn);
  if (Array.isArray(container)) return container.flatMap(tensorsIn);
  const prototype = typeof container === "object" && container !== null ? Object.getPrototypeOf(container) : undefined;
  return prototype === Object.prototype || prototype === null
    ? Object.values(container as object).flatMap(tensorsIn)
    : [];
}

/** `tidy` for results that hold trees: tfjs does not look into maps. The caller owns every tensor in the result. */
export function tidyTrees<Result>(run: () => Result): Result {
  let result: Result | undefined;
  tidy(() => {
    result = run();
    return tensorsIn(result);
  });
  return result as Result;
}

/** Disposes of every tensor in a tensor, array, plain object or map. */
export function disposeTrees(...containers: readonly unknown[]): void {
  for (const tensor of tensorsIn(containers)) tensor.dispose();
}
