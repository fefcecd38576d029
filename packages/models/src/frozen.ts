/** Models whose frozen layers are held and multiplied in 8 bits. */
import { ConfigError, FormatError, nearest } from "@cambium/base";
import { disposeParameters, isQuantised, type Parameters, quantiseWeight, type Safetensors } from "@cambium/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Layout } from "./layout.ts";

/**
 * Names of the weights that `frozen: "int8"` puts into 8 bits: the matrices of attention and feed-forward layers of every
 * block, as the layout marks them. Embeddings, norms, biases, the pooler and heads stay as they are.
 *
 * @param keepFloat - Weights to leave out.
 * @throws {ConfigError} When one of these is no such weight; names the nearest.
 */
export function eightBitNames(layout: Layout, keepFloat: readonly string[] = []): ReadonlySet<string> {
  const names = new Set(
    [...layout.parameters].flatMap(([name, { eightBit }]) => (eightBit === undefined ? [] : [name])),
  );
  for (const name of keepFloat) {
    if (names.delete(name)) continue;
    const near = nearest(name, names);
    throw new ConfigError({
      message: `loadModel: keepFloat names "${name}", which is no weight that would be put into 8 bits${near === undefined ? "" : `; did you mean "${near}"?`}`,
      name,
    });
  }
  return names;
}

/**
 * Reads weights one after the other and puts each into 8 bits before the next is read. The caller owns them.
 *
 * @param found - Names in the file by parameter name.
 * @throws {FormatError} When a weight is not finite.
 */
export async function loadEightBit(
  checkpoint: Safetensors,
  found: ReadonlyMap<string, string>,
  layout: Layout,
): Promise<Map<string, Tensor>> {
  const weights = new Map<string, Tensor>();
  try {
    for (const [name, fileName] of found) {
      const values = (await checkpoint.values(fileName)) as Float32Array | Float64Array;
      const [rows, columns] = checkpoint.entries.get(fileName)!.shape as readonly [number, number];
      const stored = layout.parameters.get(name)!.eightBit!;
      weights.set(name, quantiseWeight(name, values, stored === "out,in" ? [rows, columns] : [columns, rows], stored));
    }
  } catch (error) {
    disposeParameters(weights);
    throw error;
  }
  return weights;
}

/**
 * Throws for a checkpoint that another program has quantised: its names and values mean something else.
 *
 * @throws {FormatError} Naming the method.
 */
export function checkNotQuantised(json: unknown, location: string): void {
  const settings = (json as { quantization_config?: { quant_method?: unknown } | null } | null)?.quantization_config;
  if (settings == null) return;
  const method = String(settings.quant_method ?? "an unnamed method");
  throw new FormatError({
    message: `loadModel: the weights in ${location} are quantised already, by ${method}; take the float checkpoint that they were made of, with frozen: "int8" for 8 bits`,
    method,
    location,
  });
}

/** Names of the parameters that are in 8 bits. */
export function eightBitOf(parameters: Parameters): string[] {
  return [...parameters].flatMap(([name, tensor]) => (isQuantised(tensor) ? [name] : []));
}
