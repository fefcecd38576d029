import { checkOptions } from "@cambium/base";
import { type PlotOptions, plot } from "@observablehq/plot";
import { drawLegend, type LegendEntry } from "./legend.ts";
import { DARK_INK, LIGHT_INK } from "./palette.ts";
import { createDocument, element, estimateTextWidth, serialise } from "./svg.ts";

/** A drawing with a title, as SVG. */
export interface Figure {
  readonly kind: "figure";
  /** Stands above the drawing, and is its name for screen readers. */
  readonly title: string;
  /** One or two sentences that say what is to be seen: the caption, and the text for those who cannot see it. */
  readonly description?: string;
  /** The whole drawing as one SVG element: the same data give the same bytes. */
  svg(): string;
}

/** What a figure says around its plot, and its size. */
export interface FigureOptions {
  readonly title: string;
  readonly description?: string;
  /** Pixels, the whole drawing. @default 800 */
  readonly width?: number;
  /** Pixels, title and legend included. @default 400 */
  readonly height?: number;
  /** Entries between title and plot. @default none */
  readonly legend?: readonly LegendEntry[];
}

const TITLE_SIZE = 15;
const STYLE = `.cambium-figure{color:${LIGHT_INK}}@media (prefers-color-scheme:dark){.cambium-figure{color:${DARK_INK}}}`;

function drawFigure(
  options: PlotOptions,
  { title, description, width = 800, height = 400, legend = [] }: FigureOptions,
): string {
  const document = createDocument();
  const root = element(document, "svg", {
    xmlns: "http://www.w3.org/2000/svg",
    class: "cambium-figure",
    role: "img",
    "aria-label": title,
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    color: LIGHT_INK,
    fill: "currentColor",
    "font-family": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
  });
  root.append(element(document, "title", {}, title));
  if (description !== undefined) root.append(element(document, "desc", {}, description));
  root.append(element(document, "style", {}, STYLE));

  const size = Math.min(TITLE_SIZE, (TITLE_SIZE * (width - 16)) / Math.max(1, estimateTextWidth(title, TITLE_SIZE)));
  root.append(element(document, "text", { x: 8, y: 22, "font-size": size, "font-weight": 600 }, title));
  const { elements, height: legendHeight } = drawLegend(document, legend, { x: 8, y: 36, width: width - 16 });
  root.append(...elements);

  const top = 36 + legendHeight;
  const drawn = plot({
    marginTop: 40,
    marginLeft: 60,
    marginRight: 24,
    marginBottom: 44,
    ...options,
    width,
    height: height - top,
    document,
  });
  if (drawn.tagName.toLowerCase() !== "svg") {
    throw new TypeError(
      "figure: the plot must be a single SVG, got an HTML figure; leave out Plot's title, caption and legend, and pass title and legend beside it",
    );
  }
  const body = element(document, "g", {
    transform: `translate(0,${top})`,
    "text-anchor": "middle",
    "font-size": drawn.getAttribute("font-size") ?? 12,
  });
  for (const child of [...drawn.children]) if (child.tagName.toLowerCase() !== "style") body.append(child);
  root.append(body);
  return serialise(root);
}

/**
 * A figure from Observable Plot's options, with its own title and legend.
 *
 * Text and axes take the colour of their surroundings, in light and dark. The SVG holds no generated ids.
 *
 * @param options - As for Plot's `plot`; width, height and document are set here. Draw in `currentColor` or in colours
 *   of {@link PALETTE}; leave out Plot's own title, caption and legends, which are HTML.
 * @throws {TypeError} When the options make Plot return HTML around the SVG.
 * @example
 * const curve = figure({ marks: [lineY([3, 2, 1.5])] }, { title: "Loss", width: 480, height: 300 });
 * curve.svg();
 */
export function figure(options: PlotOptions, about: FigureOptions): Figure {
  checkOptions("figure", about, ["title", "description", "width", "height", "legend"]);
  let svg: string | undefined;
  return {
    kind: "figure",
    title: about.title,
    ...(about.description === undefined ? {} : { description: about.description }),
    svg: () => {
      svg ??= drawFigure(options, about);
      return svg;
    },
  };
}
