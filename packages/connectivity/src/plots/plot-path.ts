/** Figures of measured paths and landscapes, with the numbers that they show. */
import { ConfigError, checkOptions } from "@cambium/base";
import { type Figure, plotLines } from "@cambium/report";
import type { PathMeasurement } from "../barrier/run-path.ts";

/** Settings of `plotPath`. */
export interface PlotPathOptions {
  /** @default "Along the path" */
  readonly title?: string;
  readonly description?: string;
  /** Width in pixels. */
  readonly width?: number;
  /** What is drawn. @default "loss" */
  readonly show?: "loss" | "accuracy";
}

/**
 * Losses or accuracies of one path or several against t.
 *
 * @param paths - By name, such as `{ line, bezier }`.
 * @throws {ConfigError} For options that cannot be meant.
 * @throws {RangeError} When nothing is there to draw, such as accuracies that were not measured.
 */
export function plotPath(
  paths: Readonly<Record<string, Pick<PathMeasurement, "ts" | "losses" | "accuracies">>>,
  options: PlotPathOptions = {},
): Figure {
  checkOptions("plotPath", options, ["title", "description", "width", "show"]);
  const { show = "loss", title = "Along the path", ...about } = options;
  if (show !== "loss" && show !== "accuracy")
    throw new ConfigError({ message: `plotPath: show must be "loss" or "accuracy", got ${JSON.stringify(show)}` });
  return plotLines({
    title,
    ...about,
    x: { label: "t" },
    y: show === "loss" ? { label: "loss", unit: "nats" } : { label: "accuracy", unit: "%" },
    series: Object.entries(paths).map(([name, { ts, losses, accuracies }]) => ({
      name,
      points: ts.flatMap((t, i) => {
        const y = show === "loss" ? losses[i] : accuracies === undefined ? undefined : 100 * accuracies[i]!;
        return y === undefined ? [] : [{ x: t, y }];
      }),
    })),
  });
}
