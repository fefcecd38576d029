import type { Representation } from "./plan.ts";

/** A run. */
export interface Cell {
  /** A sapling, `minilm` or `smollm2`. */
  readonly model: string;
  /** Trained weights, or a twin of the same sizes that never was. */
  readonly weights: "pretrained" | "random";
  readonly representation: Representation;
  /** Name of the extent, whose numbers stand in the study's inputs. */
  readonly extent: string;
  readonly seed: number;
}
