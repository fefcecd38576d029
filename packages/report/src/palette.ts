/**
 * Colours of series, in order of use. Each is at least 3:1 against a white page and against `DARK_PAGE`
 * (WCAG 2.2, 1.4.11), so that one figure serves both themes; line dashes repeat the distinction without colour.
 */
export const PALETTE: readonly string[] = ["#2c9a63", "#3f7fd9", "#cf6a1c", "#a05fd0", "#c9486b", "#7d8590"];

/** Page colours of the light and the dark theme. */
export const LIGHT_PAGE = "#ffffff";
export const DARK_PAGE = "#14181c";

/** Text and axis colours of the light and the dark theme. */
export const LIGHT_INK = "#22282e";
export const DARK_INK = "#e4e9ee";

const DASHES: readonly (string | undefined)[] = [undefined, "7 3", "2 3", "9 3 2 3"];

/** How one series is drawn. */
export interface SeriesStyle {
  readonly color: string;
  /** Dash pattern of its line; solid when absent. */
  readonly dash?: string;
}

/** The style of the series at `index`; colours repeat after six, with other dashes. */
export function seriesStyle(index: number): SeriesStyle {
  const color = PALETTE[index % PALETTE.length]!;
  const dash = DASHES[(index + Math.floor(index / PALETTE.length)) % DASHES.length];
  return dash === undefined ? { color } : { color, dash };
}
