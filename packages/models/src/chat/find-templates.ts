import { FormatError } from "@cambium/base";
import type { TokenizerConfig } from "../tokenizer-json.ts";

/** The template of `chat_template.json`, which older folders have. */
function fromJson(text: string): string | undefined {
  try {
    const { chat_template: template } = JSON.parse(text) as { readonly chat_template?: unknown };
    return typeof template === "string" ? template : undefined;
  } catch (cause) {
    throw new FormatError({
      message: `createTokenizer: chat_template.json is no JSON: ${(cause as Error).message}`,
      cause,
    });
  }
}

/** The chat templates of a tokenizer's files by name: `chat_template.jinja` goes before `chat_template.json`, and that before the config. */
export function templatesOf(
  files: ReadonlyMap<string, Uint8Array>,
  written: TokenizerConfig["chat_template"],
): Map<string, string> {
  const read = (name: string): string | undefined => {
    const bytes = files.get(name);
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  };
  const listed = typeof written === "string" ? [{ name: "default", template: written }] : (written ?? []);
  const templates = new Map(listed.map(({ name, template }) => [name, template]));
  const json = read("chat_template.json");
  const alone = read("chat_template.jinja") ?? (json === undefined ? undefined : fromJson(json));
  if (alone !== undefined) templates.set("default", alone);
  return templates;
}
