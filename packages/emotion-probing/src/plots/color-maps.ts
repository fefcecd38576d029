/**
 * Colour maps of even lightness steps: viridis, cividis and magma, by Observable Plot's own schemes, as hexadecimal colours so
 * that figures hold no scale.
 */
import { ConfigError } from "@cambium/base";
import { scale } from "@observablehq/plot";

/** Scales of colours on which equal steps look equal. */
export type ColorMap = "viridis" | "cividis" | "magma";

const names: readonly ColorMap[] = ["viridis", "cividis", "magma"];

/** The colour of a share, 0 to 1. */
export function colorOf(caller: string, map: ColorMap): (share: number) => string {
  if (!names.includes(map)) {
    throw new ConfigError({
      message: `${caller}: there is no colour map "${map}"; choose one of ${names.join(", ")}`,
      map,
    });
  }
  const colors = scale({ color: { type: "linear", scheme: map, domain: [0, 1] } });
  return (share) => colors.apply(Math.min(1, Math.max(0, share)));
}
