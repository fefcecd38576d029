import type { SourcePart, SourcePosition } from "./sandbox.ts";

/** The text of a program, and which lines of it belong to which part. */
export interface Program {
  readonly source: string;
  /** In order; `firstLine` counts from 1. */
  readonly parts: readonly { readonly name: string; readonly firstLine: number }[];
  readonly lineCount: number;
}

/** Joins the parts, each on its own lines. */
export function joinParts(source: string | readonly SourcePart[]): Program {
  const pieces = typeof source === "string" ? [{ name: "program", source }] : source;
  let firstLine = 1;
  const parts = pieces.map((piece) => {
    const part = { name: piece.name, firstLine };
    firstLine += piece.source.split("\n").length;
    return part;
  });
  return { source: pieces.map((piece) => piece.source).join("\n"), parts, lineCount: firstLine - 1 };
}

/** The part and its line for a line of the whole program; `undefined` for lines that are not the program's. */
export function positionOf({ parts, lineCount }: Program, line: number, column?: number): SourcePosition | undefined {
  if (line < 1 || line > lineCount) return undefined;
  const part = parts.findLast(({ firstLine }) => firstLine <= line);
  if (part === undefined) return undefined;
  const local = line - part.firstLine + 1;
  return { part: part.name, line: local, ...(column === undefined ? {} : { column }) };
}
