/** Folders of the adapters library (AdapterHub): LoRA and bottleneck adapters, with a head of transformers' own form. */
import { type Files, type FormatError, hasFile, readJson } from "@cambium/base";
import type { Safetensors } from "@cambium/core";
import type { HeadConfig, LanguageModel } from "@cambium/models";
import * as z from "zod";
import { adapter } from "../../methods/adapter.ts";
import { head } from "../../methods/head.ts";
import { type Draft, draft } from "../draft.ts";
import { openWeights } from "../open-weights.ts";
import { ourName } from "../peft-names.ts";
import { checkHead } from "../stored-head.ts";
import { type ForeignLayer, type ForeignLora, readLayers } from "./lora-layers.ts";
import type { Viewed } from "./view.ts";

const WEIGHTS = ["adapter.safetensors", "pytorch_adapter.bin"] as const;
const HEAD = ["model_head.safetensors", "pytorch_model_head.bin"] as const;
const HEAD_CONFIG = "head_config.json";

const folderSchema = z.looseObject({ name: z.string(), config: z.record(z.string(), z.unknown()) });
const loraSchema = z.looseObject({
  alpha: z.number().positive(),
  r: z.int().positive(),
  dropout: z.number().min(0).lt(1).default(0),
});
const headSchema = z.looseObject({
  config: z.unknown(),
  model_class: z.string(),
  label2id: z.record(z.string(), z.int().nonnegative()).nullish(),
});

/** Whether a config is of this library. */
export const isAdaptersConfig = (json: Readonly<Record<string, unknown>>): boolean =>
  "config" in json && "model_type" in json && !("peft_type" in json);

/** Settings under which the tensors mean something else, with the values that are read. */
const fixed: Readonly<Record<string, unknown>> = {
  use_gating: false,
  composition_mode: "add",
  vera_d: null,
  vera_b: null,
  phm_layer: false,
  inv_adapter: null,
  cross_adapter: false,
  ln_before: false,
  ln_after: false,
  adapter_residual_before_ln: false,
  stochastic_depth: 0,
};

/** Settings by placement: mh, output, parallel, original norm before, residual before the norm. */
const placements = [
  ["houlsby", { mh_adapter: true, output_adapter: true, is_parallel: false, original_ln_before: false }],
  ["pfeiffer", { mh_adapter: false, output_adapter: true, is_parallel: false, original_ln_before: true }],
  ["parallel", { mh_adapter: false, output_adapter: true, is_parallel: true, original_ln_before: false }],
] as const;

/** Activations in a bottleneck, by the names that the library and OpenDelta have for them. */
export const bottleneckActivations: Readonly<Record<string, string>> = {
  relu: "relu",
  gelu: "gelu",
  gelu_new: "gelu_new",
  swish: "silu",
  silu: "silu",
  tanh: "tanh",
};

/** What a folder of this library amounts to. */
export async function readAdaptersFolder(
  base: LanguageModel,
  files: Files,
  json: unknown,
  fail: (problem: string) => FormatError,
): Promise<ForeignLora> {
  const parsed = folderSchema.safeParse(json);
  if (!parsed.success) throw fail(`is not what the adapters library writes: ${z.prettifyError(parsed.error)}`);
  const { name, config } = parsed.data;
  const other = Object.keys(fixed).find((key) => key in config && (config[key] ?? null) !== fixed[key]);
  if (other !== undefined) throw fail(`has "${other}" ${JSON.stringify(config[other])}, which is not read`);
  if (!(await hasOneOf(files, WEIGHTS))) throw fail(`stands without ${WEIGHTS.join(" or ")}`);
  const file = await openWeights(files, ...WEIGHTS);
  const body =
    config["architecture"] === "lora"
      ? readLora(base, file, name, config, fail)
      : readBottleneck(base, file, name, config, fail);
  return withHead(base, files, body, fail);
}

async function hasOneOf(files: Files, names: readonly string[]): Promise<boolean> {
  for (const name of names) if (await hasFile(files, name)) return true;
  return false;
}

function readLora(
  base: LanguageModel,
  file: Safetensors,
  name: string,
  config: unknown,
  fail: (problem: string) => FormatError,
): ForeignLora {
  const parsed = loraSchema.safeParse(config);
  if (!parsed.success) throw fail(`has settings of LoRA that cannot be meant: ${z.prettifyError(parsed.error)}`);
  const { alpha, r, dropout } = parsed.data;
  const layers = new Map<string, { a?: Viewed; b?: Viewed }>();
  const strays: string[] = [];
  for (const key of file.entries.keys()) {
    const [, module, owner, which] = /^(.*)\.loras\.([^.]+)\.lora_([AB])$/.exec(key) ?? [];
    if (module === undefined || owner !== name) {
      strays.push(key);
      continue;
    }
    const layer = layers.get(module) ?? {};
    layer[which === "A" ? "a" : "b"] = { file, key };
    layers.set(module, layer);
  }
  const all = [...layers].map(([module, each]): ForeignLayer => ({ module, ...each, scale: alpha / r }));
  const read = readLayers(base, all, dropout);
  return { ...read, problems: [...strays.map((key) => `unexpected ${key}`), ...read.problems] };
}

function readBottleneck(
  base: LanguageModel,
  file: Safetensors,
  name: string,
  config: Readonly<Record<string, unknown>>,
  fail: (problem: string) => FormatError,
): ForeignLora {
  const placement = placements.find(([, settings]) =>
    Object.entries(settings).every(([key, value]) => (config[key] ?? false) === value),
  )?.[0];
  const activation = bottleneckActivations[String(config["non_linearity"])];
  const scale = config["scaling"] ?? 1;
  if (placement === undefined)
    throw fail(
      `places its adapters as ${JSON.stringify({ ...config, leave_out: undefined })}; "seq_bn", "double_seq_bn" and "par_bn" are read`,
    );
  if (activation === undefined)
    throw fail(
      `has the non_linearity ${JSON.stringify(config["non_linearity"])}; ${Object.keys(bottleneckActivations).join(", ")} are read`,
    );
  if (typeof scale !== "number") throw fail(`has the scaling ${JSON.stringify(scale)}; only a fixed one is read`);
  const tensors = new Map<string, Viewed>();
  const layers = new Set<number>();
  const problems: string[] = [];
  let bottleneck = 1;
  const sites = base.sites();
  for (const [key, { shape }] of file.entries) {
    const [, module, owner, side, what] =
      /^(.*)\.adapters\.([^.]+)\.adapter_(down\.0|up)\.(weight|bias)$/.exec(key) ?? [];
    const role = module?.endsWith("attention.output") ? "attn" : "ff";
    const parent = module === undefined ? undefined : ourName(base, module.replace(/\.(attention\.)?output$/, ""));
    const block = sites.find(({ kind, path }) => kind === "block" && path === parent);
    const site = sites.find((each) => each.role === role && each.layer === block?.layer && block !== undefined);
    if (owner !== name || site === undefined) {
      problems.push(`unexpected ${key}`);
      continue;
    }
    layers.add(site.layer!);
    if (side !== "up" && what === "weight") bottleneck = shape[0] ?? 1;
    tensors.set(`${site.path}.adapter.${side === "up" ? "up" : "down"}.${what}`, { file, key });
  }
  if (problems.length > 0 || layers.size === 0) return { drafts: [], tensors, problems };
  const options = { placement, activation, scale, bottleneck, layers: [...layers].sort((a, b) => a - b) };
  return { drafts: [draft(base, adapter as never, options)], tensors, problems };
}

/** What a head's file says of its labels, in the order of their numbers; of one label, transformers trains a number. */
function headOf(label2id: Readonly<Record<string, number>> | null | undefined) {
  const labels = Object.entries(label2id ?? {})
    .sort(([, a], [, b]) => a - b)
    .map(([label]) => label);
  if (labels.length === 1) return { kind: "regression" } as const;
  return { kind: "sequence-classification", ...(labels.length > 1 && { labels }) } as const;
}

/** The head in a folder of this library; undefined where there is none, or one that is not read. */
export async function adaptersHead(files: Files): Promise<HeadConfig | undefined> {
  if (!(await hasOneOf(files, HEAD)) || !(await hasFile(files, HEAD_CONFIG))) return undefined;
  const parsed = headSchema.safeParse(await readJson(files, HEAD_CONFIG));
  const head = parsed.success && isRead(parsed.data) ? headOf(parsed.data.label2id) : undefined;
  return head?.kind === "regression" || (head !== undefined && "labels" in head) ? (head as HeadConfig) : undefined;
}

/** Whether a head is of transformers' own form for whole sequences. */
const isRead = ({ config, model_class: type }: z.infer<typeof headSchema>): boolean =>
  config == null && type.endsWith("ForSequenceClassification");

/** Adds the head beside an adapter, where there is one. */
async function withHead(
  base: LanguageModel,
  files: Files,
  body: ForeignLora,
  fail: (problem: string) => FormatError,
): Promise<ForeignLora> {
  if (!(await hasOneOf(files, HEAD))) return body;
  const parsed = headSchema.safeParse(await readJson(files, HEAD_CONFIG));
  if (!parsed.success) throw fail(`stands beside a ${HEAD_CONFIG} that is not what the library writes`);
  const { model_class: type, label2id } = parsed.data;
  if (!isRead(parsed.data))
    throw fail(
      `stands beside a head of ${type} in the library's own form, which is not read; heads of AutoModelForSequenceClassification are`,
    );
  if (base.head === undefined)
    return {
      ...body,
      problems: [...body.problems, "it holds a head, and the model was loaded without one: give loadModel a head"],
    };
  const drafts: Draft[] = [...body.drafts, draft(base, head as never, {})];
  checkHead(base, headOf(label2id), true, files.location);
  const file = await openWeights(files, ...HEAD);
  const tensors = new Map(body.tensors);
  for (const key of file.entries.keys()) tensors.set(ourName(base, key), { file, key });
  return { ...body, drafts, tensors };
}
