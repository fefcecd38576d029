/** A model with its tokenizer, and an adapter on it where one is named. */
import { disposeParameters, useBackend } from "@cambium/core";
import { adapterHead, attach, type Delta, loadAdapter, type Stack, type Tuned } from "@cambium/delta";
import {
  type HeadConfig,
  inspectModel,
  type LanguageModel,
  loadModel,
  loadTokenizer,
  type Tokenizer,
} from "@cambium/models";
import type { Command } from "commander";
import { type Io, UseError } from "../io.ts";
import { type FrozenForm, frozenOption, frozenSetting } from "./frozen.ts";
import { modelFiles } from "./source.ts";

/** Flags that say what is opened. */
export interface OpenFlags {
  readonly adapter?: string;
  readonly labels?: string;
  readonly frozen?: FrozenForm;
}

/** Adds the flags to a command. */
export function addOpenFlags(command: Command): Command {
  return command
    .option("--adapter <folder>", "an adapter of PEFT or saveAdapter to put on the model")
    .option("--labels <names>", "labels of the head in their order, as ham,spam (default: those of the files)")
    .addOption(frozenOption());
}

/** What was opened. */
export interface Opened {
  readonly base: LanguageModel;
  /** The base with the adapter. */
  readonly tuned?: Tuned<LanguageModel>;
  readonly tokenizer: Tokenizer;
}

/** The head that the flags, the adapter or the model's files name, the first of them that does. */
async function headOf(
  io: Io,
  verb: string,
  source: Parameters<typeof loadModel>[0],
  flags: OpenFlags,
): Promise<HeadConfig | undefined> {
  const stored = flags.adapter === undefined ? undefined : await adapterHead(modelFiles(io, verb, flags.adapter));
  const head = stored ?? (await inspectModel(source)).head;
  if (flags.labels === undefined) return head;
  const labels = flags.labels.split(",").map((label) => label.trim());
  if (head === undefined) return { kind: "sequence-classification", labels };
  if ("labels" in head) return { ...head, labels };
  throw new UseError(`${verb}: --labels are of a classifier, and the head is of kind "${head.kind}"`);
}

/**
 * Opens what the flags name, on the fastest backend, and disposes of it when the work is done.
 *
 * @throws {UseError} When the head would be random: what it says would mean nothing.
 */
export async function withModel(
  io: Io,
  verb: string,
  name: string,
  flags: OpenFlags,
  work: (opened: Opened) => Promise<void>,
): Promise<void> {
  await useBackend();
  const source = modelFiles(io, verb, name);
  const head = await headOf(io, verb, source, flags);
  io.signal.throwIfAborted(); // each of these takes seconds where models are large
  const tokenizer = await loadTokenizer(source);
  io.signal.throwIfAborted();
  const base = await loadModel(source, {
    ...(head !== undefined && { head }),
    ...frozenSetting(flags.frozen),
  });
  const owned = [base.parameters];
  try {
    io.signal.throwIfAborted();
    const delta =
      flags.adapter === undefined ? undefined : await loadAdapter(base, modelFiles(io, verb, flags.adapter));
    if (delta !== undefined) owned.push(delta.parameters, delta.buffers, delta.state);
    checkHead(verb, name, base, delta);
    await work({ base, tokenizer, ...(delta !== undefined && { tuned: attach(base, delta) }) });
  } finally {
    for (const tree of owned) disposeParameters(tree);
  }
}

/**
 * Throws where a head would be random.
 *
 * @throws {UseError} Names its parameters.
 */
export function checkHead(verb: string, name: string, base: LanguageModel, delta: Delta | Stack | undefined): void {
  const parts = delta === undefined ? [] : "parts" in delta ? delta.parts : [delta];
  const carried = new Set(parts.flatMap(({ parameters }) => [...parameters.keys()]));
  const random = base.created.filter((parameter) => !carried.has(parameter));
  if (random.length === 0) return;
  throw new UseError(
    `${verb}: neither ${name} nor an adapter has the head's ${random.join(", ")}: what random values say would mean nothing`,
  );
}
