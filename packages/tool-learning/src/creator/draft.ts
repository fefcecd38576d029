import type { SourcePart } from "@cambium/sandbox";
import { splitProgram } from "../code/shape.ts";

/** A program on its way: a tool and the code that calls it, or one whole program that a repair has rewritten. */
export type Draft = { readonly tool: string; readonly call: string } | { readonly whole: string };

/** The parts of a draft as a sandbox runs them; empty ones are left out. */
export function partsOf(draft: Draft): readonly SourcePart[] {
  const parts =
    "whole" in draft
      ? [{ name: "program", source: draft.whole }]
      : [
          { name: "tool", source: draft.tool },
          { name: "call", source: draft.call },
        ];
  return parts.filter(({ source }) => source !== "");
}

/** Tool and call of a draft; a whole program is taken apart, and is all call when that cannot be done. */
export function splitDraft(
  draft: Draft,
  language: "javascript" | "python",
): { readonly tool: string; readonly call: string } {
  if (!("whole" in draft)) return draft;
  return splitProgram(draft.whole, language) ?? { tool: "", call: draft.whole };
}

/**
 * The draft after a repair. Where partial repairs are allowed, a first line `// part: tool` or `// part: call` says that
 * the code replaces that part only; otherwise the code is a whole program.
 */
export function applyRepair(
  before: Draft,
  code: string,
  language: "javascript" | "python",
  allowPartial: boolean,
): Draft {
  const [line, part] = /^(?:\/\/|#)\s*part:\s*(tool|call|program)\s*\n?/i.exec(code) ?? [];
  if (line === undefined) return { whole: code };
  const rest = code.slice(line.length).trim();
  const name = part!.toLowerCase();
  if (!allowPartial || name === "program") return { whole: rest };
  const { tool, call } = splitDraft(before, language);
  return name === "tool" ? { tool: rest, call } : { tool, call: rest };
}
