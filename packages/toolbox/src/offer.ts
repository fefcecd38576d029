import { ConfigError } from "@cambium/base";
import { type AnyTool, lexicalRetriever } from "@cambium/tool-learning";

/**
 * Some of a kit's tools: those that fit an instruction by its words, then others, in the kit's order.
 *
 * @param count - How many, unless more are needed.
 * @param needed - Names of tools that are among them whatever the words say.
 */
export function offer(
  tools: readonly AnyTool[],
  instruction: string,
  count: number,
  needed: ReadonlySet<string> = new Set(),
): readonly AnyTool[] {
  if (tools.length <= count) return tools;
  const found = lexicalRetriever(tools)
    .search(instruction, { count })
    .map(({ name }) => name);
  const names = [...new Set([...needed, ...found, ...tools.map(({ name }) => name)])];
  const offered = new Set(names.slice(0, Math.max(count, needed.size)));
  return tools.filter(({ name }) => offered.has(name));
}

/** @throws {ConfigError} When it is no number of tools. */
export function checkOffer(caller: string, count: number | undefined): void {
  if (count === undefined || (Number.isInteger(count) && count >= 1)) return;
  throw new ConfigError({ message: `${caller}: offer must be an integer from 1, got ${count}` });
}
