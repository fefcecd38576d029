import { type Files, FormatError, hasFile, openFiles, readJson } from "@cambium/base";
import { type HeadConfig, parseHeadConfig } from "@cambium/models";
import { adaptersHead } from "./foreign/adapters-library.ts";
import { openKohya } from "./foreign/kohya.ts";
import { openDeltaConfig } from "./foreign/opendelta.ts";
import { NATIVE_CONFIG } from "./native.ts";
import { openWeights } from "./open-weights.ts";
import { asFields } from "./peft-config.ts";
import { CONFIG_FILE, OLDER_WEIGHTS_FILE, WEIGHTS_FILE } from "./peft-names.ts";
import { headInMetadata } from "./stored-head.ts";

/**
 * The head that an adapter was trained under, with its labels in their order: what `loadModel` needs so that `loadAdapter` takes
 * the adapter. Headers are read, no tensor is.
 *
 * @param source - The adapter's folder: a path, an address, or any `Files`.
 * @returns The head, or undefined where the file says none: adapters of a model without a head, and all that PEFT, OpenDelta, MLX and
 *   kohya's scripts wrote.
 * @throws {FileError} When there is no adapter in the folder.
 * @throws {FormatError} When the file is damaged, or its head is none that this version knows.
 * @example
 * const head = await adapterHead("adapters/spam");
 * const base = await loadModel("models/minilm", head === undefined ? {} : { head });
 */
export async function adapterHead(source: string | Files): Promise<HeadConfig | undefined> {
  const files = openFiles(source);
  if (await isForeign(files)) return adaptersHead(files);
  const stored = (await hasFile(files, NATIVE_CONFIG))
    ? ((await readJson(files, NATIVE_CONFIG)) as { readonly head?: unknown } | null)?.head
    : headInMetadata((await openWeights(files, WEIGHTS_FILE, OLDER_WEIGHTS_FILE)).metadata);
  if (stored === undefined) return undefined;
  try {
    return parseHeadConfig("adapterHead", stored);
  } catch (cause) {
    throw new FormatError({
      message: `adapterHead: the adapter in ${files.location} says of its head ${JSON.stringify(stored)}, which is none that is known here`,
      location: files.location,
      cause,
    });
  }
}

/** Whether the adapter is another program's, whose files say nothing of heads but those of the adapters library. */
async function isForeign(files: Files): Promise<boolean> {
  for (const own of [NATIVE_CONFIG, WEIGHTS_FILE, OLDER_WEIGHTS_FILE]) if (await hasFile(files, own)) return false;
  if ((await openDeltaConfig(files)) !== undefined || (await openKohya(files)) !== undefined) return true;
  return (await hasFile(files, CONFIG_FILE)) && asFields(await readJson(files, CONFIG_FILE))["peft_type"] === undefined;
}
