import { type Html, html } from "./html.ts";

/** A configuration or an environment, shown whole. */
export interface Settings {
  readonly kind: "settings";
  readonly caption: string;
  /** Plain JSON. */
  readonly values: object;
}

/**
 * A block that shows every value of a nested JSON object by its dotted key.
 *
 * @param values - Plain JSON; keys whose value is `undefined` are left out.
 * @example
 * settings("Configuration", { optimiser: { name: "adamW", learningRate: 1e-3 } }); // optimiser.learningRate  0.001
 */
export function settings(caption: string, values: object): Settings {
  return { kind: "settings", caption, values };
}

type Entry = readonly [key: string, value: string];

/** Dotted keys and values; lists of plain values stand in one line, and absent ones are left out. */
export function flattenSettings(values: object, prefix = ""): readonly Entry[] {
  return Object.entries(values).flatMap(([key, value]: [string, unknown]): readonly Entry[] => {
    const path = prefix + key;
    if (value === undefined) return [];
    if (Array.isArray(value)) {
      const isPlain = value.every((item) => typeof item !== "object");
      return [[path, isPlain ? value.join(", ") : JSON.stringify(value)]];
    }
    if (typeof value === "object" && value !== null) return flattenSettings(value, `${path}.`);
    return [[path, String(value)]];
  });
}

/** The settings as a table of two columns. */
export function renderSettings({ caption, values }: Settings): Html {
  const rows = flattenSettings(values).map(
    ([key, value]) => html`<tr><th scope="row">${key}</th><td>${value}</td></tr>`,
  );
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table class="settings">
<caption>${caption}</caption>
<tbody>
${rows}
</tbody>
</table></div>`;
}
