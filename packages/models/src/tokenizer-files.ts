/** Files of a model's folder that a tokenizer is made of, and what they say of how texts become vectors. */
import { type Files, hasFile } from "@cambium/base";
import { transformerConfigNames } from "./embedding/modules.ts";

/** Of the tokenizer itself. */
const tokenizerFiles = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
  "tokenizer.model",
  "spiece.model",
  "sentencepiece.bpe.model",
  "chat_template.jinja",
  "chat_template.json",
  "generation_config.json", // at which of its tokens a text ends: it goes where the tokenizer goes
];

const MODULES = "modules.json";

/** Of sentence embedding models: which modules there are, and their settings. */
const moduleFiles = [MODULES, transformerConfigNames[0]!, "config_sentence_transformers.json"];

/** What old folders of such models have in place of `sentence_bert_config.json`. */
const olderFiles = transformerConfigNames.slice(1);

/** Every name that a tokenizer's files may have, but for folders of modules. */
export const companionNames: readonly string[] = [...tokenizerFiles, ...moduleFiles, ...olderFiles];

/** Folders of modules, such as `1_Pooling`. A file that is no list of modules has none. */
function moduleFolders(modules: Uint8Array | undefined): string[] {
  if (modules === undefined) return [];
  try {
    const listed = JSON.parse(new TextDecoder().decode(modules)) as readonly { readonly path?: unknown }[];
    return listed.flatMap(({ path }) => (typeof path === "string" && /^[\w-]+$/.test(path) ? [path] : []));
  } catch {
    return [];
  }
}

/** Names of what there is in folders: all of it where the folder can be listed, else their `config.json`. */
async function filesIn(files: Files, folders: readonly string[]): Promise<string[]> {
  if (folders.length === 0) return [];
  const listed = await files.list().catch(() => undefined); // there is no listing over HTTP
  if (listed === undefined) {
    return folders.flatMap((folder) => [`${folder}/config.json`, `${folder}/model.safetensors`]);
  }
  return listed.map(({ name }) => name).filter((name) => folders.some((folder) => name.startsWith(`${folder}/`)));
}

/** What ids depend on in nearly every folder: when it cannot be read, that is no absence. */
const needed = ["tokenizer.json", "tokenizer_config.json"];

/** Whether a file is there. Some servers refuse what they do not have; what a folder may lack is taken for absent then. */
async function isPresent(files: Files, name: string): Promise<boolean> {
  try {
    return await hasFile(files, name);
  } catch (error) {
    const { reason } = (error as { readonly details?: { readonly reason?: unknown } }).details ?? {};
    if (reason === "forbidden" && !needed.includes(name)) return false;
    throw error;
  }
}

async function readPresent(files: Files, names: readonly string[]): Promise<Map<string, Uint8Array>> {
  const read = await Promise.all(
    names.map(async (name) => ((await isPresent(files, name)) ? ([name, await files.read(name)] as const) : undefined)),
  );
  return new Map(read.filter((each) => each !== undefined));
}

/**
 * The bytes of a tokenizer's files, by name.
 *
 * @throws {FileError} When one that is there cannot be read.
 */
export async function readCompanions(files: Files): Promise<Map<string, Uint8Array>> {
  return new Map([...(await readPresent(files, tokenizerFiles)), ...(await readModuleFiles(files))]);
}

/**
 * The bytes of the files that say how a folder's model makes vectors of texts, by name.
 *
 * @throws {FileError} When one that is there cannot be read.
 */
export async function readModuleFiles(files: Files): Promise<Map<string, Uint8Array>> {
  const found = await readPresent(files, moduleFiles);
  const modules = found.get(MODULES);
  if (modules === undefined) return found;
  const older = found.has(transformerConfigNames[0]!) ? [] : olderFiles;
  const inside = await readPresent(files, [...older, ...(await filesIn(files, moduleFolders(modules)))]);
  return new Map([...found, ...inside]);
}
