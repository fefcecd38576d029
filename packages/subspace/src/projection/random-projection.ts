/** What dense and Fastfood projections share: pieces that read the same coordinates, and a scale of each in structured ones. */
import { ConfigError, type Json } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import { mul, ones, slice, type Tensor, type Tensor1D, tidy, zeros } from "@tensorflow/tfjs-core";
import {
  checkDimension,
  cut,
  type Filtered,
  movedShapes,
  type Projection,
  type Shaped,
  sizeOf,
  vectorOf,
} from "./projection.ts";

/** Settings of projections that are drawn. */
export interface RandomProjectionOptions extends Filtered {
  /** Coordinates in all, d. */
  readonly dimension: number;
  /**
   * Whether each tensor has its own matrix, all of them reading the same coordinates, or one matrix moves all of them. Lengths
   * are kept in each: `‖P z‖ ≈ ‖z‖`. @default "tensor"
   */
  readonly per?: "tensor" | "whole";
  /**
   * Whether each tensor also has a scale that is trained, `θᵢ = θᵢ⁰ + λᵢ P(z)ᵢ` with λ from 1. The scales count as coordinates:
   * z has `d − tensors` entries (Aghajanyan et al. 2020, arXiv:2012.13255, section 3, SAID). @default false
   */
  readonly structured?: boolean;
}

/** One matrix: how many numbers it gives, and the product. */
export interface Piece {
  /** `P z`, `[size]`. The caller owns it. */
  product(z: Tensor1D): Tensor1D;
  dispose(): void;
}

/** A projection of pieces. */
export function projectionOfPieces(
  kind: string,
  like: Shaped,
  options: RandomProjectionOptions,
  piece: (size: number, dimension: number, label: string) => Piece,
  describe: (about: { readonly [key: string]: Json }) => Json,
): Projection {
  const { dimension, per = "tensor", structured = false } = options;
  checkDimension(kind, dimension);
  if (per !== "tensor" && per !== "whole")
    throw new ConfigError({ message: `${kind}: per must be "tensor" or "whole", got ${JSON.stringify(per)}` });
  const shapes = movedShapes(kind, like, options);
  const scales = structured ? shapes.size : 0;
  if (structured && per === "whole")
    throw new ConfigError({
      message: `${kind}: a structured projection has a scale for each tensor; leave "per" at "tensor"`,
    });
  if (dimension <= scales)
    throw new ConfigError({
      message: `${kind}: ${scales} tensors have a scale each, so dimension must be above ${scales}, got ${dimension}`,
      dimension,
      scales,
    });
  const free = dimension - scales;
  const blocks =
    per === "whole"
      ? [{ label: "whole", shapes }]
      : [...shapes].map(([name, shape]) => ({ label: name, shapes: new Map([[name, shape]]) }));
  const pieces = blocks.map((block) => ({ ...block, piece: piece(sizeOf(block.shapes), free, block.label) }));
  return {
    kind,
    dimension,
    shapes,
    coordinates: new Map([["z", [free]], ...(structured ? [["scale", [scales]] as const] : [])]),
    start: () =>
      new Map<string, Tensor>([["z", zeros([free])], ...(structured ? [["scale", ones([scales])] as const] : [])]),
    apply(coordinates: Parameters) {
      const z = vectorOf(kind, coordinates, free);
      const moved = pieces.flatMap(({ piece: one, shapes: inside }, i) => {
        const flat = tidy(() => {
          const product = one.product(z);
          return structured ? (mul(product, slice(coordinates.get("scale")!, [i], [1])) as Tensor1D) : product;
        });
        const parts = [...cut(flat, inside)];
        flat.dispose();
        return parts;
      });
      z.dispose();
      return new Map(moved);
    },
    describe: async () =>
      describe({
        kind,
        dimension,
        per,
        structured,
        shapes: Object.fromEntries([...shapes].map(([name, shape]) => [name, [...shape]])),
      }),
    dispose: () => {
      for (const { piece: one } of pieces) one.dispose();
    },
  };
}
