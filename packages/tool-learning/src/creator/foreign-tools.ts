import type { SourcePart } from "@cambium/sandbox";
import { kitTools } from "../code/kit-tools.ts";
import { shapeOf } from "../code/shape.ts";
import type { ToolLibrary } from "../library/tool-library.ts";
import type { LibraryTool } from "../library/tool-record.ts";

/** Library tools offered to one creation. */
const OFFERED = 3;

/** Tools that exist already, as far as a run may use them. */
export interface ForeignTools {
  readonly offered: readonly LibraryTool[];
  /** Names for the detection of levels. */
  readonly names: readonly string[];
  /** Offered tools that a source refers to. */
  usedIn(source: string): readonly LibraryTool[];
  /** What must run before a source: the offered tools that it refers to, and what those call. */
  partsFor(source: string): Promise<readonly SourcePart[]>;
}

/** The tools of a library that may help with a question, one for each name. */
export async function findForeignTools(
  library: ToolLibrary | undefined,
  question: string,
  language: "javascript" | "python",
): Promise<ForeignTools> {
  const kit = kitTools(language);
  if (library === undefined) return { offered: [], names: kit, usedIn: () => [], partsFor: async () => [] };
  const found = await library.retrieve(question, { limit: OFFERED, language });
  const offered = found.filter(({ name }, i) => found.findIndex((other) => other.name === name) === i);
  const usedIn = (source: string): readonly LibraryTool[] => {
    const shape = shapeOf(source, language) ?? [];
    const declared = new Set(shape.flatMap(({ declares }) => declares));
    return offered.filter(({ name }) => !declared.has(name) && shape.some(({ uses }) => uses.has(name)));
  };
  return {
    offered,
    names: [...kit, ...offered.map(({ name }) => name)],
    usedIn,
    async partsFor(source) {
      const sources = await Promise.all(usedIn(source).map((tool) => library.sourcesOf(tool)));
      return [...new Set(sources.flat())].map((part, i) => ({ name: `library-${i + 1}`, source: part }));
    },
  };
}
