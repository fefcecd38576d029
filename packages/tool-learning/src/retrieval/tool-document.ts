import type { JsonObject } from "@cambium/base";
import type { AnyTool } from "../tools/tool.ts";

/** A tool as retrieval sees it: its words. For tools that are not at hand as such, like those of a catalogue. */
export interface ToolDocument {
  /** Unique among the documents. */
  readonly name: string;
  /** What it is called, where its name says more than that; searched in its place. @default the name */
  readonly title?: string;
  /** What it does. */
  readonly description: string;
  /** Kind of tool, such as `weather`. */
  readonly category?: string;
  /** The service, server or package that it is a part of: its tools are found together more easily. */
  readonly group?: string;
  readonly parameters?: readonly { readonly name: string; readonly description?: string }[];
  /** What users would say. */
  readonly examples?: readonly string[];
}

/** A tool's words. */
export function documentOf(tool: AnyTool | ToolDocument): ToolDocument {
  if (!("inputSchema" in tool)) return tool;
  const { name, description, category, inputSchema, examples } = tool;
  const properties = (inputSchema["properties"] ?? {}) as JsonObject;
  const parameters = Object.entries(properties).map(([parameter, schema]) => {
    const told = (schema as JsonObject | undefined)?.["description"];
    return { name: parameter, ...(typeof told === "string" ? { description: told } : {}) };
  });
  const said = examples.flatMap(({ instruction }) => (instruction === undefined ? [] : [instruction]));
  return {
    name,
    description,
    ...(category === undefined ? {} : { category }),
    parameters,
    ...(said.length === 0 ? {} : { examples: said }),
  };
}

/** A tool as one text, for embeddings. */
export function textOfTool({
  name,
  title = name,
  description,
  category,
  group,
  parameters = [],
}: ToolDocument): string {
  const known = [category, group, title].filter((part) => part !== undefined && part !== "").join(" / ");
  const names = parameters.map((parameter) => parameter.name).join(", ");
  return `${known}: ${description.trim()}${names === "" ? "" : ` (${names})`}`;
}
