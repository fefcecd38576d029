/** OpenDelta's prefixes: keys and values of each attention, or the network that makes them. */
import type { FormatError } from "@cambium/base";
import type { Safetensors, SafetensorsEntry } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import { concat, dispose, type Tensor2D } from "@tensorflow/tfjs-core";
import { prefix } from "../../methods/prefix.ts";
import { draft } from "../draft.ts";
import { ourName } from "../peft-names.ts";
import type { ForeignLora } from "./lora-layers.ts";
import type { Viewed } from "./view.ts";

/** Names of their tensors: the attention, and the part. */
export const prefixTensors: RegExp =
  /^(.*)\.(prefix\.past_(?:key|value)|reparams\.(?:wte\.weight|control_trans\.[02]\.(?:weight|bias)))$/;

/** Our names for the network's tensors. */
const network: Readonly<Record<string, string>> = {
  "reparams.wte.weight": "embedding.weight",
  "reparams.control_trans.0.weight": "transform.0.weight",
  "reparams.control_trans.0.bias": "transform.0.bias",
  "reparams.control_trans.2.weight": "transform.2.weight",
  "reparams.control_trans.2.bias": "transform.2.bias",
};

/** The models that OpenDelta's prefixes are read on. Positions of words are kept there. */
const families: readonly string[] = ["bert", "roberta", "gpt2"];

/** Why not on others that it has prefixes for. */
const refusals: Readonly<Record<string, string>> = {
  t5: ": it runs every layer but the first without relative positions then, which no method here does",
};

/** A prefix. */
export function readPrefix(
  base: LanguageModel,
  found: ReadonlyMap<string, Viewed>,
  fail: (problem: string) => FormatError,
): ForeignLora {
  const { model_type: family } = base.config as { readonly model_type?: string };
  if (!families.includes(family ?? ""))
    throw fail(
      `is of a prefix on a model of ${family}${refusals[family ?? ""] ?? ""}; those on ${families.join(", ")} are read`,
    );
  const parts = new Map<string, Viewed>();
  const strays: string[] = [];
  const attentions = base.sites().filter(({ kind, role }) => kind === "sublayer" && role === "attn");
  for (const [key, viewed] of found) {
    const [, module, part] = prefixTensors.exec(key) as unknown as [string, string, string];
    const index = attentions.findIndex(({ path }) => path === ourName(base, module));
    const name = network[part] ?? `${index}.${part}`;
    if (index < 0 || parts.has(name)) strays.push(`unexpected ${key}`);
    parts.set(name, viewed);
  }
  const fails = (...problems: string[]): ForeignLora => ({ drafts: [], tensors: new Map(), problems });
  if (strays.length > 0) return fails(...strays);
  const entryOf = (name: string): SafetensorsEntry | undefined => {
    const { file, key } = parts.get(name) ?? {};
    return file?.entries.get(key!);
  };
  const make = (options: object, tensors: ReadonlyMap<string, Viewed>): ForeignLora => ({
    drafts: [draft(base, prefix as never, { positions: "kept", ...options })],
    tensors,
    problems: [],
  });
  if (parts.has("embedding.weight")) {
    const [length = 1, width = 1] = entryOf("embedding.weight")!.shape;
    const [hidden = 1] = entryOf("transform.0.bias")?.shape ?? [];
    const [columns = 0] = entryOf("transform.2.bias")?.shape ?? [];
    const one = 2 * attentions[0]!.width;
    return columns % one === 0 && columns / one !== attentions.length
      ? fails(`its network makes keys and values of ${columns / one} of ${attentions.length} attentions; ${ofAll}`)
      : make({ length, network: { width, hidden } }, parts);
  }
  const names = attentions.flatMap((_, i) => [`${i}.prefix.past_key`, `${i}.prefix.past_value`]);
  const missing = names.filter((name) => !parts.has(name));
  if (missing.length > 0 || parts.size !== names.length)
    return fails(`keys and values are missing in front of some of the ${attentions.length} attentions; ${ofAll}`);
  const form = (name: string): string => `${entryOf(name)!.dtype} [${entryOf(name)!.shape}]`;
  const odd = names.find((name) => form(name) !== form(names[0]!) || entryOf(name)!.shape.length !== 2);
  if (odd !== undefined) return fails(`${parts.get(odd)!.key} is ${form(odd)}, beside a first ${form(names[0]!)}`);
  const [length = 1] = entryOf(names[0]!)!.shape;
  return make({ length }, new Map([["prompt_embeddings", joinColumns(names.map((name) => parts.get(name)!))]]));
}

const ofAll = "prefixes of all are read";

/** Matrices of one shape side by side, as if a file had one. */
function joinColumns(parts: readonly Viewed[]): Viewed {
  const [first] = parts as readonly [Viewed];
  const { shape, dtype, sizeBytes } = first.file.entries.get(first.key)!;
  const key = "joined";
  const joined = { dtype, shape: [shape[0]!, shape[1]! * parts.length], sizeBytes: sizeBytes * parts.length };
  const file: Safetensors = {
    metadata: {},
    entries: new Map([[key, joined]]),
    async tensor() {
      const loaded: Tensor2D[] = [];
      try {
        for (const part of parts) loaded.push((await part.file.tensor(part.key)) as Tensor2D);
        return concat(loaded, 1);
      } finally {
        dispose(loaded);
      }
    },
    async values() {
      const tensor = await file.tensor(key);
      const values = (await tensor.data()) as Float32Array;
      tensor.dispose();
      return values;
    },
    load: async () => new Map([[key, await file.tensor(key)]]),
  };
  return { file, key };
}
