import { tensor2d } from "@tensorflow/tfjs-core";
import type { Delta } from "../delta.ts";
import type { Host } from "../host.ts";
import { bindDelta } from "../method.ts";
import { type LoraConfig, lora, loraPlaces, namesOfFactors } from "../methods/lora.ts";

/** `B A` of one layer, flat: A `[rank, in]`, B `[out, rank]`. */
export interface Factors {
  readonly rank: number;
  readonly a: ArrayLike<number>;
  readonly b: ArrayLike<number>;
}

/**
 * A LoRA of a scale of 1 that has these factors, with other ranks for single layers where they differ. The caller owns its tensors.
 *
 * @param layers - By path, at least one, each of a linear layer of `shape` or of a table.
 */
export function loraFromFactors(shape: Host, layers: ReadonlyMap<string, Factors>, dropout: number): Delta<LoraConfig> {
  const ranks = new Map([...layers].map(([path, { rank }]) => [path, rank]));
  const usual = mostFrequent([...ranks.values()]);
  const others = [...ranks].filter(([, rank]) => rank !== usual);
  const pattern = Object.fromEntries(others.map(([path, rank]) => [path.replaceAll(".", String.raw`\.`), rank]));
  const options = { targets: [...layers.keys()], rank: usual, alpha: usual, dropout };
  const config = lora.parse({ ...options, rankPattern: pattern, alphaPattern: pattern }, shape);
  const parameters = new Map(
    loraPlaces(shape, config).flatMap(({ site, rank, input, output }) => {
      const { a, b } = layers.get(site.path)!;
      const [nameA, nameB] = namesOfFactors(site);
      return [
        [nameA, tensor2d(Float32Array.from(a), [rank, input])] as const,
        [nameB, tensor2d(Float32Array.from(b), [output, rank])] as const,
      ];
    }),
  );
  return bindDelta(lora, { parameters, buffers: new Map(), state: new Map(), config, shape });
}

function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, each) => (each[1] > best[1] ? each : best))[0];
}
