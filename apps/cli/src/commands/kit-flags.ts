/** Flags of the commands that work with the bundled kits of tools. */
import { nearest } from "@cambium/base";
import { kitIds } from "@cambium/toolbox";
import { type Command, InvalidArgumentError } from "commander";
import { parseCount } from "./model-flags.ts";

/** What the flags hold. */
export interface KitFlags {
  readonly kits?: readonly string[];
  readonly world: number;
}

/** `mail,shop` */
function parseKits(text: string): readonly string[] {
  const ids = text.split(",").map((id) => id.trim());
  const wrong = ids.find((id) => !kitIds.includes(id));
  if (wrong === undefined) return ids;
  const close = nearest(wrong, kitIds);
  throw new InvalidArgumentError(
    close === undefined ? `There is no kit "${wrong}", but ${kitIds.join(", ")}.` : `Is "${close}" meant?`,
  );
}

/** Adds the flags to a command. */
export function addKitFlags(command: Command): Command {
  return command
    .option("--kits <ids>", "kits of tools, with commas between (default: the eighteen)", parseKits)
    .option("--world <integer>", "seed of the simulated worlds that the kits work in", parseCount, 1);
}

/** The kits for functions that have a default. */
export const kitsOf = ({ kits }: KitFlags): { readonly kits?: readonly string[] } =>
  kits === undefined ? {} : { kits };
