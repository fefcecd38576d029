/** A server of tools, spoken to over its input and output. */
import { defineTool } from "@cambium/tool-learning";
import { serveMcp } from "@cambium/tool-learning/mcp";
import * as z from "zod";

const shout = defineTool({
  name: "shout",
  description: "Writes a text in capitals.",
  input: z.strictObject({ text: z.string() }),
  effects: "none",
  run: ({ text }) => text.toUpperCase(),
});

const environment = defineTool({
  name: "environment",
  description: "Names the variables of its environment.",
  input: z.strictObject({}),
  effects: "reads",
  run: () => Object.keys(process.env),
});

const end = defineTool({
  name: "end",
  description: "Ends the server.",
  input: z.strictObject({}),
  effects: "writes",
  run: () => process.exit(1),
});

await serveMcp([shout, environment, end], { name: "shouter" });
