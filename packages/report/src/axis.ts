import { axisX, axisY, gridX, gridY, type Markish, type ScaleOptions, text } from "@observablehq/plot";

/** What an axis measures. */
export interface Axis {
  /** A quantity, such as `loss`. */
  readonly label: string;
  /** Its unit, such as `nats per token` or `%`; shown behind the label. */
  readonly unit?: string;
  /** @default "linear" */
  readonly scale?: "linear" | "log";
  /** Ends of the axis. @default the data's, rounded */
  readonly domain?: readonly [low: number, high: number];
  /** Values with a tick. @default a round few */
  readonly ticks?: readonly number[];
}

/** `label (unit)`. */
const axisLabel = ({ label, unit }: Axis): string => (unit === undefined ? label : `${label} (${unit})`);

const formatTick = (value: number): string => value.toLocaleString("en-US", { maximumSignificantDigits: 6 });

/**
 * The scale of an axis, for Plot; a linear one ends at round values, `ticks` of them.
 *
 * @param values - What is shown along it. When all are equal, the axis reaches a tenth to both sides.
 */
export function axisScale(
  { scale = "linear", domain }: Axis,
  values: readonly (number | undefined)[],
  ticks = 7,
): ScaleOptions {
  if (domain !== undefined) return { type: scale, domain: [...domain] };
  const shown = values.filter((value) => value !== undefined);
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const widened =
    low < high
      ? {}
      : {
          domain:
            scale === "log"
              ? [low / 1.1, low * 1.1]
              : [low - (Math.abs(low) / 10 || 1), low + (Math.abs(low) / 10 || 1)],
        };
  return scale === "log" ? { type: scale, ...widened } : { type: scale, nice: ticks, ...widened };
}

const tickOptions = ({ ticks, scale }: Axis, count: number) => ({
  ...(ticks === undefined ? { ticks: count } : { ticks: [...ticks], text: formatTick }),
  ...(scale === "log" ? { tickFormat: "," } : {}),
  tickSize: 0,
  tickPadding: 8,
  fontSize: 12,
  label: null,
});

const GRID = { stroke: "currentColor", strokeOpacity: 0.12 };

/** Tick labels and name of a horizontal axis, below the plot. */
export function horizontalAxis(axis: Axis, { grid }: { readonly grid: boolean }): Markish[] {
  const options = tickOptions(axis, 7);
  const marks: Markish[] = [
    axisX(options),
    text([axisLabel(axis)], { frameAnchor: "bottom", lineAnchor: "top", dy: 28, fontSize: 12 }),
  ];
  return grid ? [gridX({ ...GRID, ticks: options.ticks }), ...marks] : marks;
}

/** Grid lines and tick labels of a vertical axis, left of the plot; its name stands above it, from the left edge on. */
export function verticalAxis(axis: Axis, marginLeft: number): Markish[] {
  const options = tickOptions(axis, 6);
  return [
    gridY({ ...GRID, ticks: options.ticks }),
    axisY(options),
    text([axisLabel(axis)], {
      frameAnchor: "top-left",
      lineAnchor: "bottom",
      textAnchor: "start",
      dx: 8 - marginLeft,
      dy: -14,
      fontSize: 12,
    }),
  ];
}

/** Throws unless every number is finite (and above zero on a logarithmic axis); names the first that is not. */
export function checkValues(
  caller: string,
  where: string,
  values: readonly (number | undefined)[],
  scale?: "linear" | "log",
): void {
  values.forEach((value, index) => {
    if (value === undefined) return;
    if (!Number.isFinite(value))
      throw new RangeError(
        `${caller}: ${where} must be finite numbers, got ${value} at index ${index}; leave that point out`,
      );
    if (scale === "log" && value <= 0) {
      throw new RangeError(
        `${caller}: ${where} must be above 0 on a logarithmic axis, got ${value} at index ${index}; use scale "linear"`,
      );
    }
  });
}
