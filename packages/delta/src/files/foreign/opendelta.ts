/**
 * Folders of OpenDelta: `config.json`, and the tensors that were trained under their names in the model, in `pytorch_model.bin`.
 *
 * Here the types are told apart, and what was trained beside a delta is read; adapters of all kinds are `opendelta-adapters.ts`,
 * prefixes `opendelta-prefix.ts`.
 */
import { type Files, FormatError, hasFile, readJson } from "@cambium/base";
import { openTorchFile } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import * as z from "zod";
import { head } from "../../methods/head.ts";
import { prompt } from "../../methods/prompt.ts";
import { whole } from "../../methods/whole.ts";
import { type Draft, draft } from "../draft.ts";
import { asFields } from "../peft-config.ts";
import { ourName } from "../peft-names.ts";
import { type ForeignLayer, type ForeignLora, readLayers } from "./lora-layers.ts";
import { adapterSchema, adapterTensors, readAdapters } from "./opendelta-adapters.ts";
import { prefixTensors, readPrefix } from "./opendelta-prefix.ts";
import type { Viewed } from "./view.ts";

const [CONFIG, WEIGHTS] = ["config.json", "pytorch_model.bin"];

const loraSchema = z.looseObject({
  lora_r: z.int().positive().default(8),
  lora_alpha: z.number().positive().default(16),
  lora_dropout: z.number().min(0).lt(1).default(0),
});

/** Of each type that is read: the names of its tensors; BitFit's are the model's own. */
const patterns: Readonly<Record<string, RegExp | undefined>> = {
  lora: /^(.*)\.lora\.lora_([AB])$/,
  adapter: adapterTensors.adapter,
  parallel_adapter: adapterTensors.parallel_adapter,
  compacter: adapterTensors.compacter,
  prefix: prefixTensors,
  bitfit: undefined,
  soft_prompt: /^soft_prompt_layer\.soft_embeds$/,
};

/** Why others are not read. */
const refusals: Readonly<Record<string, string>> = {
  low_rank_adapter: "; it has the products of two vectors for matrices, which no method here has",
};

/** What the config of such a folder says; undefined where it is none of OpenDelta's. */
export async function openDeltaConfig(files: Files): Promise<Readonly<Record<string, unknown>> | undefined> {
  if (!(await hasFile(files, CONFIG)) || !(await hasFile(files, WEIGHTS))) return undefined;
  const json = asFields(await readJson(files, CONFIG));
  return typeof json["delta_type"] === "string" ? json : undefined;
}

/**
 * What a folder of OpenDelta amounts to. What was trained beside the delta, such as a head, is read as well. The hash that the
 * config has of the backbone is one of Python's text for it and of all its weights, and is not compared.
 */
export async function readOpenDelta(
  base: LanguageModel,
  files: Files,
  config: Readonly<Record<string, unknown>>,
): Promise<ForeignLora> {
  const fail = (problem: string): FormatError =>
    new FormatError({ message: `loadAdapter: ${CONFIG} in ${files.location} ${problem}`, location: files.location });
  const type = config["delta_type"] as string;
  if (!Object.hasOwn(patterns, type)) {
    const read = Object.keys(patterns).map((each) => `"${each}"`);
    throw fail(`has the delta_type ${JSON.stringify(type)}${refusals[type] ?? ""}; ${read.join(", ")} are read`);
  }
  const file = await openTorchFile(files, WEIGHTS);
  const rest = new Map<string, Viewed>();
  const own = new Map<string, Viewed>();
  for (const key of file.entries.keys()) {
    const name = key.replaceAll("_orig_mod.", "").replace(/^module\./, ""); // of PyTorch's compiler, and of several processes
    const list = isOfDelta(name) ? own : rest;
    if (list.has(name)) throw fail(`stands beside a file with "${name}" twice, once as "${key}"`);
    list.set(name, { file, key });
  }
  const body = readBody(base, type, config, own, fail);
  const beside = readBeside(base, rest);
  return {
    drafts: [...beside.drafts, ...body.drafts],
    tensors: new Map([...beside.tensors, ...body.tensors]),
    problems: [...body.problems, ...beside.problems],
  };
}

const isOfDelta = (key: string): boolean => Object.values(patterns).some((pattern) => pattern?.test(key));

function readBody(
  base: LanguageModel,
  type: string,
  config: unknown,
  own: ReadonlyMap<string, Viewed>,
  fail: (problem: string) => FormatError,
): ForeignLora {
  const settings = <Fields>(schema: z.ZodType<Fields>): Fields => {
    const parsed = schema.safeParse(config);
    if (!parsed.success) throw fail(`has settings that cannot be meant: ${z.prettifyError(parsed.error)}`);
    return parsed.data;
  };
  const pattern = patterns[type];
  const strays = [...own.keys()].filter((key) => pattern?.test(key) !== true).map((key) => `unexpected ${key}`);
  const found = new Map([...own].filter(([key]) => pattern?.test(key) === true));
  if (strays.length > 0 || (found.size === 0 && pattern !== undefined)) {
    const problems = strays.length > 0 ? strays : [`the file holds no tensors of "${type}"`];
    return { drafts: [], tensors: new Map(), problems };
  }
  switch (type) {
    case "lora":
      return readLora(base, settings(loraSchema), found);
    case "adapter":
    case "compacter":
    case "parallel_adapter":
      return readAdapters(base, type, settings(adapterSchema), found, fail);
    case "prefix":
      return readPrefix(base, found, fail);
    case "soft_prompt": {
      const [[key, { file }]] = [...found] as [[string, Viewed]];
      const [length = 1] = file.entries.get(key)!.shape;
      const tensors = new Map([["prompt_embeddings", { file, key }]]);
      return { drafts: [draft(base, prompt as never, { length: Math.max(1, length) })], tensors, problems: [] };
    }
    default: // BitFit's biases are the model's own
      return { drafts: [], tensors: new Map(), problems: [] };
  }
}

function readLora(
  base: LanguageModel,
  { lora_r: rank, lora_alpha: alpha, lora_dropout: dropout }: z.infer<typeof loraSchema>,
  found: ReadonlyMap<string, Viewed>,
): ForeignLora {
  const layers = new Map<string, { a?: Viewed; b?: Viewed }>();
  const problems: string[] = [];
  for (const [key, viewed] of found) {
    const [, module, which] = patterns["lora"]!.exec(key) as unknown as [string, string, string];
    layers.set(module, { ...layers.get(module), [which === "A" ? "a" : "b"]: viewed });
    const own = viewed.file.entries.get(viewed.key)!.shape.at(which === "A" ? 0 : -1);
    if (own !== rank)
      problems.push(
        `${key} is of rank ${own}, and the config of rank ${rank}: of several LoRAs on one model it knows the last, and the scales of the others are lost`,
      );
  }
  if (problems.length > 0) return { drafts: [], tensors: new Map(), problems };
  const all = [...layers].map(([module, each]): ForeignLayer => ({ module, ...each, scale: alpha / rank }));
  return readLayers(base, all, dropout);
}

/** What the model's own names mean: its head, and other weights that were trained whole, such as BitFit's biases. */
function readBeside(base: LanguageModel, rest: ReadonlyMap<string, Viewed>): ForeignLora {
  const names = new Map([...rest].map(([key, viewed]) => [ourName(base, key), viewed]));
  const problems = [...names.keys()]
    .filter((name) => !base.parameters.has(name))
    .map((name) =>
      base.head === undefined && !base.isBody(name)
        ? `it holds "${name}" of a head, and the model was loaded without one: give loadModel a head`
        : `"${name}" is no weight of the model`,
    );
  if (problems.length > 0) return { drafts: [], tensors: names, problems };
  const ofHead = [...names.keys()].some((name) => base.headParameters.includes(name));
  const modules = [...names.keys()].filter((name) => !base.headParameters.includes(name));
  const drafts: Draft[] = [
    ...(modules.length > 0 ? [draft(base, whole as never, { modules })] : []),
    ...(ofHead ? [draft(base, head as never, {})] : []),
  ];
  return { drafts, tensors: names, problems };
}
