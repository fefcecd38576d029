import { checkOptions, type Files } from "@cambium/base";
import type { SafetensorsEntry } from "@cambium/core";
import type { Architecture } from "./architecture.ts";
import type { ModelLayout } from "./create.ts";
import { fitCheckpoint } from "./fit.ts";
import { type HeadConfig, parseHeadConfig } from "./head-config.ts";
import { layoutOf, pooledHead } from "./language-model.ts";
import { joinLayout } from "./layout.ts";
import { openSource } from "./open-source.ts";
import { headIn, withoutHeadKey } from "./stored-head.ts";

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
  const config = architecture.parse(caller, withoutHeadKey(json), "file");
  const asked =
    options.head === undefined
      ? headIn("inspectModel", json, architecture, config)
      : parseHeadConfig("inspectModel", options.head);
  const head = asked === undefined ? undefined : pooledHead(architecture, config, asked);
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
