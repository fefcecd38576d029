import { checkOptions, type Files, FormatError } from "@cambium/base";
import { disposeParameters, type Random, random, startTensors } from "@cambium/core";
import { clone, type Tensor } from "@tensorflow/tfjs-core";
import type { Architecture, ModelConfig } from "./architecture.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { type Fit, fitCheckpoint } from "./fit.ts";
import { type Frozen, frozenForms, loadFrozen } from "./frozen.ts";
import { type HeadConfig, hasTaskModel, parseHeadConfig, settleHead } from "./head-config.ts";
import { assembleModel, type LanguageModel, layoutOf, pooledHead } from "./language-model.ts";
import { joinLayout, type Layout } from "./layout.ts";
import { openSource } from "./open-source.ts";
import { checkStoredHead, withoutHeadKey } from "./stored-head.ts";
import { readModuleFiles } from "./tokenizer-files.ts";

/** Settings of `loadModel`. */
export interface LoadModelOptions<Top extends HeadConfig = HeadConfig> {
  /** What stands on top. A head that the file lacks is created. @default nothing: the body alone */
  readonly head?: Top;
  /** Where a created head's weights come from. @default random(0) */
  readonly random?: Random;
  /**
   * How the matrices of attention and feed-forward layers are held, see the guide to frozen layers for what each costs:
   *
   * - `"int8"` rounds them to 8 bits as they are read, and their products, forward and for the gradient of their inputs, run in 8 bits.
   * - `"int4"` rounds them to blocks of 4 bits, and the word embeddings and a language model's head to blocks of 8. Products are those of
   *   float32 with the rounded weights.
   * - `"as stored"` keeps the blocks of a GGUF file (Q4_0, Q4_1, Q8_0), of embeddings and head too, and rounds nothing. What the
   *   file has as floats is float32.
   *
   * @default "float32"
   */
  readonly frozen?: Frozen;
  /** Weights that `frozen` leaves in float32, by name, such as `overBudget` gives them. @default [] */
  readonly keepFloat?: readonly string[];
  /** Architectures to choose from. @default those of this package */
  readonly architectures?: readonly Architecture[];
}

/**
 * A model from a Hugging Face folder: `config.json`, and `model.safetensors`, which may be split into several files with
 * `model.safetensors.index.json`. The config's `model_type` chooses the architecture. Or from a GGUF file, whose metadata are the
 * config: its blocks become float32 one tensor after the other.
 *
 * Weights of any float width become float32, or what `frozen` asks for, one tensor after the other. The caller owns `parameters`.
 *
 * @param source - The folder: a path, an address, or any `Files`; or the path or address of a `.gguf` file, or a folder that
 *   holds one and no `config.json`.
 * @throws {FileError} When a file is absent or cannot be read.
 * @throws {FormatError} When a file is damaged, its names and shapes do not fit the config (all are listed), its weights
 *   are quantised already, or one that is to be rounded is not finite.
 * @throws {ConfigError} When the config is of a model that is not supported, weights cannot be held as `frozen` asks, or the file's head is another than the one that was
 *   asked for: of other labels, of another problem, or reading other rows.
 * @example
 * const model = await loadModel("models/minilm", { head: { kind: "sequence-classification", labels: ["ham", "spam"] } });
 */
export async function loadModel<Config extends ModelConfig = ModelConfig, Top extends HeadConfig = HeadConfig>(
  source: string | Files,
  options: LoadModelOptions<Top> = {},
): Promise<LanguageModel<Config, Top>> {
  checkOptions("loadModel", options, ["head", "random", "frozen", "keepFloat", "architectures"]);
  const asked = options.head === undefined ? undefined : parseHeadConfig("loadModel", options.head);
  const opened = await openSource("loadModel", source, options.architectures);
  const { architecture, json, checkpoint, files, location, caller } = opened;
  const parsed = architecture.parse(caller, withoutHeadKey(json), "file");
  const settled = asked?.kind === "embedding" ? settleHead("loadModel", asked, await readModuleFiles(files)) : asked;
  const head = settled === undefined ? undefined : pooledHead(architecture, parsed, settled);
  const { config, fit } = await settle(architecture, parsed, head, checkpoint, location);
  const { layout, found, created, unused } = fit;
  const body = joinLayout(architecture.layout(config));
  if (head !== undefined && [...created.keys()].every((name) => body.parameters.has(name))) {
    checkStoredHead({ architecture, config, head, layout, body, json, location });
  }
  const forms = frozenForms({ layout, checkpoint, found, location }, options.frozen, options.keepFloat);

  const parameters = await loadParameters(checkpoint, found, layout, forms);
  const made = startTensors(created, options.random ?? random(0));
  return assembleModel({
    architecture,
    config: config as Config,
    head,
    layout,
    parameters: new Map([...parameters, ...made]),
    created: [...created.keys()],
    unused,
    source: files.name,
  });
}

/** Parameters in the order of `found`, which maps them to names in the file. */
async function loadParameters(
  checkpoint: Checkpoint,
  found: ReadonlyMap<string, string>,
  layout: Layout,
  forms: Parameters<typeof loadFrozen>[3],
): Promise<Map<string, Tensor>> {
  const rounded = await loadFrozen(checkpoint, found, layout, forms);
  try {
    const plain = [...found].filter(([name]) => !rounded.has(name));
    const stored = await checkpoint.load(plain.map(([, fileName]) => fileName));
    const taken = new Set<string>();
    return new Map(
      [...found].map(([name, fileName]) => {
        const frozen = rounded.get(name);
        if (frozen !== undefined) return [name, frozen];
        const tensor = stored.get(fileName)!;
        const isTaken = taken.has(fileName); // by another parameter, where the file keeps two as one
        taken.add(fileName);
        return [name, isTaken ? clone(tensor) : tensor];
      }),
    );
  } catch (error) {
    disposeParameters(rounded);
    throw error;
  }
}

/**
 * How a checkpoint serves the model of a config, after the question that only its values answer: whether what the config
 * calls one tensor is one.
 *
 * @throws {FormatError} When it does not, or holds different values under two names of one tensor.
 */
async function settle(
  architecture: Architecture,
  config: ModelConfig,
  head: HeadConfig | undefined,
  checkpoint: Checkpoint,
  location: string,
): Promise<{ readonly config: ModelConfig; readonly fit: Fit }> {
  const layout = layoutOf(architecture, config, head);
  const body = joinLayout(architecture.layout(config));
  const request = { architecture, layout, body, hasHead: hasTaskModel(head), stored: checkpoint.metadata };
  const fit = fitCheckpoint(request, checkpoint.entries, location);
  for (const { name, fileName } of fit.aliases) {
    const own = fit.found.get(name)!;
    if (await isEqual(checkpoint, own, fileName)) continue;
    const { untie } = architecture;
    if (untie !== undefined && [own, fileName].includes(untie.name)) {
      return settle(architecture, untie.config(config), head, checkpoint, location);
    }
    throw new FormatError({
      message: `loadModel: "${own}" and "${fileName}" in ${location} are one tensor in this model, and differ in the file; is its config.json the one that it was saved with?`,
      name,
      fileName,
      location,
    });
  }
  return { config, fit };
}

async function isEqual(checkpoint: Checkpoint, first: string, second: string): Promise<boolean> {
  const [a, b] = [await checkpoint.values(first), await checkpoint.values(second)];
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
