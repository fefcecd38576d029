import { Command } from "commander";
import type { Io } from "../io.ts";
import { createTool } from "./tools-create.ts";
import { evaluate } from "./tools-eval.ts";
import { library } from "./tools-library.ts";
import { retrieve } from "./tools-retrieve.ts";
import { runTask } from "./tools-run.ts";
import { trainTools } from "./tools-train.ts";

/** `cambium tools`: models that use tools, and write their own. */
export function tools(io: Io): Command {
  return new Command("tools")
    .description("Let a model use tools or write its own, measure it, and teach it.")
    .helpCommand(false)
    .addCommand(runTask(io))
    .addCommand(retrieve(io))
    .addCommand(evaluate(io))
    .addCommand(trainTools(io))
    .addCommand(createTool(io))
    .addCommand(library(io));
}
