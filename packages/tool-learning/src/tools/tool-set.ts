import { ConfigError, nearest } from "@cambium/base";
import type { ToolDeclaration } from "@cambium/llm";
import type { AnyTool } from "./tool.ts";

/** Tools by name, in a stable order. */
export interface ToolSet extends Iterable<AnyTool> {
  readonly size: number;
  /** In the order in which they were added. */
  readonly names: readonly string[];
  /** The tool of exactly this name. */
  get(name: string): AnyTool | undefined;
  /** The names most like this one, the best first, at most `count`. @param count - @default 3 */
  nearest(name: string, count?: number): readonly string[];
  /** As models see them. */
  declarations(): readonly ToolDeclaration[];
  /**
   * The set with more tools at its end: what stood before keeps its place, so that a provider's prompt cache holds.
   *
   * @throws {ConfigError} When a name is taken.
   */
  with(more: Iterable<AnyTool>): ToolSet;
}

/** A name without what models and people mix up: case, `_` and `-`. */
const normalise = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, "");

/** A tool as models see it. */
function declarationOf({ name, description, inputSchema }: AnyTool): ToolDeclaration {
  return { name, description, parameters: inputSchema };
}

/**
 * A set of tools.
 *
 * @throws {ConfigError} When two names are the same but for case, `_` and `-`: a model would mix them up.
 */
export function toolSet(tools: Iterable<AnyTool>): ToolSet {
  const byName = new Map<string, AnyTool>();
  const taken = new Map<string, string>();
  for (const tool of tools) {
    const other = taken.get(normalise(tool.name));
    if (other !== undefined) {
      throw new ConfigError({
        message:
          other === tool.name
            ? `toolSet: two tools have the name "${other}"`
            : `toolSet: "${other}" and "${tool.name}" are the same but for case, _ and -; rename one`,
        names: [other, tool.name],
      });
    }
    taken.set(normalise(tool.name), tool.name);
    byName.set(tool.name, tool);
  }
  const names = [...byName.keys()];
  const declarations = [...byName.values()].map(declarationOf);
  return {
    size: byName.size,
    names,
    get: (name) => byName.get(name),
    nearest(name, count = 3) {
      const left = new Set(names);
      const found: string[] = [];
      while (found.length < count) {
        const near = nearest(name, left);
        if (near === undefined) break;
        left.delete(near);
        found.push(near);
      }
      return found;
    },
    declarations: () => declarations,
    with: (more) => toolSet([...byName.values(), ...more]),
    [Symbol.iterator]: () => byName.values(),
  };
}
