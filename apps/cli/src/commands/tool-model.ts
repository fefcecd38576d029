/** The model that works with tools: one of this machine, or one behind an address. */
import { basename } from "node:path";
import { type ChatModel, local, openModels } from "@cambium/llm";
import type { Command } from "commander";
import { type Io, UseError } from "../io.ts";
import { addHoldFlags, type HoldFlags, withAdapter, withLanguageModel } from "../models/open-language-model.ts";
import { MODEL_ARGUMENT } from "../models/source.ts";
import { addModelFlags, type ModelFlags, openModel } from "./model-flags.ts";

/** What the flags hold. */
export interface ToolModelFlags extends ModelFlags, HoldFlags {
  readonly local?: string;
  readonly adapter?: string;
}

/** Adds the flags to a command. */
export function addToolModelFlags(command: Command): Command {
  return addHoldFlags(
    addModelFlags(command)
      .option("--local <model>", `a model of this machine, without a key: ${MODEL_ARGUMENT}`)
      .option("--adapter <folder>", "an adapter for --local, such as one of `cambium tools train`"),
  );
}

const OF_LOCAL = ["adapter", "frozen", "threads"] as const;
const OF_ADDRESS = ["model", "baseUrl", "price"] as const;

function checkFlags(verb: string, flags: ToolModelFlags): void {
  const wrong = (flags.local === undefined ? OF_LOCAL : OF_ADDRESS).find((key) => flags[key] !== undefined);
  if (wrong === undefined) return;
  const flag = wrong === "baseUrl" ? "base-url" : wrong;
  throw new UseError(
    flags.local === undefined
      ? `${verb}: --${flag} is of a --local model, and there is none`
      : `${verb}: --${flag} is of a model behind an address, and --local names one of this machine; pass one of them`,
  );
}

/** Does some work with the model that the flags mean, and lets go of it. */
export async function withToolModel<Result>(
  io: Io,
  verb: string,
  flags: ToolModelFlags,
  work: (model: ChatModel) => Promise<Result>,
): Promise<Result> {
  checkFlags(verb, flags);
  const { local: name, adapter, store, budget } = flags;
  if (name === undefined) {
    const { models, model } = await openModel(verb, flags);
    try {
      return await work(model);
    } finally {
      await models.close();
    }
  }
  return withLanguageModel(io, verb, name, flags, async (opened) => {
    const source = local(await withAdapter(opened, adapter), opened.tokenizer, {
      name: basename(name),
      chat: { date: new Date(0) },
      declarations: "signatures",
      loosen: (problem) => io.error(`note: left to the check of the tool: ${problem}`),
    });
    const models = await openModels({ store, ...(budget === undefined ? {} : { budget }) });
    try {
      return await work(models.model(source));
    } finally {
      await models.close();
      await source.close();
    }
  });
}
