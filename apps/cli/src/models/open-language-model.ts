/** A model that writes, with its tokenizer and the adapters that are named. */
import { disposeParameters, type Parameters, useBackend } from "@cambium/core";
import { attach, type Delta, loadAdapter, type Stack } from "@cambium/delta";
import {
  inspectModel,
  type LanguageModel,
  loadModel,
  loadTokenizer,
  type RunnableModel,
  type Tokenizer,
} from "@cambium/models";
import type { Command } from "commander";
import { parseCount } from "../commands/parse-count.ts";
import { type Io, UseError } from "../io.ts";
import { type FrozenForm, frozenOption, frozenSetting } from "./frozen.ts";
import { modelFiles } from "./source.ts";

/** Flags that say how it is held. */
export interface HoldFlags {
  readonly frozen?: FrozenForm;
  readonly threads?: number;
}

/** Adds the flags to a command. */
export function addHoldFlags(command: Command): Command {
  return command
    .addOption(frozenOption())
    .option("--threads <number>", "threads of the processor (default: its cores)", parseCount);
}

/** What was opened. */
export interface LanguageModelOpened {
  readonly base: LanguageModel;
  readonly tokenizer: Tokenizer;
  /** An adapter by its folder, which is let go of with the rest. */
  load(folder: string): Promise<Delta | Stack>;
}

/**
 * Opens a model with the head that continues texts, on the fastest backend, and disposes of it when the work is done.
 *
 * @throws {UseError} When it has no such head.
 */
export async function withLanguageModel<Result>(
  io: Io,
  verb: string,
  name: string,
  flags: HoldFlags,
  work: (opened: LanguageModelOpened) => Promise<Result>,
): Promise<Result> {
  await chooseBackend(flags);
  const source = modelFiles(io, verb, name);
  const { architecture } = await inspectModel(source);
  const kind = (["causal-lm", "sequence-to-sequence"] as const).find((each) => architecture.heads[each] !== undefined);
  if (kind === undefined) {
    throw new UseError(`${verb}: ${name} is a ${architecture.types[0]}, which reads texts and cannot write any`);
  }
  io.signal.throwIfAborted(); // each of these takes seconds where models are large
  const tokenizer = await loadTokenizer(source);
  io.signal.throwIfAborted();
  const base = await loadModel(source, {
    head: { kind },
    ...frozenSetting(flags.frozen),
  });
  const owned: Parameters[] = [base.parameters];
  try {
    io.signal.throwIfAborted();
    if (base.created.length > 0) {
      throw new UseError(
        `${verb}: ${name} has no ${base.created.join(", ")}: what random values write would mean nothing`,
      );
    }
    return await work({
      base,
      tokenizer,
      async load(folder) {
        const delta = await loadAdapter(base, modelFiles(io, verb, folder));
        owned.push(delta.parameters, delta.buffers, delta.state);
        return delta;
      },
    });
  } finally {
    for (const tree of owned) disposeParameters(tree);
  }
}

/** Chooses the backend, with so many threads. */
export async function chooseBackend({ threads }: HoldFlags): Promise<void> {
  if (threads !== undefined) {
    const { configureOnnx } = await import("@cambium/backend-onnx");
    configureOnnx({ threads });
  }
  await useBackend();
}

/** The model with an adapter, where one is named. */
export async function withAdapter(opened: LanguageModelOpened, folder: string | undefined): Promise<RunnableModel> {
  return folder === undefined ? opened.base : attach(opened.base, await opened.load(folder));
}
