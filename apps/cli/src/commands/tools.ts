import { Command } from "commander";
import type { Io } from "../io.ts";
import { createTool } from "./tools-create.ts";
import { evaluate } from "./tools-eval.ts";
import { library } from "./tools-library.ts";

/** `cambium tools`: models that write their own tools. */
export function tools(io: Io): Command {
  return new Command("tools")
    .description("Let a model write its own tools, measure it, and look after the tools.")
    .helpCommand(false)
    .addCommand(createTool(io))
    .addCommand(evaluate(io))
    .addCommand(library(io));
}
