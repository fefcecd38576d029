import { FileError, type Files, FormatError, hasFile, openFiles, parseConfig, readJson } from "@cambium/base";
import type { LanguageModel } from "@cambium/models";
import * as z from "zod";
import type { Delta, Stack } from "../delta.ts";
import type { Method } from "../method.ts";
import * as builtIn from "../methods/index.ts";
import { loadForeign, loadKohya, loadOpenDelta } from "./foreign/load-foreign.ts";
import { loadNative, NATIVE_CONFIG } from "./native.ts";
import { asFields } from "./peft-config.ts";
import { loadPeft } from "./peft-load.ts";
import { CONFIG_FILE } from "./peft-names.ts";

/** Settings of `loadAdapter`. */
export interface LoadAdapterOptions {
  /** The methods that the file may be of, by the kind of their deltas. @default all of this package */
  readonly methods?: Readonly<Record<string, Method>>;
  /**
   * Whether a base of the same names and shapes will do whose values are not those that our own container was made for, such as the same
   * base rounded to half precision. @default false
   */
  readonly otherWeights?: boolean;
  /** Settings of a PEFT file that are not known here, and that change nothing as you know. @default [] */
  readonly ignore?: readonly string[];
}

const schema = z.strictObject({
  methods: z
    .record(
      z.string(),
      z.custom<Method>((value) => typeof value === "function", "must be a method"),
    )
    .exactOptional(),
  otherWeights: z.boolean().default(false),
  ignore: z.array(z.string()).readonly().default([]),
});

/**
 * The delta in a folder that PEFT or `saveAdapter` wrote, the adapters library (LoRA and bottleneck adapters, with their heads),
 * OpenDelta (LoRA, adapters, Compacters, BitFit, prefixes, soft prompts, with what was trained beside them), MLX, or kohya's scripts. An
 * adapter with a head comes back as a stack of both, which `attach` takes like any delta: the predictions are those that were saved.
 *
 * The model's labels must be those that it was trained with, in their order; files that PEFT wrote do not say them. To use the
 * deltas for other labels, load them on a model without a head, and move them with `tuned.on`.
 *
 * Weights may lie in safetensors or, as older versions wrote them, in a file of PyTorch's (`adapter_model.bin`, `pytorch_adapter.bin`,
 * `pytorch_model.bin`), of which nothing is run: see `openTorchFile`.
 *
 * Names and shapes must fit the model exactly. Stored half precision becomes float32. The caller owns the parameters. What a PEFT file
 * says that is not known here, and that seems to change nothing, is among the delta's `warnings`, which `train` reports.
 *
 * @param base - The model that the adapter was made for, loaded with the same head.
 * @param source - The folder: a path, an address, or any `Files`.
 * @throws {FileError} When there is no adapter in the folder.
 * @throws {FormatError} When it is of another base, of a form that is not read, or damaged; lists everything that is missing,
 *   unexpected, misshapen, or targeted in vain. When the model has other labels, or the same in another order.
 * @example
 * const tuned = attach(base, await loadAdapter(base, "adapters/spam"));
 */
export async function loadAdapter(
  base: LanguageModel,
  source: string | Files,
  options: LoadAdapterOptions = {},
): Promise<Delta | Stack> {
  const { methods = builtIn, otherWeights, ignore } = parseConfig("loadAdapter", schema, options);
  const files = openFiles(source);
  const { location } = files;
  const [isPeft, isNative] = [await hasFile(files, CONFIG_FILE), await hasFile(files, NATIVE_CONFIG)];
  if (isPeft && isNative) {
    throw new FormatError({
      message: `loadAdapter: ${location} has both ${CONFIG_FILE} and ${NATIVE_CONFIG}; a save was interrupted: remove the older one`,
      location,
    });
  }
  if (isNative) return loadNative(base, files, await readJson(files, NATIVE_CONFIG), methods, otherWeights);
  if (!isPeft) {
    const other = (await loadOpenDelta(base, files)) ?? (await loadKohya(base, files));
    if (other !== undefined) return other;
    throw new FileError({
      message: `loadAdapter: ${location} has neither ${CONFIG_FILE} nor ${NATIVE_CONFIG}; is it an adapter's folder?`,
      location,
    });
  }
  const json = asFields(await readJson(files, CONFIG_FILE));
  const other = json["peft_type"] === undefined ? await loadForeign(base, files, json) : undefined;
  if (other !== undefined) return other;
  return loadPeft(base, files, json, methods, ignore);
}
