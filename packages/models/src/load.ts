import { ConfigError, type Files, openCheckpoint, openFiles, type Random, random, readJson } from "@cambium/core";
import { parseEncoderConfig } from "./config.ts";
import { createParameters } from "./create.ts";
import { assembleModel, type EncoderModel } from "./encoder-model.ts";
import { fitCheckpoint } from "./fit.ts";
import { type HeadConfig, labelsOf, parseHeadConfig } from "./head-config.ts";

/** Settings of `loadModel`. */
export interface LoadModelOptions {
  /** What stands on top. A head that the file lacks is created. @default nothing: the encoder alone */
  readonly head?: HeadConfig;
  /** Where a created head's weights come from. @default random(0) */
  readonly random?: Random;
}

/**
 * A BERT or RoBERTa from a Hugging Face folder: `config.json`, and `model.safetensors`, which may be split into several
 * files with `model.safetensors.index.json`.
 *
 * Weights of any float width become float32. The caller owns `parameters`.
 *
 * @param source - The folder: a path, an address, or any `Files`.
 * @throws {FileError} When a file is absent or cannot be read.
 * @throws {FormatError} When a file is damaged, or its names and shapes do not fit the config; all are listed.
 * @throws {ConfigError} When the config is of a model that is not supported, or the labels are not the file's.
 * @example
 * const model = await loadModel("models/minilm", { head: { kind: "sequence-classification", labels: ["ham", "spam"] } });
 */
export async function loadModel(source: string | Files, options: LoadModelOptions = {}): Promise<EncoderModel> {
  const head = options.head === undefined ? undefined : parseHeadConfig("loadModel", options.head);
  const files = openFiles(source);
  const json = await readJson(files, "config.json");
  const config = parseEncoderConfig(`loadModel: config.json in ${files.location}`, json, "file");
  const checkpoint = await openCheckpoint(files);
  const { found, created, unused } = fitCheckpoint(config, head, checkpoint.entries, files.location);
  if (created.size === 0) checkLabels(head, json, files.location);

  const stored = await checkpoint.load(found.values());
  const parameters = new Map([...found].map(([name, fileName]) => [name, stored.get(fileName)!]));
  const made = createParameters(created, config, options.random ?? random(0));
  return assembleModel({
    config,
    head,
    parameters: new Map([...parameters, ...made]),
    created: [...created.keys()],
    unused,
  });
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
