import { checkOptions, type Files } from "@cambium/base";
import type { SafetensorsEntry } from "@cambium/core";
import type { Architecture, ModelConfig } from "./architecture.ts";
import type { ModelLayout } from "./create.ts";
import { fitCheckpoint } from "./fit.ts";
import { type HeadConfig, type HeadKind, parseHeadConfig } from "./head-config.ts";
import { layoutOf } from "./language-model.ts";
import { joinLayout } from "./layout.ts";
import { openSource } from "./open-source.ts";

/** Settings of `inspectModel`. */
export interface InspectModelOptions {
  /** The head to look at. @default the one that the file says it has */
  readonly head?: HeadConfig;
  /** Architectures to choose from. @default those of this package */
  readonly architectures?: readonly Architecture[];
}

/** What a file holds for one parameter. */
export interface StoredParameter extends SafetensorsEntry {
  /** Its name in the file. */
  readonly fileName: string;
}

/** A model's files, seen without reading a weight. `delta` counts on it as on a model. */
export interface ModelInspection extends ModelLayout {
  /** What stands for each parameter in the file, in the order of the forward pass. */
  readonly stored: ReadonlyMap<string, StoredParameter>;
  /** Parameters that the file lacks, which would be random. */
  readonly created: readonly string[];
  /** Names in the file that the model does not use. */
  readonly unused: readonly string[];
}

/**
 * What is in a model's folder or GGUF file: its architecture, config, head, sites and parameters, each with its shape, type and size in the
 * file. The headers of the weights are read, no weight is.
 *
 * @param source - As for `loadModel`.
 * @throws {FileError} When a file is absent or cannot be read.
 * @throws {FormatError} When a file is damaged, or its names and shapes do not fit the config (all are listed).
 * @throws {ConfigError} When the config is of a model that is not supported.
 * @example
 * const { head, parameters, stored } = await inspectModel("models/spam");
 */
export async function inspectModel(
  source: string | Files,
  options: InspectModelOptions = {},
): Promise<ModelInspection> {
  checkOptions("inspectModel", options, ["head", "architectures"]);
  const opened = await openSource("inspectModel", source, options.architectures);
  const { architecture, json, checkpoint, location, caller } = opened;
  const config = architecture.parse(caller, json, "file");
  const head =
    options.head === undefined ? storedHead(json, architecture, config) : parseHeadConfig("inspectModel", options.head);
  const fit = fitCheckpoint(
    {
      architecture,
      layout: layoutOf(architecture, config, head),
      body: joinLayout(architecture.layout(config)),
      hasHead: head !== undefined,
      stored: checkpoint.metadata,
    },
    checkpoint.entries,
    location,
  );
  const stored = [...fit.found].map(
    ([name, fileName]) => [name, { ...checkpoint.entries.get(fileName)!, fileName }] as const,
  );
  return {
    ...fit.layout,
    architecture,
    config,
    ...(head !== undefined && { head }),
    stored: new Map(stored),
    created: [...fit.created.keys()],
    unused: fit.unused,
  };
}

/** What a config file says of heads, as far as it is well formed. */
interface HeadKeys {
  readonly architectures?: unknown;
  readonly id2label?: unknown;
  readonly num_labels?: unknown;
  readonly problem_type?: unknown;
}

/** The head of a file by transformers' class name, its labels, and its problem; undefined for the body alone. */
function storedHead(json: HeadKeys, architecture: Architecture, config: ModelConfig): HeadConfig | undefined {
  const [className] = Array.isArray(json.architectures) ? (json.architectures as readonly unknown[]) : [];
  const { base: _, ...byKind } = architecture.classNames(config);
  const kinds = (Object.keys(byKind) as HeadKind[]).filter((kind) => byKind[kind] === className);
  if (kinds.length === 0) return undefined;
  const labels = labelsIn(json);
  const isNumber = json.problem_type === "regression" || (json.problem_type == null && labels.length === 1);
  const kind = kinds.length === 1 ? kinds[0]! : isNumber ? "regression" : "sequence-classification";
  if (kind === "sequence-classification" || kind === "token-classification") {
    return parseHeadConfig("inspectModel", { kind, labels });
  }
  return { kind } as HeadConfig;
}

/** Names of the classes, by their indices; transformers has two where a config says nothing. */
function labelsIn({ id2label, num_labels: count }: HeadKeys): readonly string[] {
  if (typeof id2label === "object" && id2label !== null) {
    const entries = Object.entries(id2label).sort(([a], [b]) => Number(a) - Number(b));
    return entries.map(([, label]) => String(label));
  }
  const length = Number.isSafeInteger(count) ? (count as number) : 2;
  return Array.from({ length }, (_, i) => `LABEL_${i}`);
}
