import { ConfigError, type Files, openFiles, readJson } from "@cambium/base";
import { disposeParameters, openCheckpoint, type Random, random, type Safetensors } from "@cambium/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { type EncoderConfig, parseEncoderConfig } from "./config.ts";
import { createParameters } from "./create.ts";
import { assembleModel, type EncoderModel } from "./encoder-model.ts";
import { fitCheckpoint } from "./fit.ts";
import { checkNotQuantised, eightBitNames, loadEightBit } from "./frozen.ts";
import { type HeadConfig, labelsOf, parseHeadConfig } from "./head-config.ts";

/** Settings of `loadModel`. */
export interface LoadModelOptions {
  /** What stands on top. A head that the file lacks is created. @default nothing: the encoder alone */
  readonly head?: HeadConfig;
  /** Where a created head's weights come from. @default random(0) */
  readonly random?: Random;
  /**
   * How the matrices of attention and feed-forward layers are held. `"int8"` rounds them to 8 bits as they are read, and
   * their products, forward and for the gradient of their inputs, run in 8 bits: see the guide to 8-bit layers for what that
   * costs. @default "float32"
   */
  readonly frozen?: "float32" | "int8";
  /** Weights that `frozen: "int8"` leaves in float32, by name, such as `overBudget` gives them. @default [] */
  readonly keepFloat?: readonly string[];
}

/**
 * A BERT or RoBERTa from a Hugging Face folder: `config.json`, and `model.safetensors`, which may be split into several
 * files with `model.safetensors.index.json`.
 *
 * Weights of any float width become float32, or 8 bits where `frozen` asks for it. The caller owns `parameters`.
 *
 * @param source - The folder: a path, an address, or any `Files`.
 * @throws {FileError} When a file is absent or cannot be read.
 * @throws {FormatError} When a file is damaged, its names and shapes do not fit the config (all are listed), or its weights
 *   are quantised already.
 * @throws {ConfigError} When the config is of a model that is not supported, or the labels are not the file's.
 * @example
 * const model = await loadModel("models/minilm", { head: { kind: "sequence-classification", labels: ["ham", "spam"] } });
 */
export async function loadModel(source: string | Files, options: LoadModelOptions = {}): Promise<EncoderModel> {
  const head = options.head === undefined ? undefined : parseHeadConfig("loadModel", options.head);
  const files = openFiles(source);
  const json = await readJson(files, "config.json");
  checkNotQuantised(json, files.location);
  const config = parseEncoderConfig(`loadModel: config.json in ${files.location}`, json, "file");
  const eightBit = frozenNames(config, options);
  const checkpoint = await openCheckpoint(files);
  const { found, created, unused } = fitCheckpoint(config, head, checkpoint.entries, files.location);
  if (created.size === 0) checkLabels(head, json, files.location);

  const parameters = await loadParameters(checkpoint, found, eightBit);
  const made = createParameters(created, config, options.random ?? random(0));
  return assembleModel({
    config,
    head,
    parameters: new Map([...parameters, ...made]),
    created: [...created.keys()],
    unused,
  });
}

/** Names of the weights that are put into 8 bits. */
function frozenNames(
  config: EncoderConfig,
  { frozen = "float32", keepFloat = [] }: LoadModelOptions,
): ReadonlySet<string> {
  if (frozen === "int8") return eightBitNames(config, keepFloat);
  if (frozen === "float32" && keepFloat.length === 0) return new Set();
  throw new ConfigError({
    message:
      frozen === "float32"
        ? 'loadModel: keepFloat says what frozen: "int8" leaves out, and frozen is "float32"'
        : `loadModel: frozen must be "float32" or "int8", got ${JSON.stringify(frozen)}`,
    frozen,
  });
}

/** Parameters in the order of `found`, which maps them to names in the file. */
async function loadParameters(
  checkpoint: Safetensors,
  found: ReadonlyMap<string, string>,
  eightBit: ReadonlySet<string>,
): Promise<Map<string, Tensor>> {
  const rounded = await loadEightBit(checkpoint, new Map([...found].filter(([name]) => eightBit.has(name))));
  try {
    const plain = [...found].filter(([name]) => !eightBit.has(name));
    const stored = await checkpoint.load(plain.map(([, fileName]) => fileName));
    return new Map([...found].map(([name, fileName]) => [name, rounded.get(name) ?? stored.get(fileName)!]));
  } catch (error) {
    disposeParameters(rounded);
    throw error;
  }
}

/** A stored classifier's labels have an order: asking for them in another one would silently swap the classes. */
function checkLabels(head: HeadConfig | undefined, json: unknown, location: string): void {
  const asked = labelsOf(head);
  const named = (json as { id2label?: Record<string, string> | null }).id2label;
  if (asked === undefined || named == null) return;
  const stored = Object.keys(named)
    .sort((a, b) => Number(a) - Number(b))
    .map((index) => named[index]!);
  const isNamed = stored.some((label, i) => label !== `LABEL_${i}`);
  if (isNamed && stored.join("\n") !== asked.join("\n")) {
    throw new ConfigError({
      message: `loadModel: the classifier in ${location} has the labels ${stored.join(", ")}, in this order; got ${asked.join(", ")}`,
      stored,
      asked,
    });
  }
}
