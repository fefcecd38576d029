import type { Parameters } from "@cambium/core";

/** Names of tensors that hold NaN or an infinity, with the first place of one and what stands there. */
export async function findNotFinite(tree: Parameters): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [name, tensor] of tree) {
    if (tensor.dtype !== "float32") continue;
    const values = await tensor.data();
    const place = values.findIndex((value) => !Number.isFinite(value));
    if (place >= 0) found.push(`${name} holds ${values[place]} at ${place} of its ${values.length} numbers`);
  }
  return found;
}
