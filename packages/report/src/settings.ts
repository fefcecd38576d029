import { type Html, html } from "./html.ts";

/** JSON values. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** A configuration or an environment, shown whole. */
export interface Settings {
  readonly kind: "settings";
  readonly caption: string;
  readonly values: { readonly [key: string]: Json | undefined };
}

/**
 * A block that shows every value of a nested JSON object by its dotted key.
 *
 * @example
 * settings("Configuration", { optimiser: { name: "adamW", learningRate: 1e-3 } }); // optimiser.learningRate  0.001
 */
export function settings(caption: string, values: Settings["values"]): Settings {
  return { kind: "settings", caption, values };
}

type Entry = readonly [key: string, value: string];

/** Dotted keys and values; lists of plain values stand in one line, and absent ones are left out. */
export function flattenSettings(values: Settings["values"], prefix = ""): readonly Entry[] {
  return Object.entries(values).flatMap(([key, value]): readonly Entry[] => {
    const path = prefix + key;
    if (value === undefined) return [];
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return flattenSettings(value as Settings["values"], `${path}.`);
    }
    if (Array.isArray(value))
      return [[path, value.every((item) => typeof item !== "object") ? value.join(", ") : JSON.stringify(value)]];
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
