import { checkOptions } from "@cambium/base";
import type { Figure } from "./figure.ts";
import { type Html, html, raw } from "./html.ts";
import { renderSettings, type Settings } from "./settings.ts";
import { STYLE_SHEET } from "./style.ts";
import { renderTable, type Table } from "./table.ts";

/** Lines shown as they are: a command, its output, a file. */
export interface Code {
  readonly kind: "code";
  readonly text: string;
}

/** Lines shown as they are, such as the command that makes the report again. */
export const code = (text: string): Code => ({ kind: "code", text });

/** Blocks behind a line that opens and closes them. */
export interface Fold {
  readonly kind: "fold";
  /** The line that is always shown. */
  readonly title: string;
  readonly blocks: readonly Block[];
}

/** Blocks that are shown when their title is clicked, for what only some readers want to see. */
export const fold = (title: string, blocks: readonly Block[]): Fold => ({ kind: "fold", title, blocks });

/** A part of a section; a string is text, whose paragraphs are separated by empty lines. */
export type Block = string | Figure | Table | Settings | Code | Fold;

/** A titled part of a report. */
export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

/** What a report holds. */
export interface ReportOptions {
  readonly title: string;
  /** Stands under the title: what was found, in a few sentences. */
  readonly summary?: string;
  /** More than eight get a table of contents. */
  readonly sections: readonly Section[];
}

/** A page in one file. */
export interface Report {
  readonly title: string;
  /** The whole page: the same content gives the same bytes. */
  html(): string;
}

const CONTENTS_FROM = 9;

function renderText(text: string): readonly Html[] {
  return text
    .trim()
    .split(/\n\s*\n/)
    .map((paragraph) => html`<p>${paragraph}</p>`);
}

function renderBlock(block: Block): Html {
  if (typeof block === "string") return html`${renderText(block)}`;
  switch (block.kind) {
    case "figure":
      return html`<figure>${raw(block.svg())}${block.description === undefined ? raw("") : html`<figcaption>${block.description}</figcaption>`}</figure>`;
    case "table":
      return renderTable(block);
    case "settings":
      return renderSettings(block);
    case "code":
      return html`<pre tabindex="0"><code>${block.text}</code></pre>`;
    case "fold":
      return html`<details><summary>${block.title}</summary>
${block.blocks.map(renderBlock)}
</details>`;
  }
}

/**
 * A report as one HTML file that opens offline: no script, and nothing is requested from anywhere.
 *
 * All text is escaped. It is readable in light and dark, on a narrow screen and on paper, and by screen readers.
 *
 * @example
 * const page = report({ title: "Spam, 20 minutes", sections: [{ title: "Results", blocks: ["LoRA won.", curve, results] }] });
 * await folder("runs/spam").write("report.html", page.html());
 */
export function report(options: ReportOptions): Report {
  checkOptions("report", options, ["title", "summary", "sections"]);
  const { title, summary, sections } = options;
  return { title, html: () => renderReport({ title, sections, ...(summary === undefined ? {} : { summary }) }) };
}

function renderReport({ title, summary, sections }: ReportOptions): string {
  const contents =
    sections.length < CONTENTS_FROM
      ? raw("")
      : html`<nav aria-label="Contents"><ol>
${sections.map((section, index) => html`<li><a href="#section-${index + 1}">${section.title}</a></li>`)}
</ol></nav>
`;
  const body = sections.map(
    (section, index) => html`<section id="section-${index + 1}">
<h2>${section.title}</h2>
${section.blocks.map(renderBlock)}
</section>`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${raw(STYLE_SHEET)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
${summary === undefined ? raw("") : renderText(summary)}
</header>
<main>
${contents}${body}
</main>
</body>
</html>
`.markup;
}
