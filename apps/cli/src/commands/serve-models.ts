/** The models that `serve` answers with: a base, adapters on it by name, and one that embeds. */
import { ConfigError, type JsonObject } from "@cambium/base";
import { disposeParameters } from "@cambium/core";
import { attach, type Delta, perRow } from "@cambium/delta";
import { type Backend, type Embed, local } from "@cambium/llm";
import {
  type EmbedCut,
  embed,
  loadModel,
  loadTokenizer,
  type RunnableModel,
  type Scheduler,
  scheduler,
  type Tokenizer,
} from "@cambium/models";
import { type Io, UseError } from "../io.ts";
import type { LanguageModelOpened } from "../models/open-language-model.ts";
import { modelFiles } from "../models/source.ts";

/** Flags that say how models are served. */
export interface ServeModelFlags {
  readonly adapter?: readonly string[];
  readonly maxBatch?: number;
  readonly maxWaiting?: number;
  readonly context?: number;
  readonly keepPrompts?: number;
  readonly temperature: number;
  readonly loosen?: boolean;
}

/** What answers. */
export interface Served {
  readonly models: Readonly<Record<string, Backend>>;
  /** What is at work, for `/health`. */
  health(): JsonObject;
  /** Lets the calls under way end. */
  close(): Promise<void>;
}

/** `name=folder` */
function adapterOf(text: string): readonly [name: string, folder: string] {
  const at = text.indexOf("=");
  if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)];
  throw new UseError(`serve: --adapter is written as name=folder, got "${text}"`);
}

/** Whether rows of a batch can have it while others have none. */
function isMixable(delta: Delta): boolean {
  try {
    perRow({ it: delta });
    return true;
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === "CONFIG") return false;
    throw error;
  }
}

/**
 * Sources for a model and its adapters, which share its weights. Adapters whose rows can be told apart run in one batch with the base;
 * each of the others in a separate one.
 */
export async function serveModels(
  io: Io,
  opened: LanguageModelOpened,
  name: string,
  { adapter = [], maxBatch, maxWaiting, context, keepPrompts, temperature, loosen }: ServeModelFlags,
): Promise<Served> {
  const { base, tokenizer } = opened;
  const mixed: Record<string, Delta> = {};
  const single: [string, RunnableModel][] = [];
  const names = new Set([name]);
  for (const [adapterName, folder] of adapter.map(adapterOf)) {
    if (names.has(adapterName)) throw new UseError(`serve: two models are called "${adapterName}"`);
    names.add(adapterName);
    const delta = await opened.load(folder);
    if ("parts" in delta || !isMixable(delta)) single.push([adapterName, attach(base, delta)]);
    else mixed[adapterName] = delta;
  }
  const settings = {
    ...(maxBatch !== undefined && { maxBatch }),
    ...(maxWaiting !== undefined && { maxWaiting }),
    ...(context !== undefined && { maxLength: context }),
    ...(keepPrompts !== undefined && { keptBytes: keepPrompts * 2 ** 20 }),
  };
  const schedulers: Scheduler[] = [];
  const chat = { date: new Date() };
  const models: Record<string, Backend> = {};
  function add(model: RunnableModel, deltas: Readonly<Record<string, number | undefined>>): void {
    const shared = scheduler(model, tokenizer, settings);
    schedulers.push(shared);
    for (const [each, delta] of Object.entries(deltas)) {
      models[each] = local(model, tokenizer, {
        name: each,
        scheduler: shared,
        temperature,
        chat,
        ...(loosen === true && { loosen: (problem: string) => io.error(`serve: left out: ${problem}`) }),
        ...(delta !== undefined && { delta }),
      });
    }
  }
  const mixedNames = Object.keys(mixed);
  if (mixedNames.length === 0) add(base, { [name]: undefined });
  else {
    const numbers = Object.fromEntries(mixedNames.map((each, i) => [each, i]));
    add(attach(base, perRow(mixed)), { [name]: -1, ...numbers });
  }
  for (const [each, model] of single) add(model, { [each]: undefined });
  return {
    models,
    health() {
      const loads = schedulers.map(({ load }) => load);
      const sum = (of: (load: Scheduler["load"]) => number): number => loads.reduce((all, load) => all + of(load), 0);
      return {
        running: sum(({ running }) => running),
        waiting: sum(({ waiting }) => waiting),
        kept_bytes: sum(({ keptBytes }) => keptBytes),
        memory_bytes: process.memoryUsage.rss(),
      };
    },
    async close() {
      await Promise.all(schedulers.map((each) => each.close()));
    },
  };
}

/** What makes embeddings. */
export interface EmbedServed {
  readonly embed: Embed;
  countTokens(text: string): number;
  dispose(): void;
}

/** Refuses a text of which a part would not be read: two that differ there would have the same vector. */
function refuseCut({ index, tokens, maxLength }: EmbedCut): never {
  throw new ConfigError({
    message: `input[${index}]: This model's maximum context length is ${maxLength} tokens, and the text has ${tokens}; shorten it, or embed parts of it`,
    param: `input[${index}]`,
    reason: "context_length_exceeded",
  });
}

const embedding = (model: RunnableModel, tokenizer: Tokenizer): Pick<EmbedServed, "embed" | "countTokens"> => ({
  embed: (texts, dimensions) =>
    embed(model, tokenizer, texts, { onCut: refuseCut, ...(dimensions !== undefined && { dimensions }) }),
  countTokens: (text) => tokenizer.encode(text).ids.length,
});

/** A model that embeds. */
export async function serveEmbeddings(io: Io, name: string): Promise<EmbedServed> {
  const source = modelFiles(io, "serve", name);
  const tokenizer = await loadTokenizer(source);
  const model = await loadModel(source);
  return { ...embedding(model, tokenizer), dispose: () => disposeParameters(model.parameters) };
}
