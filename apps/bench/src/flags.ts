/** Flags of benches, as `parseArgs` of Node has them; what is a number by its default, or by its name, has to be one. */
import { type ParseArgsConfig, parseArgs } from "node:util";

/** Flags that are numbers although they have no default. */
const NUMBERS: ReadonlySet<string> = new Set(["pairs", "minutes", "threads"]);

const isNumber = (text: unknown): boolean => typeof text === "string" && text.trim() !== "" && Number(text) >= 0;

/**
 * The flags that a bench was called with.
 *
 * @throws {TypeError} On a flag that there is not, and on a text where a number was meant; names the flag.
 */
export function parseFlags<Config extends ParseArgsConfig>(config: Config): ReturnType<typeof parseArgs<Config>> {
  const parsed = parseArgs(config);
  for (const [name, option] of Object.entries(config.options ?? {})) {
    const value = (parsed.values as Record<string, unknown>)[name];
    if (value === undefined || !(NUMBERS.has(name) || isNumber(option.default)) || isNumber(value)) continue;
    throw new TypeError(`--${name} is a number of 0 or more, got "${String(value)}"`);
  }
  return parsed;
}
