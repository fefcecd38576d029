/** What a parsed Python expression consists of. */

/** A pattern that is matched at a position of a text. */
export type Node =
  /** One character. */
  | { readonly kind: "one"; accepts(character: string): boolean }
  | { readonly kind: "sequence"; readonly items: readonly Node[] }
  | { readonly kind: "choice"; readonly options: readonly Node[] }
  | {
      readonly kind: "repeat";
      readonly item: Node;
      readonly min: number;
      readonly max: number;
      readonly isLazy: boolean;
    }
  /** The first way to match, and no other. */
  | { readonly kind: "atomic"; readonly item: Node }
  /** A place between characters. */
  | { readonly kind: "place"; isAt(text: readonly string[], position: number): boolean }
  /** What stands ahead, or, with a width, behind. */
  | { readonly kind: "look"; readonly item: Node; readonly isNegative: boolean; readonly behind?: number };

/** Flags that decide what a part of an expression means. */
export interface Flags {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
  readonly verbose: boolean;
  readonly ascii: boolean;
}

/** How many characters a node takes, at least and at most. */
export function widthOf(node: Node): readonly [min: number, max: number] {
  switch (node.kind) {
    case "one":
      return [1, 1];
    case "sequence":
      return node.items.map(widthOf).reduce(([min, max], [low, high]) => [min + low, max + high], [0, 0]);
    case "choice": {
      const widths = node.options.map(widthOf);
      return [Math.min(...widths.map(([low]) => low)), Math.max(...widths.map(([, high]) => high))];
    }
    case "repeat": {
      const [low, high] = widthOf(node.item);
      return [low * node.min, high === 0 ? 0 : high * node.max];
    }
    case "atomic":
      return widthOf(node.item);
    default:
      return [0, 0];
  }
}
