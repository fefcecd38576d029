import type { Files } from "@cambium/base";
import { openGguf } from "./gguf/load-gguf.ts";
import { locateGguf } from "./gguf/locate.ts";
import { readGgufTokenizer } from "./gguf/tokenizer/read-tokenizer.ts";
import { createTokenizer, loadTokenizer as loadFolder, type Tokenizer, type TokenizerOptions } from "./tokenizer.ts";

/**
 * The tokenizer of a Hugging Face folder: `tokenizer.json`, with `tokenizer_config.json` and `special_tokens_map.json` where
 * there are such. It gives the ids and texts of transformers' fast tokenizers. Or that of a GGUF file, from its metadata: it gives the
 * ids of the model that the file was made of.
 *
 * @param source - The folder: a path, an address, or any `Files`; or the path or address of a `.gguf` file, or a folder that
 *   holds one and no `tokenizer.json`.
 * @throws {FileError} When `tokenizer.json` is absent or cannot be read.
 * @throws {FormatError} When it is no tokenizer, lacks a special token that the config names, or the config or the file's metadata
 *   change ids in a way that cannot be followed; the setting is named.
 * @example
 * const tokenizer = await loadTokenizer("models/minilm");
 * const { ids } = tokenizer.encode("A cat sits on the mat.");
 */
export async function loadTokenizer(source: string | Files, options: TokenizerOptions = {}): Promise<Tokenizer> {
  const located = await locateGguf("loadTokenizer", source, "tokenizer.json");
  if (located === undefined) return loadFolder(source, options);
  const { json, config } = readGgufTokenizer(await openGguf(located));
  return createTokenizer(json, config, options);
}
