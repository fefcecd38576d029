/** An SVG document outside a browser: elements, and markup that is the same for the same content. */
import { parseHTML } from "linkedom";
import { escapeHtml } from "./html.ts";

const NAMESPACE = "http://www.w3.org/2000/svg";

/** A fresh, empty document. Plot draws into its own one, so that no figure depends on another. */
export function createDocument(): Document {
  return parseHTML("<!doctype html><html><body></body></html>").document;
}

/** An element with attributes and text; attributes that are `undefined` are left out. */
export function element(
  document: Document,
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>>,
  text?: string,
): SVGElement {
  const made = document.createElementNS(NAMESPACE, name) as SVGElement;
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

const roundNumbers = (value: string): string =>
  value.replace(/-?\d+\.\d{3,}(?:e[-+]?\d+)?/g, (number) => String(Math.round(Number(number) * 100) / 100 + 0));

/** Attributes that hold coordinates: a hundredth of a pixel is enough, and equal on every machine. */
const GEOMETRY: ReadonlySet<string> = new Set("x y x1 x2 y1 y2 cx cy r d transform width height points".split(" "));

/** An element as markup that is both XML and HTML: everything escaped, coordinates to a hundredth of a pixel. */
export function serialise(node: Element): string {
  const name = node.localName;
  const attributes = [...node.attributes].map(
    (attribute) =>
      ` ${attribute.name}="${escapeHtml(GEOMETRY.has(attribute.name) ? roundNumbers(attribute.value) : attribute.value)}"`,
  );
  const content = [...node.childNodes].map((child) =>
    child.nodeType === child.ELEMENT_NODE ? serialise(child as Element) : escapeHtml(child.textContent ?? ""),
  );
  return content.length === 0
    ? `<${name}${attributes.join("")}/>`
    : `<${name}${attributes.join("")}>${content.join("")}</${name}>`;
}

/** Width of a line of text in pixels, estimated: no font is at hand. Wide letters count more, thin ones less. */
export function estimateTextWidth(text: string, fontSize: number): number {
  let ems = 0;
  for (const letter of text)
    ems += /[mwMW@%]/.test(letter) ? 0.95 : /[iljtfr.,:;'|() ]/.test(letter) ? 0.36 : /[A-Z]/.test(letter) ? 0.72 : 0.6;
  return ems * fontSize;
}
