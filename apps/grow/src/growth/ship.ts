import { copyFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { folder, readJson } from "@cambium/base";
import type { Growth } from "./growth.ts";

/** The sizes that configs of all kinds state, under the names of each. */
interface Sizes {
  readonly model_type: string;
  readonly vocab_size: number;
  readonly hidden_size?: number;
  readonly d_model?: number;
  readonly num_hidden_layers?: number;
  readonly num_layers?: number;
  readonly num_attention_heads?: number;
  readonly num_heads?: number;
  readonly max_position_embeddings?: number;
}

/** Texts of this length are what an encoder-decoder has learnt from; it has no positions that would limit it. */
const SPAN_LENGTH = 256;

/**
 * Copies a grown model into the package, without what was kept on the way.
 *
 * @param from - Folder of the grown model.
 * @param to - Its folder in the package.
 * @returns Its line of the catalog.
 */
export async function shipSapling(from: string, to: string): Promise<string> {
  const source = folder(from);
  const { name, kind = "encoder", parameterCount } = (await readJson(source, "growth.json")) as Growth;
  const config = (await readJson(source, "config.json")) as Sizes;
  const [, own, version] = /^(.*)-v(\d+)$/.exec(name)!;
  await mkdir(to, { recursive: true });
  const files = (await readdir(from, { withFileTypes: true })).filter((file) => file.isFile());
  for (const file of files) await copyFile(join(from, file.name), join(to, file.name));
  const { sizeBytes } = (await source.list()).find((file) => file.name === "model.safetensors")!;
  const line = {
    name: own,
    version: Number(version),
    kind: kind === "chat" ? "decoder" : kind,
    layers: config.num_hidden_layers ?? config.num_layers,
    width: config.hidden_size ?? config.d_model,
    heads: config.num_attention_heads ?? config.num_heads,
    maxLength: config.max_position_embeddings ?? SPAN_LENGTH,
    vocabularySize: config.vocab_size,
    parameterCount,
    sizeBytes,
  };
  const entries = Object.entries(line).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  return `packages/saplings/src/catalog.ts: { ${entries.join(", ")} },`;
}
