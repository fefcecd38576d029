import type { Safetensors } from "@cambium/core";
import { type Tensor, tidy, transpose } from "@tensorflow/tfjs-core";

/** Where a tensor is, and how it lies there. */
export interface Viewed {
  readonly file: Safetensors;
  readonly key: string;
  /** Whether it is stored the other way round. @default false */
  readonly isTransposed?: boolean;
}

/** Tensors of one or several files under other names, as if they were a file. */
export function viewTensors(tensors: ReadonlyMap<string, Viewed>): Safetensors {
  const at = (name: string): Viewed => tensors.get(name)!;
  return {
    metadata: {},
    entries: new Map(
      [...tensors].map(([name, { file, key, isTransposed = false }]) => {
        const entry = file.entries.get(key)!;
        return [name, isTransposed ? { ...entry, shape: entry.shape.toReversed() } : entry];
      }),
    ),
    async tensor(name) {
      const { file, key, isTransposed = false } = at(name);
      const stored = await file.tensor(key);
      if (!isTransposed) return stored;
      const turned: Tensor = tidy(() => transpose(stored));
      stored.dispose();
      return turned;
    },
    values: (name) => at(name).file.values(at(name).key),
    async load(names = tensors.keys()) {
      const loaded = new Map<string, Tensor>();
      for (const name of names) loaded.set(name, await this.tensor(name));
      return loaded;
    },
  };
}
