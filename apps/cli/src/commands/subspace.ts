import { Command } from "commander";
import type { Io } from "../io.ts";
import { subspaceFit } from "./subspace-fit.ts";
import { subspaceOptimise } from "./subspace-optimise.ts";
import { subspaceTransfer } from "./subspace-transfer.ts";

/** `cambium subspace`: solutions of several tasks and methods by few coordinates. */
export function subspace(io: Io): Command {
  return new Command("subspace")
    .description("Find the few coordinates in which adapters of several tasks and methods lie, and tune in them.")
    .helpCommand(false)
    .addCommand(subspaceFit(io))
    .addCommand(subspaceOptimise(io))
    .addCommand(subspaceTransfer(io));
}
