/** Folders of MLX (mlx-lm): `adapters.safetensors`, whose matrices stand the other way round. */
import type { Files, FormatError } from "@cambium/base";
import { openSafetensors } from "@cambium/core";
import type { LanguageModel } from "@cambium/models";
import * as z from "zod";
import { type ForeignLora, readLayers } from "./lora-layers.ts";
import type { Viewed } from "./view.ts";

const MLX_WEIGHTS = "adapters.safetensors";

const schema = z.looseObject({
  fine_tune_type: z.string().default("lora"),
  lora_parameters: z.looseObject({
    rank: z.int().positive().optional(),
    scale: z.number().positive(),
    dropout: z.number().min(0).lt(1).default(0),
  }),
});

/** Whether a config is of MLX. */
export const isMlxConfig = (json: Readonly<Record<string, unknown>>): boolean =>
  "lora_parameters" in json || "fine_tune_type" in json;

/** What a folder of MLX amounts to: `y += scale · (x a) b`, a `[in, rank]`, b `[rank, out]`. */
export async function readMlxFolder(
  base: LanguageModel,
  files: Files,
  json: unknown,
  fail: (problem: string) => FormatError,
): Promise<ForeignLora> {
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw fail(`is not what mlx-lm writes: ${z.prettifyError(parsed.error)}`);
  const { fine_tune_type: type, lora_parameters: settings } = parsed.data;
  if (type !== "lora") throw fail(`has the fine_tune_type ${JSON.stringify(type)}; "lora" is read`);
  const file = await openSafetensors(files, MLX_WEIGHTS);
  const layers = new Map<string, { a?: Viewed; b?: Viewed }>();
  const problems: string[] = [];
  for (const key of file.entries.keys()) {
    const [, module, which] = /^(.*)\.lora_([ab])$/.exec(key) ?? [];
    if (module === undefined) {
      problems.push(`unexpected ${key}`);
      continue;
    }
    const layer = layers.get(module) ?? {};
    layer[which as "a" | "b"] = { file, key, isTransposed: true };
    layers.set(module, layer);
  }
  const all = [...layers].map(([module, each]) => ({ module, ...each, scale: settings.scale }));
  const read = readLayers(base, all, settings.dropout);
  return { ...read, problems: [...problems, ...read.problems] };
}
